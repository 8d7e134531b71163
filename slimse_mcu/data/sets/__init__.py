"""Data sets by folder: which kind a folder is, what it holds, what has to be left out and why."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from slimse_mcu.data.audio_files import Recording, Rejected, fault, probe_all
from slimse_mcu.data.recordings import MEMORY_BYTES
from slimse_mcu.data.sets.layout import Layout, Listing, Pair, no_split
from slimse_mcu.data.sources import Item, Pairs, Sources, SpeechAndNoise, TestSet
from slimse_mcu.errors import SlimseError

__all__ = ["check_content", "kind_of", "kinds", "layout_of", "open_sources", "open_test_set", "usable_pairs"]

_LENGTH_SLACK = 16
_READERS = 4


@cache
def kinds() -> dict[str, Layout]:
    """All layouts by their kind: one per file of this folder."""
    found: dict[str, Layout] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda one: one.name):
        layout = getattr(importlib.import_module(f"{__name__}.{module.name}"), "LAYOUT", None)
        if isinstance(layout, Layout):
            found[layout.kind] = layout
    return found


def layout_of(path: Path, kind: str | None = None) -> Layout:
    """The layout of a folder.

    Args:
        path: A folder, or a file that describes a set.
        kind: Its kind, where it is given rather than recognised.

    Raises:
        SlimseError: The path is missing, of no known kind, or of several.
    """
    if kind is not None:
        if kind not in kinds():
            raise SlimseError(f"There is no kind of data set {kind}.", hint=f"Known kinds: {', '.join(kinds())}.")
        if not path.exists():
            raise SlimseError(f"There is no data set {path}.", hint="Check the path.")
        return kinds()[kind]
    if not path.exists():
        raise SlimseError(f"There is no data set {path}.", hint="`slimse data synth FOLDER` makes one.")
    found = [layout for layout in kinds().values() if layout.recognises(path)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SlimseError(
            f"{path} may be of the kinds {', '.join(one.kind for one in found)}.", hint="Choose one with --kind."
        )
    expected = "; ".join(f"{layout.kind}: {layout.looks_like}" for layout in kinds().values())
    raise SlimseError(f"{path} is no data set of a known kind.", hint=f"Expected one of these. {expected}.")


def kind_of(path: Path) -> str:
    """The kind of a folder, see :func:`layout_of`."""
    return layout_of(path).kind


def open_sources(
    path: Path, kind: str | None = None, split: str = "train", *, memory_bytes: int = MEMORY_BYTES
) -> Sources:
    """Recordings to train on; reads headers only.

    Args:
        path: Folder of the set.
        kind: One of :func:`kinds`; None recognises it.
        split: ``"train"`` or ``"valid"``.
        memory_bytes: Recordings that take at most this as 16-bit samples stay in memory.

    Raises:
        SlimseError: The folder is of no known kind, or holds nothing to train on.
    """
    layout = layout_of(path, kind)
    listing = layout.listing(path, split)
    if listing.pairs:
        return _pairs(path, layout, split, listing, memory_bytes)
    speech, bad_speech = probe_all(listing.speech)
    noise, bad_noise = probe_all(listing.noise)
    rejected = (*listing.rejected, *bad_speech, *bad_noise)
    for role, usable in (("speech", speech), ("noise", noise)):
        if not usable:
            raise _nothing(layout, path, split, f"usable {role}", rejected)
    return SpeechAndNoise(
        path, layout.kind, split, speech=speech, noise=noise, rejected=rejected, memory_bytes=memory_bytes
    )


def open_test_set(
    path: Path,
    kind: str | None = None,
    split: str = "test",
    *,
    advance: Callable[[int, int], None] | None = None,
) -> TestSet:
    """Recordings to evaluate; every file is read once, so that each item that is returned can be used.

    Args:
        path: Folder of the set.
        kind: One of :func:`kinds`; None recognises it.
        split: ``"test"`` or ``"valid"``.
        advance: Called with how many pairs were read, and of how many.

    Raises:
        SlimseError: The folder is of no known kind, or holds no usable recording of the split.
    """
    layout = layout_of(path, kind)
    result = usable_pairs(layout, layout.listing(path, split), advance)
    if not result.items:
        raise _nothing(layout, path, split, "usable pairs of noisy and clean recordings", result.rejected)
    return result


def usable_pairs(layout: Layout, listing: Listing, advance: Callable[[int, int], None] | None = None) -> TestSet:
    """The pairs of a listing that can be used; may be none."""
    items: list[Item] = []
    rejected = list(listing.rejected)
    with ThreadPoolExecutor(_READERS) as pool:
        for done, (pair, bad) in enumerate(zip(listing.pairs, pool.map(_pair_fault, listing.pairs), strict=True), 1):
            if bad is None:
                items.append(Item(pair.name, pair.noisy, pair.clean, pair.tags))
            else:
                rejected.append(bad)
            if advance is not None:
                advance(done, len(listing.pairs))
    items.sort(key=lambda item: item.name)
    return TestSet(tuple(items), tuple(rejected), layout.kind)


def check_content(paths: Sequence[Path], advance: Callable[[int, int], None] | None = None) -> list[Rejected]:
    """Read files to the end and return those that cannot be used."""
    usable, rejected = probe_all(paths)
    with ThreadPoolExecutor(_READERS) as pool:
        for done, bad in enumerate(pool.map(fault, usable), 1):
            if bad is not None:
                rejected.append(bad)
            if advance is not None:
                advance(done, len(usable))
    return rejected


def _pairs(path: Path, layout: Layout, split: str, listing: Listing, memory_bytes: int) -> Pairs:
    """Sources of pairs, from headers only."""
    both = [pair for pair in listing.pairs if pair.clean is not None]
    headers = {
        one.path: one
        for part in probe_all([path for pair in both for path in (pair.noisy, pair.clean) if path is not None])
        for one in part
    }
    noisy: list[Recording] = []
    clean: list[Recording] = []
    rejected = list(listing.rejected)
    rejected += [Rejected(pair.noisy, "has no clean reference") for pair in listing.pairs if pair.clean is None]
    for pair in both:
        degraded, reference = headers[pair.noisy], headers[pair.clean]  # type: ignore[index]
        bad = next((one for one in (degraded, reference) if isinstance(one, Rejected)), None)
        if bad is None and isinstance(degraded, Recording) and isinstance(reference, Recording):
            bad = _unequal(pair, degraded.frames, reference.frames, degraded.rate_hz, reference.rate_hz)
            if bad is None:
                noisy.append(degraded)
                clean.append(reference)
        if bad is not None:
            rejected.append(bad)
    if not noisy:
        raise _nothing(layout, path, split, "usable pairs of noisy and clean recordings", tuple(rejected))
    return Pairs(
        path, layout.kind, split, noisy=noisy, clean=clean, rejected=tuple(rejected), memory_bytes=memory_bytes
    )


def _unequal(pair: Pair, noisy: int, clean: int, noisy_hz: int, clean_hz: int) -> Rejected | None:
    """A rejection if lengths differ: not at all at equal rates, else by more than what resampling makes."""
    at_rate = clean if noisy_hz == clean_hz else round(clean * noisy_hz / clean_hz)
    if abs(noisy - at_rate) <= (0 if noisy_hz == clean_hz else _LENGTH_SLACK):
        return None
    return Rejected(
        pair.noisy, f"is {noisy / noisy_hz:.3f} s long and its clean reference {clean / clean_hz:.3f} s ({pair.clean})"
    )


def _pair_fault(pair: Pair) -> Rejected | None:
    """Read both files of a pair; return why it cannot be used, or None."""
    recordings, rejected = probe_all([path for path in (pair.noisy, pair.clean) if path is not None])
    if not rejected and len(recordings) == 2:
        noisy, clean = recordings
        bad = _unequal(pair, noisy.frames, clean.frames, noisy.rate_hz, clean.rate_hz)
        rejected += [bad] if bad is not None else []
    for recording in recordings if not rejected else ():
        bad = fault(recording)
        rejected += [bad] if bad is not None else []
    return rejected[0] if rejected else None


def _nothing(layout: Layout, path: Path, split: str, what: str, rejected: tuple[Rejected, ...]) -> SlimseError:
    """The error for a set in which nothing is left."""
    if not rejected:
        return (
            no_split(layout, path, split)
            if split not in layout.splits(path)
            else SlimseError(
                f"{path} ({layout.title}) holds no {what} for {split}.", hint=f"Expected: {layout.looks_like}."
            )
        )
    first = rejected[0]
    return SlimseError(
        f"{path} ({layout.title}) holds no {what} for {split}: {len(rejected)} files were left out, "
        f"such as {first.path.name}, which {first.reason}.",
        hint=f"`slimse data check {path}` lists them all.",
    )
