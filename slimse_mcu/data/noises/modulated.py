"""Coloured noise whose level swells and fades irregularly: traffic, waves, machines at work."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slimse_mcu.data.levels import SAMPLE_RATE_HZ
from slimse_mcu.data.noises.shaping import Audio, Signal, any_colour, log_uniform

_DEPTH_DB = 24.0


def make(samples: int, voices: Sequence[Audio], rng: np.random.Generator) -> Signal:
    """See :func:`slimse_mcu.data.noises.make_noise`."""
    points = max(4, int(samples / SAMPLE_RATE_HZ * log_uniform(rng, 0.5, 10.0)))
    level_db = rng.uniform(-_DEPTH_DB, 0, points)
    envelope = np.interp(np.linspace(0, points - 1, samples), np.arange(points), level_db)
    modulated: Signal = any_colour(samples, rng) * 10 ** (envelope / 20)
    return modulated
