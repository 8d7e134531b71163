"""What a speech engine is: a program that reads sentences aloud, and the voices of each split."""

from __future__ import annotations

import io
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import soundfile
from numpy.typing import NDArray

from slimse_mcu.errors import SlimseError

_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Voice:
    """Somebody who speaks.

    Attributes:
        engine: Name of the engine.
        name: The engine's name of the voice.
        speaker: Whose voice it is; a speaker that several engines or languages have belongs to one split.
        language: Code of the language.
        split: ``"train"``, ``"valid"`` or ``"test"``.
        high: A woman or a child.
    """

    engine: str
    name: str
    speaker: str
    language: str
    split: str
    high: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody speaks.

    Attributes:
        rate: Speed relative to the voice's usual one.
        pitch: Mean fundamental frequency relative to the voice's usual one, where the engine can change it.
    """

    rate: float
    pitch: float


@dataclass(frozen=True, slots=True)
class Waveform:
    """Audio as an engine gives it: ``[samples]`` float32 at the engine's own rate."""

    samples: NDArray[np.float32]
    rate_hz: int


class Engine(ABC):
    """A speech engine, run as a program.

    Attributes:
        name: As ``--engines`` takes it.
        share: Of the recordings, relative to that of other engines with a voice of the same split.
        voices: All of them, of all splits.
    """

    name: ClassVar[str]
    share: ClassVar[float]
    voices: tuple[Voice, ...]

    @abstractmethod
    def lacks(self) -> tuple[str, ...]:
        """Debian packages that are needed and not there; none when the engine can speak."""

    @abstractmethod
    def version(self) -> str:
        """The program's version; what it says may change with it."""

    @abstractmethod
    def speak(self, voice: Voice, manner: Manner, texts: Sequence[str]) -> list[Waveform]:
        """Read sentences aloud, each on its own.

        Raises:
            SlimseError: The program failed.
        """

    def run(self, command: Sequence[str], text: str = "", *, usual: tuple[int, ...] = (0,)) -> bytes:
        """Run a program and return what it writes to its standard output.

        Args:
            command: Program and arguments.
            text: Its input.
            usual: Exit codes of success.

        Raises:
            SlimseError: It is missing, failed or hangs.
        """
        try:
            done = subprocess.run(command, input=text.encode(), capture_output=True, check=False, timeout=_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SlimseError(f"{self.name} could not be run ({error}).") from error
        if done.returncode not in usual:
            said = " ".join(done.stderr.decode(errors="replace").split())[-200:] or f"exit code {done.returncode}"
            raise SlimseError(f"{self.name} failed: {said}.")
        return done.stdout

    def decoded(self, wav: bytes, voice: Voice) -> Waveform:
        """A WAV file as samples.

        Raises:
            SlimseError: It is none, or holds nothing.
        """
        try:
            samples, rate_hz = soundfile.read(io.BytesIO(wav), dtype="float32")
        except (soundfile.SoundFileError, RuntimeError) as error:
            raise SlimseError(f"{self.name} gave no audio for the voice {voice.name}.") from error
        return Waveform(samples, int(rate_hz))
