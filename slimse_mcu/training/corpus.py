"""Spectra of synthetic speech and noise, and the random mixtures that training draws from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from slimse_mcu.training.noise import KINDS, make_noise
from slimse_mcu.training.spectra import BINS, istft, stft
from slimse_mcu.training.speech import SAMPLE_RATE_HZ, plan_utterances, synthesize

Spectra = NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Speech and noise, each one long run of STFT frames at -26 dBFS.

    Attributes:
        speech: ``[frames, bins]``, sentences with pauses in between.
        noise: ``[frames, bins]``, clips of all kinds one after the other.
    """

    speech: Spectra
    noise: Spectra


def synthesize_corpus(
    split: str,
    *,
    utterances: int,
    noise_clips: int,
    noise_seconds: float = 10.0,
    seed: int,
    advance: Callable[[], None] | None = None,
) -> Corpus:
    """Make a corpus from nothing but a seed.

    Args:
        split: ``"train"`` or ``"test"``: voices, sentence templates and noise are disjoint.
        utterances: Number of sentences.
        noise_clips: Number of noise clips, all kinds in turn.
        noise_seconds: Length of each.
        seed: Same seed and same versions of the speech engines, same corpus.
        advance: Called after each utterance.
    """
    speech = synthesize(plan_utterances(split, utterances, seed), advance=advance)
    rng = np.random.default_rng([seed, len(split), 2])
    parts = [part for audio in speech for part in (audio, _pause(rng))]
    kinds = list(KINDS)
    samples = int(noise_seconds * SAMPLE_RATE_HZ)
    noises = [stft(make_noise(kinds[i % len(kinds)], samples, speech, rng)) for i in range(noise_clips)]
    return Corpus(np.concatenate([stft(part) for part in _batched(parts)]), np.concatenate(noises))


def _pause(rng: np.random.Generator) -> NDArray[np.float32]:
    """Silence between two sentences: mostly short, sometimes two seconds."""
    return np.zeros(int(SAMPLE_RATE_HZ * min(2.0, rng.exponential(0.5))), np.float32)


def _batched(parts: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Join parts by the hundred, so that the transform's scratch memory stays small."""
    return [np.concatenate(parts[i : i + 100]) for i in range(0, len(parts), 100)]


@dataclass(frozen=True, slots=True)
class Mixing:
    """How speech and noise are mixed.

    Attributes:
        snr_db: Least and greatest signal-to-noise ratio, of active speech.
        level_db: Least and greatest change of the mixture's level from -26 dBFS.
        tilt_db: Greatest tilt of the speech's spectrum, up or down.
        two_noises: Share of mixtures with a second kind of noise.
        speechless: Share of mixtures without speech.
    """

    snr_db: tuple[float, float] = (-5.0, 20.0)
    level_db: tuple[float, float] = (-18.0, 8.0)
    tilt_db: float = 6.0
    two_noises: float = 0.3
    speechless: float = 0.02


class Mixtures(keras.utils.PyDataset):
    """Batches of random mixtures; batch ``i`` depends on the seed and ``i`` only.

    Each item is a dict of float32 arrays: ``speech`` and ``noise`` ``[batch, frames, bins, 2]`` (real and
    imaginary part; the noise already scaled to its ratio) and ``gain`` ``[batch, 1, 1]``, the factor on the
    model's input; with ``opinion`` also ``ovrl`` ``[batch, 1, 1]``, the score of that input.

    Args:
        corpus: Where speech and noise come from.
        mixing: Ratios and levels.
        batch: Mixtures per batch.
        frames: Frames per mixture.
        steps: Number of batches.
        seed: Seed of all draws.
        opinion: Scores noisy audio ``[samples]`` in int16 units, such as by DNS-MOS OVRL; None leaves it out.
    """

    def __init__(
        self,
        corpus: Corpus,
        mixing: Mixing,
        *,
        batch: int,
        frames: int,
        steps: int,
        seed: int,
        opinion: Callable[[NDArray[np.float32]], float] | None = None,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self.corpus = corpus
        self.mixing = mixing
        self.batch = batch
        self.frames = frames
        self.steps = steps
        self.seed = seed
        self.opinion = opinion

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]:
        rng = np.random.default_rng([self.seed, index])
        pairs = [self._mixture(rng) for _ in range(self.batch)]
        gain_db = rng.uniform(*self.mixing.level_db, (self.batch, 1, 1))
        inputs = {
            "speech": np.stack([speech for speech, _ in pairs]),
            "noise": np.stack([noise for _, noise in pairs]),
            "gain": (10 ** (gain_db / 20)).astype(np.float32),
        }
        if self.opinion is not None:
            noisy = (inputs["speech"] + inputs["noise"]) * inputs["gain"][..., None]
            audio = (istft(spectra[..., 0] + 1j * spectra[..., 1]) * 32768 for spectra in noisy)
            inputs["ovrl"] = np.array([self.opinion(one) for one in audio], np.float32)[:, None, None]
        return inputs, np.zeros((self.batch, 1), np.float32)

    def _mixture(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Speech and noise of one mixture, ``[frames, bins, 2]`` each."""
        mixing = self.mixing
        speech = self._crop(self.corpus.speech, rng) * _tilt(rng.uniform(-1, 1, 2) * mixing.tilt_db)
        noise = self._crop(self.corpus.noise, rng)
        if rng.random() < mixing.two_noises:
            noise = noise + self._crop(self.corpus.noise, rng) * np.float32(10 ** (rng.uniform(-10, 0) / 20))
        noise = noise * np.float32(10 ** (-rng.uniform(*mixing.snr_db) / 20))
        if rng.random() < mixing.speechless:
            speech = np.zeros_like(speech)
        return _parts(speech), _parts(noise)

    def _crop(self, spectra: Spectra, rng: np.random.Generator) -> Spectra:
        """A random run of frames."""
        start = int(rng.integers(0, len(spectra) - self.frames))
        return spectra[start : start + self.frames]


def _tilt(db: NDArray[np.float64]) -> NDArray[np.float32]:
    """A smooth random equaliser, one gain per bin: ``db`` are the depths of one and two half waves."""
    half_waves = np.cos(np.pi * np.outer((1, 2), np.arange(BINS) / (BINS - 1)))
    return (10 ** (db @ half_waves / 20)).astype(np.float32)


def _parts(spectra: Spectra) -> NDArray[np.float32]:
    """Complex ``[frames, bins]`` to real and imaginary part ``[frames, bins, 2]``."""
    return np.ascontiguousarray(spectra, np.complex64).view(np.float32).reshape(*spectra.shape, 2)
