"""Harmonics of a slowly drifting fundamental over a floor of coloured noise: mains, transformers, ventilation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slimse_mcu.data.noises.shaping import Audio, Signal, above_floor, harmonics, log_uniform, wander

_HARMONICS = 30


def make(samples: int, voices: Sequence[Audio], rng: np.random.Generator) -> Signal:
    """See :func:`slimse_mcu.data.noises.make_noise`."""
    hz = log_uniform(rng, 45, 500) * (1 + rng.uniform(0.0, 0.1) * (wander(samples, rng, 0.5) - 0.5))
    decay = rng.uniform(0.2, 1.5)
    amplitudes = np.arange(1, _HARMONICS + 1) ** -decay * rng.uniform(0.1, 1.0, _HARMONICS)
    return above_floor(harmonics(hz, amplitudes, rng), (-20.0, -3.0), rng)
