"""Many recordings that are read when they are needed, and kept in memory as int16 where all of them fit."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.data.audio_files import SILENT_RMS, Recording, Rejected, read, reason
from slimse_mcu.data.levels import SAMPLE_RATE_HZ, pcm, rms
from slimse_mcu.errors import AudioError

MEMORY_BYTES = 3 << 30
"""Recordings that take at most this as int16 stay in memory; a full synthetic corpus takes 1.2 GB."""

_LONGEST_WEIGHT_S = 60.0


class Unusable(AudioError):
    """A recording turned out to be of no use; it is on the list of rejected ones, and another has to be drawn."""


class Recordings:
    """Recordings of one role (speech, noise), mono at 16 kHz.

    What fits into ``memory_bytes`` altogether is decoded once and kept as int16; of anything larger only the part
    that is asked for is read from disk, so that hundreds of hours need no memory.

    Args:
        recordings: See :func:`slimse_mcu.data.audio_files.probe_all`.
        memory_bytes: Most memory for decoded audio; 0 reads from disk every time.
    """

    def __init__(self, recordings: Sequence[Recording], *, memory_bytes: int = MEMORY_BYTES) -> None:
        self.recordings = tuple(recordings)
        self.in_memory = 2 * sum(one.frames_at(SAMPLE_RATE_HZ) for one in recordings) <= memory_bytes
        weights = np.array([min(one.seconds, _LONGEST_WEIGHT_S) for one in recordings])
        self._edges = np.cumsum(weights) / max(float(weights.sum()), 1e-9)
        self._kept: dict[int, NDArray[np.int16]] = {}
        self._rejected: dict[int, Rejected] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.recordings)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_kept": {}, "_lock": None}  # a worker process reads for itself

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Duration of all recordings together."""
        return sum(one.seconds for one in self.recordings)

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """Recordings that turned out to be damaged or silent when they were read."""
        with self._lock:
            return tuple(self._rejected.values())

    def draw(self, rng: np.random.Generator) -> int:
        """Number of a random recording; longer ones come more often, up to a minute."""
        return min(int(np.searchsorted(self._edges, rng.random(), side="right")), len(self.recordings) - 1)

    def length(self, index: int) -> int:
        """Samples of a recording at 16 kHz."""
        return self.recordings[index].frames_at(SAMPLE_RATE_HZ)

    def part(self, index: int, first: int, count: int) -> NDArray[np.float32]:
        """A run of samples of one recording, up to its end at the most.

        Args:
            index: Number of the recording.
            first: Where to begin, in samples at 16 kHz.
            count: How many samples.

        Raises:
            Unusable: The recording is damaged or silent; it is on the list of rejected ones now.
        """
        if self.in_memory:
            return self._whole(index)[first : first + count].astype(np.float32) * np.float32(1 / 32768)
        try:
            return read(self.recordings[index], SAMPLE_RATE_HZ, first=first, count=count)
        except AudioError as error:
            raise self.reject(index, reason(error, self.recordings[index].path)) from error

    def reject(self, index: int, why: str) -> Unusable:
        """Put a recording on the list of rejected ones and return the error to raise."""
        path = self.recordings[index].path
        with self._lock:
            self._rejected.setdefault(index, Rejected(path, why))
        return Unusable(f"{path} {why}.")

    def _whole(self, index: int) -> NDArray[np.int16]:
        kept = self._kept.get(index)
        if kept is not None:
            return kept
        recording = self.recordings[index]
        if index in self._rejected:
            raise Unusable(f"{recording.path} {self._rejected[index].reason}.")
        try:
            audio = read(recording, SAMPLE_RATE_HZ)
        except AudioError as error:
            raise self.reject(index, reason(error, recording.path)) from error
        if rms(audio) < SILENT_RMS:
            raise self.reject(index, "is silent")
        self._kept[index] = pcm(audio)
        return self._kept[index]


def fingerprint(recordings: Sequence[Recording], folder: Path) -> str:
    """SHA-256 over names relative to a folder and sizes, in hexadecimal."""
    digest = hashlib.sha256()
    for one in recordings:
        name = one.path.relative_to(folder) if one.path.is_relative_to(folder) else one.path
        digest.update(f"{name.as_posix()}\0{one.size_bytes}\0{one.frames}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()
