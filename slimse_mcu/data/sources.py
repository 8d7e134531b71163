"""What a data set holds: recordings to train on, or pairs to evaluate."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from slimse_mcu.data.audio_files import Recording, Rejected
from slimse_mcu.data.recordings import MEMORY_BYTES, Recordings, fingerprint

Tags = Mapping[str, str | float]


@dataclass(frozen=True, slots=True)
class Item:
    """One recording to evaluate.

    Attributes:
        name: Unique within its set and fit for a file name.
        noisy: The degraded recording.
        clean: Its reference of the same length; None where there is none.
        tags: What is known: ``snr_db`` (float), ``noise``, ``voice``, ``language``, ``room``.
    """

    name: str
    noisy: Path
    clean: Path | None
    tags: Tags = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class TestSet:
    """Recordings to evaluate.

    Attributes:
        items: Sorted by name.
        rejected: Files that are left out, and why.
        kind: Layout of the set, such as ``"voicebank"``.
    """

    __test__: ClassVar[bool] = False  # not a test, for all its name

    items: tuple[Item, ...]
    rejected: tuple[Rejected, ...]
    kind: str


class Sources(ABC):
    """Recordings to train on.

    Attributes:
        path: Where they come from.
        kind: Layout of the set.
        split: ``"train"``, ``"valid"`` or ``"test"``.
        fingerprint: SHA-256 over the names and sizes of the files, in hexadecimal.
    """

    def __init__(self, path: Path, kind: str, split: str, digest: str, rejected: tuple[Rejected, ...]) -> None:
        self.path = path
        self.kind = kind
        self.split = split
        self.fingerprint = digest
        self._rejected = rejected

    @property
    @abstractmethod
    def parts(self) -> Mapping[str, Recordings]:
        """Recordings by their role."""

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """Files that are left out, those that were found to be damaged in use included."""
        return self._rejected + tuple(one for part in self.parts.values() for one in part.rejected)

    def describe(self) -> str:
        """One line: what there is and how much of it."""
        parts = ", ".join(
            f"{part.seconds / 3600:.2f} h of {role} in {len(part)} files" for role, part in self.parts.items()
        )
        left_out = f", {len(self.rejected)} files left out" if self.rejected else ""
        kept = "kept in memory" if all(part.in_memory for part in self.parts.values()) else "read from disk"
        return f"{self.kind} {self.split}: {parts}{left_out}, {kept}"


class SpeechAndNoise(Sources):
    """Clean speech and noise, to be mixed.

    Attributes:
        speech: Clean speech.
        noise: Noise alone.
    """

    def __init__(
        self,
        path: Path,
        kind: str,
        split: str,
        *,
        speech: list[Recording],
        noise: list[Recording],
        rejected: tuple[Rejected, ...] = (),
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        digest = _digest(path, speech, noise)
        super().__init__(path, kind, split, digest, rejected)
        total = sum(one.seconds for one in speech) + sum(one.seconds for one in noise)
        share = sum(one.seconds for one in speech) / max(total, 1e-9)
        self.speech = Recordings(speech, memory_bytes=int(memory_bytes * share))
        self.noise = Recordings(noise, memory_bytes=int(memory_bytes * (1 - share)))

    @property
    def parts(self) -> Mapping[str, Recordings]:
        """Speech and noise."""
        return {"speech": self.speech, "noise": self.noise}


class Pairs(Sources):
    """Noisy recordings with their clean references, number by number.

    Attributes:
        noisy: Degraded recordings.
        clean: Their references, of the same lengths.
    """

    def __init__(
        self,
        path: Path,
        kind: str,
        split: str,
        *,
        noisy: list[Recording],
        clean: list[Recording],
        rejected: tuple[Rejected, ...] = (),
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        digest = _digest(path, noisy, clean)
        super().__init__(path, kind, split, digest, rejected)
        self.noisy = Recordings(noisy, memory_bytes=memory_bytes // 2)
        self.clean = Recordings(clean, memory_bytes=memory_bytes // 2)

    @property
    def parts(self) -> Mapping[str, Recordings]:
        """Noisy and clean."""
        return {"noisy speech": self.noisy, "clean speech": self.clean}


def _digest(path: Path, *parts: list[Recording]) -> str:
    """SHA-256 of several parts; names count from the folder of the set, wherever that lies."""
    folder = path.parent if path.is_file() else path
    return hashlib.sha256("".join(fingerprint(part, folder) for part in parts).encode()).hexdigest()
