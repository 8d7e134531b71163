"""What several kinds of noise are made with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.data.levels import SAMPLE_RATE_HZ

Audio = NDArray[np.float32]
Signal = NDArray[np.float64]


def unit(audio: NDArray[Any]) -> Signal:
    """Scale to a root mean square of 1."""
    wide = audio.astype(np.float64)
    scaled: Signal = wide / (np.sqrt(np.mean(np.square(wide))) + 1e-12)
    return scaled


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def tilted(samples: int, rng: np.random.Generator, exponent: float, bumps: int = 0) -> Signal:
    """Gaussian noise of amplitude ``frequency ** -exponent`` with a few broad resonances.

    Args:
        samples: Length.
        rng: Source of all randomness.
        exponent: 0 is white, 0.5 pink, 1 brown.
        bumps: Number of resonances.
    """
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    hz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ)
    shape = (np.maximum(hz, 40.0) / 1000.0) ** -exponent
    shape[hz < 20.0] = 0.0
    for _ in range(bumps):
        centre, width = log_uniform(rng, 100, 7000), rng.uniform(0.05, 0.4)
        bump = np.exp(-0.5 * np.square((np.log(np.maximum(hz, 1.0)) - np.log(centre)) / width))
        shape *= 1 + rng.uniform(1, 8) * bump
    return np.fft.irfft(spectrum * shape, samples)


def any_colour(samples: int, rng: np.random.Generator) -> Signal:
    """Gaussian noise of a random tilt (slightly blue to brown) with up to three resonances."""
    return tilted(samples, rng, rng.uniform(-0.2, 1.1), int(rng.integers(0, 4)))


def above_floor(audio: Signal, floor_db: tuple[float, float], rng: np.random.Generator) -> Signal:
    """A signal at unit level over a floor of coloured noise at a random level relative to it."""
    floor = unit(any_colour(len(audio), rng))
    return unit(audio) + 10 ** (rng.uniform(*floor_db) / 20) * floor


def wander(samples: int, rng: np.random.Generator, per_second: float) -> Signal:
    """A smooth random curve in [0, 1] with about so many turns a second."""
    points = max(4, int(samples / SAMPLE_RATE_HZ * per_second) + 3)
    turns = rng.uniform(0, 1, points)
    at = np.linspace(0, points - 1.001, samples)
    left = at.astype(int)
    part = 0.5 - 0.5 * np.cos(np.pi * (at - left))
    curve: Signal = turns[left] * (1 - part) + turns[left + 1] * part
    return curve


def harmonics(hz: Signal, amplitudes: Signal, rng: np.random.Generator) -> Signal:
    """A sum of harmonics of a moving fundamental.

    Args:
        hz: ``[samples]`` fundamental.
        amplitudes: Of harmonics 1, 2, ...; what would lie beyond half the sample rate is left out.
        rng: Source of the phases.
    """
    phase = np.cumsum(2 * np.pi * hz / SAMPLE_RATE_HZ)
    top = int(0.47 * SAMPLE_RATE_HZ / hz.max())
    total = np.zeros(len(hz))
    for number, amplitude in enumerate(amplitudes[: max(top, 1)], 1):
        total += amplitude * np.sin(number * phase + rng.uniform(0, 2 * np.pi))
    return total
