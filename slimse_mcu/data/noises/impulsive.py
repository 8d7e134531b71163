"""Knocks and clicks, decaying resonances at random moments, over a coloured floor: keyboards, dishes, doors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slimse_mcu.data.levels import SAMPLE_RATE_HZ
from slimse_mcu.data.noises.shaping import Audio, Signal, above_floor, log_uniform


def make(samples: int, voices: Sequence[Audio], rng: np.random.Generator) -> Signal:
    """See :func:`slimse_mcu.data.noises.make_noise`."""
    total = np.zeros(samples)
    per_second = log_uniform(rng, 1.0, 12.0)
    for _ in range(max(1, rng.poisson(per_second * samples / SAMPLE_RATE_HZ))):
        length = int(SAMPLE_RATE_HZ * log_uniform(rng, 0.01, 0.15))
        t = np.arange(length) / SAMPLE_RATE_HZ
        ringing = np.sin(2 * np.pi * rng.uniform(150, 6000) * t) * rng.uniform(0, 1) + rng.standard_normal(length)
        start = int(rng.integers(0, samples))
        knock = (ringing * np.exp(-6.0 * t * SAMPLE_RATE_HZ / length))[: samples - start]
        total[start : start + len(knock)] += rng.uniform(0.2, 1.0) * knock
    return above_floor(total, (-25.0, -5.0), rng)
