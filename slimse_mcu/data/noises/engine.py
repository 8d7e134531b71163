"""Engines: strokes at a speed that rises and falls, resonances of the exhaust, noise that follows the strokes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slimse_mcu.data.levels import SAMPLE_RATE_HZ
from slimse_mcu.data.noises.shaping import Audio, Signal, harmonics, log_uniform, tilted, unit, wander

_HARMONICS = 40


def make(samples: int, voices: Sequence[Audio], rng: np.random.Generator) -> Signal:
    """See :func:`slimse_mcu.data.noises.make_noise`."""
    idle_hz, span = log_uniform(rng, 12, 60), rng.uniform(0.02, 1.2)
    hz = idle_hz * (1 + span * wander(samples, rng, log_uniform(rng, 0.1, 1.0)))
    number = np.arange(1, _HARMONICS + 1)
    # Cylinders are not alike: every second, third or fourth harmonic of a turn stands out.
    stroke = np.where(number % rng.integers(2, 5) == 0, 1.0, rng.uniform(0.05, 0.5))
    resonance_hz = log_uniform(rng, 80, 600)
    body = 1 / (1 + np.square((number * idle_hz * (1 + span / 2) - resonance_hz) / (0.5 * resonance_hz)))
    amplitudes = stroke * (0.1 + body) * number ** -rng.uniform(0.2, 0.8) * rng.uniform(0.5, 1.0, _HARMONICS)
    phase = np.cumsum(2 * np.pi * hz / SAMPLE_RATE_HZ)
    strokes = np.exp(rng.uniform(0.5, 3.0) * (np.cos(2 * phase) - 1))
    hiss = unit(tilted(samples, rng, rng.uniform(0.2, 0.9), 2) * (rng.uniform(0.1, 1.0) + strokes))
    louder = hz / hz.mean()
    engine: Signal = (unit(harmonics(hz, amplitudes, rng)) + 10 ** (rng.uniform(-15, 0) / 20) * hiss) * louder
    return engine
