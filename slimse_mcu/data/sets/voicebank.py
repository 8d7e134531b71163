"""VoiceBank+DEMAND: the folders as they are published, 48 kHz or resampled already.

Valentini-Botinhao, "Noisy speech database for training speech enhancement algorithms and TTS models", University of
Edinburgh, 2017.  28 speakers train (56 in the larger version), p232 and p257 test.
"""

from __future__ import annotations

import re
from pathlib import Path

from slimse_mcu.data.audio_files import Rejected, find
from slimse_mcu.data.corpus_folder import DONE
from slimse_mcu.data.sets.layout import Layout, Listing, Pair, no_split
from slimse_mcu.data.sources import Tags

_FOLDER = re.compile(r"(clean|noisy)_(train|test)set(?:_(28|56)spk)?(?:_wav)?(?:_16k(?:hz)?)?", re.IGNORECASE)
_VALID_SPEAKERS = ("p226", "p287")
_LARGEST_LOG_BYTES = 1 << 24


class VoiceBank(Layout):
    """The layout; ``speakers`` is the version to train on, the other one is taken where only that is there."""

    kind = "voicebank"
    title = "VoiceBank+DEMAND"
    looks_like = "clean_trainset_28spk_wav/, noisy_trainset_28spk_wav/, clean_testset_wav/ and noisy_testset_wav/"
    speakers = "28"

    def recognises(self, path: Path) -> bool:
        if not path.is_dir() or (path / DONE).exists():
            return False
        return any(_FOLDER.fullmatch(one.name) is not None for one in path.iterdir() if one.is_dir())

    def splits(self, path: Path) -> tuple[str, ...]:
        found = []
        if self._folders(path, "train") is not None:
            found += ["train", "valid"]
        return (*found, "test") if self._folders(path, "test") is not None else tuple(found)

    def listing(self, path: Path, split: str) -> Listing:
        part = "test" if split == "test" else "train"
        folders = self._folders(path, part)
        if folders is None:
            raise no_split(self, path, split)
        noisy, clean = (_by_stem(folder) for folder in folders)
        tags = _log(path, part, self.speakers)
        pairs = [
            Pair(stem, noisy[stem], clean[stem], {"voice": _speaker(stem), "language": "en", **tags.get(stem, {})})
            for stem in sorted(noisy.keys() & clean.keys())
        ]
        if part == "train":
            valid = _valid_speakers({_speaker(pair.name) for pair in pairs})
            pairs = [pair for pair in pairs if (_speaker(pair.name) in valid) == (split == "valid")]
        alone = [
            *(Rejected(noisy[stem], f"has no partner in {folders[1].name}") for stem in noisy if stem not in clean),
            *(Rejected(clean[stem], f"has no partner in {folders[0].name}") for stem in clean if stem not in noisy),
        ]
        return Listing(pairs=tuple(pairs), rejected=tuple(alone))

    def _folders(self, path: Path, part: str) -> tuple[Path, Path] | None:
        """Noisy and clean folder of the training or test part."""
        found: dict[tuple[str, str], Path] = {}
        for one in sorted(path.iterdir()) if path.is_dir() else ():
            match = _FOLDER.fullmatch(one.name)
            if match is not None and match[2].lower() == part and one.is_dir():
                found.setdefault((match[3] or "", match[1].lower()), one)
        versions = sorted({version for version, _ in found}, key=lambda version: (version != self.speakers, version))
        for version in versions:
            if (version, "noisy") in found and (version, "clean") in found:
                return found[version, "noisy"], found[version, "clean"]
        return None


def _by_stem(folder: Path) -> dict[str, Path]:
    """Files by name; archives unpack to folders within folders, and names are unique here."""
    return {path.stem: path for path in reversed(find(folder))}


def _speaker(stem: str) -> str:
    return stem.partition("_")[0]


def _valid_speakers(speakers: set[str]) -> set[str]:
    """Two speakers that train no model: the usual ones, or the last two; none of fewer than three."""
    usual = set(_VALID_SPEAKERS) & speakers
    return usual or (set(sorted(speakers)[-2:]) if len(speakers) > 2 else set())


def _log(path: Path, part: str, speakers: str) -> dict[str, Tags]:
    """Noise and ratio of each recording, from ``log_testset.txt`` and the like where they are."""
    names = ("log_testset.txt",) if part == "test" else (f"log_trainset_{speakers}spk.txt", "log_trainset.txt")
    log = next(
        (found for folder in (path, path / "logfiles") for name in names if (found := folder / name).is_file()), None
    )
    if log is None or log.stat().st_size > _LARGEST_LOG_BYTES:
        return {}
    tags: dict[str, Tags] = {}
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        name, *facts = line.split()[:3] or [""]
        ratio = next((value for one in facts if (value := _ratio_db(one)) is not None), None)
        noise = next((one for one in facts if _ratio_db(one) is None), None)
        known: dict[str, str | float] = {} if ratio is None else {"snr_db": ratio}
        tags[name.removesuffix(".wav")] = known if noise is None else {**known, "noise": noise}
    return tags


def _ratio_db(text: str) -> float | None:
    """A number of decibels, or None."""
    match = re.fullmatch(r"(-?\d{1,3}(?:\.\d{1,4})?)(?:dB)?", text, re.IGNORECASE)
    return float(match[1]) if match else None


LAYOUT = VoiceBank()
