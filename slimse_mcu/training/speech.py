"""Synthetic speech by espeak-ng and flite, run as programs; voices of training and test are disjoint."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from slimse_mcu.errors import SlimseError
from slimse_mcu.training.sentences import sentences

SAMPLE_RATE_HZ = 16000
ACTIVE_LEVEL_DBFS = -26.0

_ACCENTS = (
    "en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029",
    "en-us-nyc",
)  # fmt: skip
_VARIANTS = {
    "train": (
        "m1", "m2", "m3", "m4", "m5", "m7", "f1", "f2", "f3", "f5", "Alex", "Alicia", "Andy", "Annie",
        "Denis", "Gene", "Gene2", "Henrique", "Hugo", "Jacky", "Lee", "Marco", "Mario", "Michael", "Mike",
        "Nguyen", "adam", "anika", "antonio", "aunty", "belinda", "benjamin", "boris", "caleb", "david",
        "ed", "edward", "edward2", "grandma", "grandpa", "iven", "iven2", "iven3", "john", "kaukovalta",
        "klatt", "klatt2", "klatt3", "marcelo", "max", "michel", "miguel", "norbert", "pablo", "paul",
        "pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph", "steph2", "travis", "victor",
        "RicishayMax", "RicishayMax3", "Tweaky", "announcer",
    ),
    "test": (
        "m6", "m8", "f4", "Andrea", "Diogo", "gustave", "linda", "steph3", "iven4", "klatt4", "RicishayMax2",
    ),
}  # fmt: skip
_FLITE = {"train": ("kal16", "awb", "slt"), "test": ("rms",)}
_FLITE_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Utterance:
    """One synthetic sentence.

    Attributes:
        engine: ``"espeak-ng"`` or ``"flite"``.
        voice: The engine's name of the voice.
        rate: Words per minute (espeak-ng) or stretch in percent (flite).
        pitch: 0 to 99 (espeak-ng) or mean fundamental in Hz (flite).
        text: What is said.
    """

    engine: str
    voice: str
    rate: int
    pitch: int
    text: str

    def command(self) -> list[str]:
        """The program to run; it writes a WAV file to standard output."""
        if self.engine == "flite":
            options = [f"duration_stretch={self.rate / 100}", f"int_f0_target_mean={self.pitch}"]
            settings = [argument for option in options for argument in ("--setf", option)]
            return ["flite", "-voice", self.voice, *settings, "-t", self.text, "-o", "/dev/stdout"]
        return [
            "espeak-ng", "-v", self.voice, "-s", str(self.rate), "-p", str(self.pitch), "--stdout", self.text,
        ]  # fmt: skip


def plan_utterances(split: str, count: int, seed: int) -> list[Utterance]:
    """Draw voices and sentences.

    Args:
        split: ``"train"`` or ``"test"``; they share neither voices nor templates of sentences.
        count: Number of utterances.
        seed: Same seed, same utterances.
    """
    rng = np.random.default_rng([seed, 1])
    return [_draw(split, text, rng) for text, _ in zip(sentences(split, seed), range(count), strict=False)]


def _draw(split: str, text: str, rng: np.random.Generator) -> Utterance:
    """One utterance of a random voice, rate and pitch."""
    if rng.random() < _FLITE_SHARE:
        voice = str(rng.choice(_FLITE[split]))
        mean_hz = {"slt": 170.0}.get(voice, 110.0) * float(rng.uniform(0.8, 1.3))
        return Utterance("flite", voice, int(rng.integers(85, 126)), round(mean_hz), text)
    voice = f"{rng.choice(_ACCENTS)}+{rng.choice(_VARIANTS[split])}"
    return Utterance("espeak-ng", voice, int(rng.integers(130, 211)), int(rng.integers(20, 85)), text)


def synthesize(
    utterances: list[Utterance], *, jobs: int = 2, advance: Callable[[], None] | None = None
) -> list[NDArray[np.float32]]:
    """Speak each utterance.

    Args:
        utterances: What to say, see :func:`plan_utterances`.
        jobs: Programs that run at once.
        advance: Called after each utterance.

    Returns:
        Audio at 16 kHz, trimmed, at an active level of -26 dBFS.

    Raises:
        SlimseError: espeak-ng or flite is missing or failed.
    """
    for engine in sorted({utterance.engine for utterance in utterances}):
        if shutil.which(engine) is None:
            raise SlimseError(f"{engine} is needed to synthesise speech.", hint=f"Install the package {engine}.")

    def one(utterance: Utterance) -> NDArray[np.float32]:
        audio = _speak(utterance)
        if advance is not None:
            advance()
        return audio

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, utterances))


def _speak(utterance: Utterance) -> NDArray[np.float32]:
    """Run the engine and bring its output to 16 kHz and a common level."""
    done = subprocess.run(utterance.command(), capture_output=True, check=False)
    try:
        audio, rate = soundfile.read(io.BytesIO(done.stdout), dtype="float32")
    except soundfile.SoundFileError as error:
        reason = done.stderr.decode(errors="replace").strip() or "no audio came back"
        raise SlimseError(f"{utterance.engine} could not speak with {utterance.voice}: {reason}.") from error
    resampled = soxr.resample(audio, rate, SAMPLE_RATE_HZ).astype(np.float32)
    return _level(_trim(resampled), ACTIVE_LEVEL_DBFS)


def _trim(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut leading and trailing silence down to 50 ms."""
    loud = np.flatnonzero(np.abs(audio) > 0.01 * np.max(np.abs(audio), initial=1e-6))
    if len(loud) == 0:
        return audio
    margin = SAMPLE_RATE_HZ // 20
    return audio[max(0, loud[0] - margin) : loud[-1] + margin]


def active_rms(audio: NDArray[np.float32]) -> float:
    """Root mean square over the 20 ms frames within 30 dB of the loudest one."""
    frame = SAMPLE_RATE_HZ // 50
    whole = audio[: len(audio) // frame * frame].reshape(-1, frame)
    power = np.mean(np.square(whole, dtype=np.float64), axis=1)
    if power.size == 0 or power.max() == 0.0:
        return 0.0
    return float(np.sqrt(np.mean(power[power > power.max() * 1e-3])))


def _level(audio: NDArray[np.float32], dbfs: float) -> NDArray[np.float32]:
    """Scale to an active level; silence stays silence."""
    rms = active_rms(audio)
    return audio if rms == 0.0 else (audio * (10 ** (dbfs / 20) / rms)).astype(np.float32)
