"""What a layout of a data set is: a file in this folder that defines ``LAYOUT``."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from slimse_mcu.data.audio_files import Rejected, find
from slimse_mcu.data.sources import Tags
from slimse_mcu.errors import SlimseError

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Pair:
    """A noisy file and its clean reference, where there is one."""

    name: str
    noisy: Path
    clean: Path | None
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of one split, none of them opened yet.

    Attributes:
        speech: Clean speech to mix.
        noise: Noise to mix.
        pairs: Noisy files with references.
        rejected: Files without partner and the like.
    """

    speech: tuple[Path, ...] = ()
    noise: tuple[Path, ...] = ()
    pairs: tuple[Pair, ...] = ()
    rejected: tuple[Rejected, ...] = ()


class Layout(ABC):
    """One way that a data set lies on a disk.

    Attributes:
        kind: Its name, as ``--kind`` takes it.
        title: What a user calls such a set.
        looks_like: What has to be where, for a message.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    looks_like: ClassVar[str]

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether a folder or file is of this kind, told by names only; at most one layout may say so."""

    @abstractmethod
    def splits(self, path: Path) -> tuple[str, ...]:
        """Which of :data:`SPLITS` can be listed.

        Raises:
            SlimseError: The set is not fit for use as a whole.
        """

    @abstractmethod
    def listing(self, path: Path, split: str) -> Listing:
        """The files of a split.

        Raises:
            SlimseError: There is no such split.
        """

    def damage(self, path: Path) -> tuple[Rejected, ...]:
        """What is wrong with a set as a whole; reads all of it."""
        return ()


def subfolder(path: Path, *names: str) -> Path | None:
    """The first folder of these names below a path, in any case of letters; None if there is none."""
    if not path.is_dir():
        return None
    present = {one.name.lower(): one for one in sorted(path.iterdir(), reverse=True) if one.is_dir()}
    return next((present[name.lower()] for name in names if name.lower() in present), None)


def no_split(layout: Layout, path: Path, split: str) -> SlimseError:
    """The error for a split that a folder does not have."""
    has = layout.splits(path)
    hint = f"It has {', '.join(has)}." if has else f"Expected: {layout.looks_like}."
    return SlimseError(f"{path} ({layout.title}) has no {split} recordings.", hint=hint)


def match_by_name(noisy: Path, clean: Path | None) -> Listing:
    """Pair files of two folders by their path below the folder without suffix.

    Args:
        noisy: Folder of degraded recordings, searched recursively.
        clean: Folder of references; None leaves all without reference.
    """
    degraded, twice = _by_key(noisy)
    if clean is None:
        return Listing(pairs=tuple(Pair(_name(key), path, None) for key, path in degraded.items()), rejected=twice)
    references, twice_clean = _by_key(clean)
    pairs = tuple(Pair(_name(key), degraded[key], references[key]) for key in degraded if key in references)
    rejected = [
        *twice,
        *twice_clean,
        *(Rejected(path, f"has no partner in {clean.name}") for key, path in degraded.items() if key not in references),
        *(Rejected(path, f"has no partner in {noisy.name}") for key, path in references.items() if key not in degraded),
    ]
    return unique_names(Listing(pairs=pairs, rejected=tuple(rejected)))


def unique_names(listing: Listing) -> Listing:
    """Leave out pairs whose name another one has."""
    seen: set[str] = set()
    kept: list[Pair] = []
    rejected = list(listing.rejected)
    for pair in listing.pairs:
        if pair.name in seen:
            rejected.append(Rejected(pair.noisy, f"has the same name as another recording ({pair.name})"))
        else:
            seen.add(pair.name)
            kept.append(pair)
    return Listing(listing.speech, listing.noise, tuple(kept), tuple(rejected))


def held_out(names: Iterable[str], share: float) -> set[str]:
    """The names that validate and never train: about a share of them, chosen by hash.

    At least one of two or more; a name's choice does not depend on the others, so more files do not move old ones.
    """
    hashes = {_hash(name): name for name in names}
    chosen = {name for number, name in hashes.items() if number < share}
    return chosen if chosen or len(hashes) < 2 else {hashes[min(hashes)]}


def _hash(name: str) -> float:
    """A number in [0, 1)."""
    digest = hashlib.sha256(name.encode(errors="surrogateescape")).digest()
    return float(int.from_bytes(digest[:6], "big") / 2**48)


def _by_key(folder: Path) -> tuple[dict[str, Path], tuple[Rejected, ...]]:
    found: dict[str, Path] = {}
    twice = []
    for path in find(folder):
        key = path.relative_to(folder).with_suffix("").as_posix()
        if key in found:
            twice.append(Rejected(path, f"has the same name as {found[key].name}"))
        else:
            found[key] = path
    return found, tuple(twice)


def _name(key: str) -> str:
    return key.replace("/", "-")


def part_of(pairs: Sequence[Pair], split: str, valid_share: float) -> tuple[Pair, ...]:
    """Pairs of a folder that has no splits of its own: all to test, a share by name to validate, the rest to train."""
    if split == "test":
        return tuple(pairs)
    valid = held_out((pair.name for pair in pairs), valid_share)
    return tuple(pair for pair in pairs if (pair.name in valid) == (split == "valid"))
