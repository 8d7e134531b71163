"""Folders in the manner of the DNS Challenge: clean speech and noise in many folders, mixed on the fly."""

from __future__ import annotations

import re
from pathlib import Path

from slimse_mcu.data.audio_files import Rejected, find
from slimse_mcu.data.corpus_folder import DONE
from slimse_mcu.data.sets.layout import (
    Layout,
    Listing,
    Pair,
    held_out,
    match_by_name,
    no_split,
    subfolder,
    unique_names,
)

_VALID_SHARE = 0.02
_ROOTS = ("datasets_fullband", "datasets", "")
_CLEAN = ("clean_fullband", "clean", "clean_speech", "speech")
_NOISE = ("noise_fullband", "noise", "noises")
_TESTS = ("test_set", "dev_testset", "testset", "test")
_FILE_ID = re.compile(r"fileid_(\d+)$")
_SNR = re.compile(r"snr(-?\d+)")


class _Dns(Layout):
    kind = "dns"
    title = "clean speech and noise to mix, as of the DNS Challenge"
    looks_like = "clean/ and noise/ (or clean_fullband/ and noise_fullband/, perhaps inside datasets_fullband/)"

    def recognises(self, path: Path) -> bool:
        if not path.is_dir() or (path / DONE).exists() or subfolder(path, "noisy") is not None:
            return False
        test = self._test(path)
        return None not in self._sources(path) or (test is not None and subfolder(test, "synthetic") is not None)

    def splits(self, path: Path) -> tuple[str, ...]:
        sources = ("train", "valid") if None not in self._sources(path) else ()
        return (*sources, "test") if self._test(path) is not None else sources

    def listing(self, path: Path, split: str) -> Listing:
        if split == "test":
            return self._test_listing(path)
        clean, noise = self._sources(path)
        if clean is None or noise is None:
            raise no_split(self, path, split)
        return Listing(speech=_part(clean, split), noise=_part(noise, split))

    def _sources(self, path: Path) -> tuple[Path | None, Path | None]:
        """The folders of clean speech and of noise."""
        for name in _ROOTS:
            root = subfolder(path, name) if name else path
            if root is not None and (clean := subfolder(root, *_CLEAN)) and (noise := subfolder(root, *_NOISE)):
                return clean, noise
        return None, None

    def _test(self, path: Path) -> Path | None:
        """The folder that noisy recordings to evaluate lie below."""
        roots = [path, *(root for name in _ROOTS[:2] if (root := subfolder(path, name)) is not None)]
        found = next((folder for root in roots if (folder := subfolder(root, *_TESTS)) is not None), None)
        return path if found is None and subfolder(path, "synthetic") is not None else found

    def _test_listing(self, path: Path) -> Listing:
        root = self._test(path)
        if root is None:
            raise no_split(self, path, "test")
        noisy = sorted(folder for folder in root.rglob("*") if folder.is_dir() and folder.name.lower() == "noisy")
        pairs: list[Pair] = []
        rejected: list[Rejected] = []
        for folder in noisy:
            found = match_by_file_id(folder, subfolder(folder.parent, "clean"))
            room = folder.parent.relative_to(root).as_posix()
            prefix = "" if len(noisy) == 1 else room.replace("/", "-") + "-"
            pairs += [Pair(prefix + one.name, one.noisy, one.clean, {**one.tags, "room": room}) for one in found.pairs]
            rejected += found.rejected
        return unique_names(Listing(pairs=tuple(pairs), rejected=tuple(rejected)))


def match_by_file_id(noisy: Path, clean: Path | None) -> Listing:
    """Pair ``..._snr5_..._fileid_7.wav`` with ``clean_fileid_7.wav``; by name where there are no such numbers."""
    references = {match[1]: one for one in (find(clean) if clean else ()) if (match := _FILE_ID.search(one.stem))}
    degraded = [(one, _FILE_ID.search(one.stem)) for one in find(noisy)]
    if not references or not all(match for _, match in degraded):
        found = match_by_name(noisy, clean)
        return Listing(pairs=tuple(_tagged(pair) for pair in found.pairs), rejected=found.rejected)
    pairs, rejected = [], []
    for path, match in degraded:
        reference = references.pop(match[1], None) if match else None
        if reference is None:
            rejected.append(Rejected(path, f"has no partner in {clean.name if clean else 'clean'}"))
        else:
            pairs.append(_tagged(Pair(path.stem, path, reference)))
    rejected += [Rejected(path, f"has no partner in {noisy.name}") for path in references.values()]
    return Listing(pairs=tuple(pairs), rejected=tuple(rejected))


def _tagged(pair: Pair) -> Pair:
    """A pair with the ratio that its file name states."""
    match = _SNR.search(pair.noisy.stem)
    return pair if match is None else Pair(pair.name, pair.noisy, pair.clean, {**pair.tags, "snr_db": float(match[1])})


def _part(folder: Path, split: str) -> tuple[Path, ...]:
    """Files of a split; a small share, chosen by name, is held out for validation."""
    names = {one: one.relative_to(folder).as_posix() for one in find(folder)}
    valid = held_out(names.values(), _VALID_SHARE)
    return tuple(one for one, name in names.items() if (name in valid) == (split == "valid"))


LAYOUT = _Dns()
