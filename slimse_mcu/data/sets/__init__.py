"""Data sets by folder: which kind a folder is, what it holds, what has to be left out and why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from slimse_mcu.data.audio_files import Rejected, probe_all
from slimse_mcu.data.recordings import MEMORY_BYTES
from slimse_mcu.data.scan import modules
from slimse_mcu.data.sets.layout import Layout, no_split
from slimse_mcu.data.sets.usable import recordings_of, usable_pairs
from slimse_mcu.data.sources import Item, Pairs, Sources, SpeechAndNoise, TestSet
from slimse_mcu.errors import SlimseError

__all__ = ["kind_of", "kinds", "layout_of", "open_sources", "open_test_set"]


@cache
def kinds() -> dict[str, Layout]:
    """All layouts by their kind; each file of this folder with a ``LAYOUT`` is one."""
    found = modules(sys.modules[__name__], "LAYOUT")
    return {module.LAYOUT.kind: module.LAYOUT for module in found.values()}


def layout_of(path: Path, kind: str | None = None) -> Layout:
    """The layout of a folder.

    Args:
        path: A folder, or a file that describes a set.
        kind: Its kind, where it is given rather than recognised.

    Raises:
        SlimseError: The path is missing, of no known kind, or of several.
    """
    if kind is not None and kind not in kinds():
        raise SlimseError(f"There is no kind of data set {kind}.", hint=f"Known kinds: {', '.join(kinds())}.")
    if not path.exists():
        raise SlimseError(f"There is no data set {path}.", hint="`slimse data synth FOLDER` makes a synthetic one.")
    if kind is not None:
        return kinds()[kind]
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
        noisy, clean, bad_pairs = recordings_of(listing)
        if not noisy:
            raise _nothing(layout, path, split, "usable pairs of noisy and clean recordings", tuple(bad_pairs))
        return Pairs(
            path, layout.kind, split, noisy=noisy, clean=clean, rejected=tuple(bad_pairs), memory_bytes=memory_bytes
        )
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
    pairs, rejected = usable_pairs(layout.listing(path, split), advance)
    if not pairs:
        raise _nothing(layout, path, split, "usable pairs of noisy and clean recordings", tuple(rejected))
    items = sorted((Item(one.name, one.noisy, one.clean, one.tags) for one in pairs), key=lambda item: item.name)
    return TestSet(tuple(items), tuple(rejected), layout.kind)


def _nothing(layout: Layout, path: Path, split: str, what: str, rejected: tuple[Rejected, ...]) -> SlimseError:
    """The error for a set in which nothing is left."""
    if rejected:
        first = rejected[0]
        return SlimseError(
            f"{path} ({layout.title}) holds no {what} for {split}: {len(rejected)} files were left out, "
            f"such as {first.path.name}, which {first.reason}.",
            hint=f"`slimse data check {path}` lists them all.",
        )
    if split not in layout.splits(path):
        return no_split(layout, path, split)
    return SlimseError(f"{path} ({layout.title}) holds no {what} for {split}.", hint=f"Expected: {layout.looks_like}.")
