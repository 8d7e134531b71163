"""Synthetic noise at 16 kHz and unit level: coloured, hum, babble, impulsive, modulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from slimse_mcu.training.speech import SAMPLE_RATE_HZ

Audio = NDArray[np.float32]
Speech = Sequence[Audio]
LEVEL_DBFS = -26.0


def coloured(samples: int, speech: Speech, rng: np.random.Generator) -> Audio:
    """Gaussian noise with a random tilt (white to brown) and up to three broad resonances."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    hz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ)
    shape = (np.maximum(hz, 40.0) / 1000.0) ** -rng.uniform(-0.2, 1.1)
    for _ in range(rng.integers(0, 4)):
        centre, width = np.exp(rng.uniform(np.log(100), np.log(7000))), rng.uniform(0.05, 0.4)
        bump = np.exp(-0.5 * np.square((np.log(np.maximum(hz, 1.0)) - np.log(centre)) / width))
        shape *= 1 + rng.uniform(1, 8) * bump
    return np.fft.irfft(spectrum * shape, samples).astype(np.float32)


def hum(samples: int, speech: Speech, rng: np.random.Generator) -> Audio:
    """Harmonics of a slowly drifting fundamental (motors, mains) over a floor of coloured noise."""
    drift = np.cumsum(rng.standard_normal(samples // 1600 + 2)) * rng.uniform(0.0, 0.01)
    factor = np.interp(np.arange(samples), 1600 * np.arange(len(drift)), 1 + np.clip(drift, -0.2, 0.2))
    phase = np.cumsum(2 * np.pi * np.exp(rng.uniform(np.log(45), np.log(500))) * factor / SAMPLE_RATE_HZ)
    top = int(0.45 * SAMPLE_RATE_HZ * samples * 2 * np.pi / SAMPLE_RATE_HZ / phase[-1])
    decay = rng.uniform(0.2, 1.5)
    total = np.zeros(samples)
    for harmonic in range(1, min(top, 30) + 1):
        amplitude = harmonic**-decay * rng.uniform(0.1, 1.0)
        total += amplitude * np.sin(harmonic * phase + rng.uniform(0, 2 * np.pi))
    floor = _unit(coloured(samples, speech, rng))
    return (_unit(total) + 10 ** (rng.uniform(-20, -3) / 20) * floor).astype(np.float32)


def babble(samples: int, speech: Speech, rng: np.random.Generator) -> Audio:
    """Three to eight voices at once, at random levels, behind a gentle low pass."""
    total = np.zeros(samples)
    for _ in range(rng.integers(3, 9)):
        start = int(rng.integers(0, SAMPLE_RATE_HZ))
        level = 10 ** (rng.uniform(-8, 0) / 20)
        voice: list[Audio] = []
        while sum(map(len, voice)) < samples + start:
            voice.append(speech[rng.integers(len(speech))])
        total += level * np.concatenate(voice)[start : start + samples]
    b, a = signal.butter(1, rng.uniform(2500, 7000), fs=SAMPLE_RATE_HZ)
    return signal.lfilter(b, a, total).astype(np.float32)


def impulsive(samples: int, speech: Speech, rng: np.random.Generator) -> Audio:
    """Knocks and clicks: decaying resonances at random moments over a floor of coloured noise."""
    total = np.zeros(samples)
    per_second = np.exp(rng.uniform(np.log(1.0), np.log(12.0)))
    for _ in range(max(1, rng.poisson(per_second * samples / SAMPLE_RATE_HZ))):
        length = int(SAMPLE_RATE_HZ * np.exp(rng.uniform(np.log(0.01), np.log(0.15))))
        t = np.arange(length) / SAMPLE_RATE_HZ
        ringing = np.sin(2 * np.pi * rng.uniform(150, 6000) * t) * rng.uniform(0, 1) + rng.standard_normal(length)
        start = int(rng.integers(0, samples))
        knock = (ringing * np.exp(-6.0 * t * SAMPLE_RATE_HZ / length))[: samples - start]
        total[start : start + len(knock)] += rng.uniform(0.2, 1.0) * knock
    floor = _unit(coloured(samples, speech, rng))
    return (_unit(total) + 10 ** (rng.uniform(-25, -5) / 20) * floor).astype(np.float32)


def modulated(samples: int, speech: Speech, rng: np.random.Generator) -> Audio:
    """Coloured noise whose level swells and fades irregularly (traffic, waves, machines)."""
    points = max(4, int(samples / SAMPLE_RATE_HZ * np.exp(rng.uniform(np.log(0.5), np.log(10.0)))))
    level_db = rng.uniform(-24, 0, points)
    envelope = np.interp(np.linspace(0, points - 1, samples), np.arange(points), level_db)
    return (coloured(samples, speech, rng) * 10 ** (envelope / 20)).astype(np.float32)


KINDS: dict[str, Callable[[int, Speech, np.random.Generator], Audio]] = {
    "coloured": coloured,
    "hum": hum,
    "babble": babble,
    "impulsive": impulsive,
    "modulated": modulated,
}


def make_noise(kind: str, samples: int, speech: Speech, rng: np.random.Generator) -> Audio:
    """Return noise at a level of -26 dBFS.

    Args:
        kind: A key of :data:`KINDS`.
        samples: Length at 16 kHz.
        speech: Voices for babble, of the same split as the speech that the noise is mixed with.
        rng: Source of all randomness.
    """
    return _unit(KINDS[kind](samples, speech, rng)).astype(np.float32) * np.float32(10 ** (LEVEL_DBFS / 20))


def _unit(audio: NDArray[Any]) -> NDArray[np.float64]:
    """Scale to a root mean square of 1."""
    return audio.astype(np.float64) / (np.sqrt(np.mean(np.square(audio, dtype=np.float64))) + 1e-12)
