"""Checked reading of audio from outside: every file is usable or has a reason why not; none ends a run.

Files of several channels are mixed down to mono (the mean of the channels), other rates are resampled.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from slimse_mcu.data.levels import SAMPLE_RATE_HZ, pcm, rms
from slimse_mcu.errors import AudioError, SlimseError
from slimse_mcu.harness.audio import SUFFIXES

SHORTEST_S = 0.25
"""Recordings below this length are rejected."""

SILENT_RMS = 10 ** (-80 / 20)
"""A recording below -80 dBFS as a whole is silent."""

_RATES_HZ = (4000, 768000)
_MOST_CHANNELS = 64
_PROBES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that is left out.

    Attributes:
        path: The file.
        reason: Why, in words.
    """

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Recording:
    """What the header of a usable file says.

    Attributes:
        path: The file.
        frames: Samples per channel.
        rate_hz: Its sample rate.
        channels: 1 or more; several are mixed down.
        size_bytes: Of the file.
    """

    path: Path
    frames: int
    rate_hz: int
    channels: int
    size_bytes: int

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.frames / self.rate_hz

    def frames_at(self, sample_rate_hz: int) -> int:
        """Samples after resampling."""
        return (
            self.frames if self.rate_hz == sample_rate_hz else math.floor(self.frames * sample_rate_hz / self.rate_hz)
        )


def find(folder: Path) -> list[Path]:
    """All WAV and FLAC files below a folder, sorted by path; hidden ones are left out, links to folders followed once.

    Raises:
        SlimseError: There is no such folder, or it cannot be entered.
    """
    if not folder.is_dir():
        raise SlimseError(f"There is no folder {folder}.", hint="Give the folder that the data set was unpacked to.")
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for root, folders, names in os.walk(folder, followlinks=True, onerror=_refuse):
        status = Path(root).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(root, name) for name in names if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
        ]
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise SlimseError(f"The folder {error.filename} cannot be read ({error.strerror}).", hint="Check its permissions.")


def probe(path: Path) -> Recording | Rejected:
    """Read a file's header."""
    try:
        size_bytes = path.stat().st_size
        if size_bytes == 0:
            return Rejected(path, "is empty")
        info = soundfile.info(path)
        rate_hz, channels, frames = int(info.samplerate), int(info.channels), int(info.frames)
    except (soundfile.SoundFileError, OSError, RuntimeError, ValueError, TypeError) as error:
        return Rejected(path, f"cannot be read as audio ({_words(error)})")
    if not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
        return Rejected(path, f"has a rate of {rate_hz} Hz, not {_RATES_HZ[0]} to {_RATES_HZ[1]} Hz")
    if channels > _MOST_CHANNELS:
        return Rejected(path, f"has {channels} channels, more than {_MOST_CHANNELS}")
    if frames < SHORTEST_S * rate_hz:
        return Rejected(path, f"is too short ({max(frames, 0) / rate_hz:.3f} s, less than {SHORTEST_S} s)")
    return Recording(path, frames, rate_hz, channels, size_bytes)


def probe_all(paths: Sequence[Path]) -> tuple[list[Recording], list[Rejected]]:
    """Read the headers of many files, several at once; order is kept."""
    with ThreadPoolExecutor(_PROBES_AT_ONCE) as pool:
        results = list(pool.map(probe, paths))
    return sorted_out(results)


def sorted_out(results: Iterable[Recording | Rejected]) -> tuple[list[Recording], list[Rejected]]:
    """Separate the usable from the rejected."""
    usable: list[Recording] = []
    rejected: list[Rejected] = []
    for one in results:
        (rejected if isinstance(one, Rejected) else usable).append(one)  # type: ignore[arg-type]
    return usable, rejected


def read(recording: Recording, sample_rate_hz: int, *, first: int = 0, count: int | None = None) -> NDArray[np.float32]:
    """Samples of a file, or a part of it, mono at a given rate; only that part is read from disk.

    Args:
        recording: See :func:`probe`.
        sample_rate_hz: The wanted rate.
        first: Where to begin, in samples at the wanted rate.
        count: How many samples at the wanted rate; None reads to the end.

    Returns:
        ``[count]``, or up to the end of the file, nominally in [-1, 1].

    Raises:
        AudioError: The file is damaged or changed since it was probed.
    """
    path, ratio = recording.path, recording.rate_hz / sample_rate_hz
    begin = round(first * ratio)
    length = recording.frames - begin if count is None else min(math.ceil(count * ratio), recording.frames - begin)
    try:
        with soundfile.SoundFile(path) as file:
            if (int(file.samplerate), int(file.channels)) != (recording.rate_hz, recording.channels):
                raise AudioError(f"{path} changed while it was in use.")
            if begin:
                file.seek(begin)
            samples = file.read(length, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, RuntimeError, ValueError, TypeError) as error:
        raise AudioError(f"{path} cannot be read as audio ({_words(error)}).") from error
    if len(samples) < length:
        raise AudioError(f"{path} ends after {begin + len(samples)} of {recording.frames} samples.")
    mono = samples[:, 0] if recording.channels == 1 else samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise AudioError(f"{path} holds samples that are not finite numbers.")
    if recording.rate_hz != sample_rate_hz:
        mono = soxr.resample(mono, recording.rate_hz, sample_rate_hz, quality="HQ")
    wanted = recording.frames_at(sample_rate_hz) - first if count is None else count
    return np.ascontiguousarray(mono[: max(wanted, 0)], np.float32)


def fault(recording: Recording) -> Rejected | None:
    """Read a file to its end; return why it cannot be used, or None."""
    try:
        audio = read(recording, recording.rate_hz)
    except AudioError as error:
        return Rejected(recording.path, reason(error, recording.path))
    return Rejected(recording.path, "is silent") if rms(audio) < SILENT_RMS else None


def reason(error: AudioError, path: Path) -> str:
    """An error's sentence as the reason of a rejection, without the file's name and the full stop."""
    return error.message.removeprefix(f"{path} ").rstrip(".")


def write_flac(path: Path, audio: NDArray[np.float32]) -> None:
    """A FLAC file of 16 bits at 16 kHz, its folder too, whole or not at all.

    Args:
        path: Where to.
        audio: ``[samples]``; what lies outside [-1, 1) is clipped.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        soundfile.write(temporary, pcm(audio), SAMPLE_RATE_HZ, subtype="PCM_16", format="FLAC")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _words(error: Exception) -> str:
    return str(error).rpartition(": ")[2].strip().rstrip(".") or type(error).__name__
