"""Random mixtures of speech and noise; mixture ``i`` depends on sources, settings, seed and ``i`` only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.data.levels import NOMINAL_DBFS, SAMPLE_RATE_HZ, active_rms, gain, rms
from slimse_mcu.data.recordings import Recordings, Unusable
from slimse_mcu.data.sources import Pairs, Sources, SpeechAndNoise
from slimse_mcu.errors import SlimseError

Audio = NDArray[np.float32]

_VERSION = 1
_ATTEMPTS = 60
_QUIETEST_RMS = gain(-75.0)
_FULL_SCALE = 1.0 - 2**-15
_FFT = 64
_TAPS = 17
_JOINT = SAMPLE_RATE_HZ // 100
_PAUSE_S = 0.5
_LEAST_S = 0.1


@dataclass(frozen=True, slots=True)
class Mixing:
    """How speech and noise are mixed.  Levels and ratios are of active speech; ranges are least and greatest.

    Attributes:
        snr_db: Ratio of most mixtures.
        level_db: Change of a mixture's level from active speech at -26 dBFS; never beyond full scale.
        clean: Share of mixtures that are nearly clean.
        clean_snr_db: Their ratio.
        speechless: Share of mixtures with noise only.
        silent: Share of mixtures with nothing but very soft noise.
        silent_dbfs: Its level.
        two_noises: Share of mixtures with a second noise on top.
        second_db: Level of the second noise relative to the first.
        tilt_db: Depth of the random smooth equaliser on speech and on noise; 0 leaves both as they are.
        remix_pairs: Pairs of noisy and clean recordings: mix the noise of one with the speech of another at a new
            ratio, instead of keeping them as they were recorded.
    """

    snr_db: tuple[float, float] = (-5.0, 20.0)
    level_db: tuple[float, float] = (-18.0, 8.0)
    clean: float = 0.05
    clean_snr_db: tuple[float, float] = (30.0, 60.0)
    speechless: float = 0.03
    silent: float = 0.02
    silent_dbfs: tuple[float, float] = (-80.0, -60.0)
    two_noises: float = 0.3
    second_db: tuple[float, float] = (-10.0, 0.0)
    tilt_db: float = 6.0
    remix_pairs: bool = False

    def __post_init__(self) -> None:
        for name in ("snr_db", "level_db", "clean_snr_db", "silent_dbfs", "second_db"):
            low, high = getattr(self, name)
            if not -200 <= low <= high <= 200:
                raise SlimseError(f"{name} is {low} to {high}, not a range of decibels from least to greatest.")
        shares = {name: getattr(self, name) for name in ("clean", "speechless", "silent", "two_noises")}
        wrong = next((name for name, share in shares.items() if not 0 <= share <= 1), None)
        if wrong is not None:
            raise SlimseError(f"{wrong} is {shares[wrong]}, not a share from 0 to 1.")
        if self.clean + self.speechless + self.silent > 1:
            raise SlimseError("The shares clean, speechless and silent add up to more than 1.")
        if not 0 <= self.tilt_db <= 40:
            raise SlimseError(f"tilt_db is {self.tilt_db}, not 0 to 40.")


@dataclass(frozen=True, slots=True)
class Mixture:
    """One mixture; a model's input is ``gain * (speech + noise)``, its target ``gain * speech``.

    Attributes:
        speech: ``[samples]`` float32 at 16 kHz; all zero without speech.
        noise: ``[samples]``, scaled to the ratio already.
        gain: Level augmentation; the input stays within [-1, 1].
        snr_db: Ratio of active speech to noise; minus infinity without speech.
    """

    speech: Audio
    noise: Audio
    gain: float
    snr_db: float


class Mixer:
    """Draws mixtures.

    Args:
        sources: See :func:`slimse_mcu.data.sets.open_sources`.
        mixing: Ratios, levels, shares.
        seconds: Length of a mixture.
        seed: Seed of all draws.
        sample_rate_hz: 16000, the one rate that this package works at.

    Attributes:
        samples: Length of a mixture.
        fingerprint: SHA-256 over everything that mixtures depend on, in hexadecimal.

    Raises:
        SlimseError: Another rate, a length that is not positive, or sources that cannot be mixed.
    """

    def __init__(
        self, sources: Sources, mixing: Mixing, *, seconds: float, seed: int, sample_rate_hz: int = SAMPLE_RATE_HZ
    ) -> None:
        if sample_rate_hz != SAMPLE_RATE_HZ:
            raise SlimseError(f"Mixtures are made at {SAMPLE_RATE_HZ} Hz, not at {sample_rate_hz} Hz.")
        if not _LEAST_S <= seconds <= 3600:
            raise SlimseError(f"A mixture of {seconds} s cannot be made.", hint=f"Choose {_LEAST_S} s or more.")
        if seed < 0:
            raise SlimseError(f"The seed {seed} is negative.", hint="Choose 0 or more.")
        self.sources = sources
        self.mixing = mixing
        self.samples = round(seconds * sample_rate_hz)
        self.seed = seed
        stamp = f"{_VERSION} {sources.fingerprint} {sorted(asdict(mixing).items())} {self.samples} {seed}"
        self.fingerprint = hashlib.sha256(stamp.encode()).hexdigest()

    def mixture(self, index: int) -> Mixture:
        """Mixture ``index``, the same whenever it is asked for.

        Raises:
            SlimseError: Dozens of recordings in a row turned out to be damaged or silent.
        """
        rng = np.random.default_rng([self.seed, index])
        mixing = self.mixing
        part = rng.random()
        if part < mixing.silent:
            return self._silent(rng)
        speechless = part < mixing.silent + mixing.speechless
        clean = not speechless and part < mixing.silent + mixing.speechless + mixing.clean
        speech, noise, snr_db = self._speech_and_noise(rng, clean)
        if speechless:
            speech, snr_db = np.zeros_like(speech), float("-inf")
        return Mixture(speech, noise, _gain(rng.uniform(*mixing.level_db), speech, noise), snr_db)

    def _speech_and_noise(self, rng: np.random.Generator, clean: bool) -> tuple[Audio, Audio, float]:
        """Speech at its nominal level and noise at its ratio to it."""
        mixing = self.mixing
        if isinstance(self.sources, Pairs) and not mixing.remix_pairs:
            speech, noise = self._pair(rng)
            factor = np.float32(gain(NOMINAL_DBFS) / max(active_rms(speech), _QUIETEST_RMS))
            speech, noise = speech * factor, noise * factor
            snr_db = _ratio_db(speech, noise)
            if not clean:
                return speech, noise, snr_db
        else:
            speech = self._equalised(self._speech(rng), rng)
            speech = speech * np.float32(gain(NOMINAL_DBFS) / max(active_rms(speech), _QUIETEST_RMS))
            noise = self._noise(rng)
        snr_db = float(rng.uniform(*(mixing.clean_snr_db if clean else mixing.snr_db)))
        return speech, _at(noise, NOMINAL_DBFS - snr_db), snr_db

    def _silent(self, rng: np.random.Generator) -> Mixture:
        """Soft noise and nothing else."""
        noise = _at(self._noise(rng), rng.uniform(*self.mixing.silent_dbfs))
        return Mixture(np.zeros(self.samples, np.float32), noise, 1.0, float("-inf"))

    def _speech(self, rng: np.random.Generator) -> Audio:
        """Clean speech; short recordings follow each other with pauses between them."""
        return self._filled(self._draw_speech, rng, pause_s=_PAUSE_S)

    def _noise(self, rng: np.random.Generator) -> Audio:
        """Noise, equalised, sometimes with a second one on top."""
        noise = self._equalised(self._filled(self._draw_noise, rng), rng)
        if rng.random() < self.mixing.two_noises:
            second = self._equalised(self._filled(self._draw_noise, rng), rng)
            relative = gain(rng.uniform(*self.mixing.second_db)) * rms(noise) / max(rms(second), _QUIETEST_RMS)
            noise = noise + np.float32(relative) * second
        return noise

    def _pair(self, rng: np.random.Generator) -> tuple[Audio, Audio]:
        """Speech and noise of a pair as it was recorded; short pairs follow each other."""
        both = self._filled(self._draw_pair, rng)
        return both[0], both[1]

    def _draw_speech(self, rng: np.random.Generator) -> Audio:
        sources = self.sources
        if isinstance(sources, Pairs):
            return self._crop(sources.clean, sources.clean.draw(rng), rng)
        assert isinstance(sources, SpeechAndNoise)
        return self._crop(sources.speech, sources.speech.draw(rng), rng)

    def _draw_noise(self, rng: np.random.Generator) -> Audio:
        sources = self.sources
        if isinstance(sources, Pairs):
            return np.ascontiguousarray(self._draw_pair(rng)[1])
        assert isinstance(sources, SpeechAndNoise)
        return self._crop(sources.noise, sources.noise.draw(rng), rng)

    def _draw_pair(self, rng: np.random.Generator) -> Audio:
        """Speech and noise of one pair, ``[2, samples]`` or shorter."""
        sources = self.sources
        assert isinstance(sources, Pairs)
        index = sources.noisy.draw(rng)
        length = min(sources.noisy.length(index), sources.clean.length(index))
        first = int(rng.integers(max(length - self.samples, 0) + 1))
        count = min(self.samples, length - first)
        clean, noisy = (part.part(index, first, count) for part in (sources.clean, sources.noisy))
        _refuse_silence(clean)
        shorter = min(len(clean), len(noisy))
        return np.stack([clean[:shorter], noisy[:shorter] - clean[:shorter]])

    def _crop(self, recordings: Recordings, index: int, rng: np.random.Generator) -> Audio:
        """A run of one recording at a random place, the whole of a short one."""
        first = int(rng.integers(max(recordings.length(index) - self.samples, 0) + 1))
        audio = recordings.part(index, first, self.samples)
        _refuse_silence(audio)
        return audio

    def _filled(
        self, draw: Callable[[np.random.Generator], Audio], rng: np.random.Generator, pause_s: float = 0.0
    ) -> Audio:
        """Audio of the mixture's length, ``[..., samples]``, from as many recordings as it takes."""
        first = self._usable(draw, rng)
        if first.shape[-1] >= self.samples:
            return first[..., : self.samples]
        whole = np.zeros((*first.shape[:-1], self.samples), np.float32)
        parts = [first]
        # A short recording does not always stand at the beginning.
        at = int(rng.integers(self.samples - first.shape[-1] + 1)) if pause_s else 0
        while at < self.samples:
            part = parts.pop() if parts else self._usable(draw, rng)
            length = min(part.shape[-1], self.samples - at)
            whole[..., at : at + length] = _faded(part, not pause_s)[..., :length]
            at += length + int(rng.exponential(pause_s) * SAMPLE_RATE_HZ)
        return whole

    def _usable(self, draw: Callable[[np.random.Generator], Audio], rng: np.random.Generator) -> Audio:
        """Draw until a recording is usable; those that are not are on the sources' list of rejected ones."""
        for _ in range(_ATTEMPTS):
            try:
                return draw(rng)
            except Unusable as error:
                last = error
        raise SlimseError(
            f"{_ATTEMPTS} recordings in a row of {self.sources.path} cannot be used; the last: {last.message}",
            hint=f"`slimse data check {self.sources.path}` lists what is wrong.",
        )

    def _equalised(self, audio: Audio, rng: np.random.Generator) -> Audio:
        """Audio behind a smooth random equaliser: half a wave and a whole one from 0 Hz to half the rate, in dB."""
        if self.mixing.tilt_db == 0.0:
            return audio
        half, whole = rng.uniform(-1, 1, 2) * self.mixing.tilt_db
        angle = np.pi * np.arange(_FFT // 2 + 1) / (_FFT // 2)
        response = np.fft.irfft(10 ** ((half * np.cos(angle) + whole * np.cos(2 * angle)) / 20))
        taps = np.roll(response, _TAPS // 2)[:_TAPS].astype(np.float32)
        return np.convolve(audio, taps, "same")


def _gain(level_db: float, speech: Audio, noise: Audio) -> float:
    """The level augmentation, as far as full scale allows."""
    peak = float(np.max(np.abs(speech + noise)))
    return min(gain(level_db), _FULL_SCALE / peak) if peak > 0.0 else gain(level_db)


def _at(noise: Audio, dbfs: float) -> Audio:
    """Noise scaled to a level."""
    return noise * np.float32(gain(dbfs) / max(rms(noise), _QUIETEST_RMS))


def _ratio_db(speech: Audio, noise: Audio) -> float:
    """Ratio of active speech to noise, within +-100 dB."""
    return float(np.clip(20 * np.log10((active_rms(speech) + 1e-12) / (rms(noise) + 1e-12)), -100.0, 100.0))


def _refuse_silence(audio: Audio) -> None:
    """Have another part drawn where this one is a pause from end to end."""
    if rms(audio) < _QUIETEST_RMS:
        raise Unusable("Its drawn part is silent.")


def _faded(part: Audio, fade: bool) -> Audio:
    """A recording with 10 ms of fade at both ends, so that joints do not click."""
    if not fade:
        return part
    ramp = np.minimum(1.0, np.arange(1, part.shape[-1] + 1, dtype=np.float32) / _JOINT)
    faded: Audio = part * ramp * ramp[::-1]
    return faded
