"""What a data set holds and what is wrong with it: every file is read to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from slimse_mcu.data.audio_files import Recording, Rejected, probe_all
from slimse_mcu.data.sets import layout_of
from slimse_mcu.data.sets.layout import Listing
from slimse_mcu.data.sets.usable import unusable, usable_pairs


@dataclass(frozen=True, slots=True)
class Part:
    """The usable recordings of one role.

    Attributes:
        files: How many.
        seconds: Of all of them together.
        rates_hz: Number of files by sample rate.
        mixed_down: Number of files of several channels, which become their mean.
    """

    files: int
    seconds: float
    rates_hz: Mapping[int, int]
    mixed_down: int


@dataclass(frozen=True, slots=True)
class Split:
    """One split of a set.

    Attributes:
        name: ``"train"``, ``"valid"`` or ``"test"``.
        parts: By role.
        rejected: What is left out.
    """

    name: str
    parts: Mapping[str, Part]
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """A data set.

    Attributes:
        path: Where it lies.
        kind: Its layout.
        title: The layout in words.
        splits: Those that there are.
        damage: What is wrong with the set as a whole.
    """

    path: Path
    kind: str
    title: str
    splits: tuple[Split, ...]
    damage: tuple[Rejected, ...]


def check(path: Path, kind: str | None = None, advance: Callable[[str, int, int], None] | None = None) -> Findings:
    """Read a whole data set.

    Args:
        path: Its folder.
        kind: Its layout; None recognises it.
        advance: Called with the split, how many files or pairs are read, and of how many.

    Raises:
        SlimseError: It is of no known kind.
    """
    layout = layout_of(path, kind)
    splits = []
    for name in layout.splits(path):
        listing = layout.listing(path, name)

        def step(done: int, total: int, name: str = name) -> None:
            if advance is not None:
                advance(name, done, total)

        splits.append(_pairs(name, listing, step) if listing.pairs else _recordings(name, listing, step))
    return Findings(path, layout.kind, layout.title, tuple(splits), layout.damage(path))


def _pairs(name: str, listing: Listing, step: Callable[[int, int], None]) -> Split:
    pairs, rejected = usable_pairs(listing, step)
    clean = [pair.clean for pair in pairs if pair.clean is not None]
    noisy, _ = probe_all([pair.noisy for pair in pairs])
    parts = {"noisy": _part(noisy)}
    if clean:
        parts["clean"] = _part(probe_all(clean)[0])
    return Split(name, parts, tuple(rejected))


def _recordings(name: str, listing: Listing, step: Callable[[int, int], None]) -> Split:
    bad = {one.path: one for one in unusable([*listing.speech, *listing.noise], step)}
    roles = {"speech": listing.speech, "noise": listing.noise}
    parts = {
        role: _part(probe_all([path for path in paths if path not in bad])[0]) for role, paths in roles.items() if paths
    }
    return Split(name, parts, (*listing.rejected, *bad.values()))


def _part(recordings: list[Recording]) -> Part:
    rates = Counter(one.rate_hz for one in recordings)
    mixed_down = sum(one.channels > 1 for one in recordings)
    return Part(len(recordings), sum(one.seconds for one in recordings), dict(sorted(rates.items())), mixed_down)
