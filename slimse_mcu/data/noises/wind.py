"""Wind: low rumble whose level and brightness follow gusts, with buffets that push the microphone's membrane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import signal

from slimse_mcu.data.levels import SAMPLE_RATE_HZ
from slimse_mcu.data.noises.shaping import Audio, Signal, log_uniform, tilted, unit, wander

OUTDOORS = True


def make(samples: int, voices: Sequence[Audio], rng: np.random.Generator) -> Signal:
    """See :func:`slimse_mcu.data.noises.make_noise`."""
    gusts = wander(samples, rng, log_uniform(rng, 0.3, 2.0)) * wander(samples, rng, log_uniform(rng, 2.0, 8.0))
    cutoff_hz = log_uniform(rng, 80, 300)
    rumble = unit(_low_passed(rng.standard_normal(samples), cutoff_hz, order=2))
    rush = unit(_low_passed(tilted(samples, rng, rng.uniform(0.5, 1.0)), log_uniform(rng, 800, 5000), order=1))
    buffets = unit(_low_passed(rng.standard_normal(samples), rng.uniform(20, 60), order=2))
    depth = rng.uniform(0.5, 2.0)
    wind: Signal = (
        (0.1 + gusts) * rumble
        + 10 ** (rng.uniform(-25, -8) / 20) * gusts**depth * rush
        + rng.uniform(0, 1.5) * np.maximum(gusts - 0.4, 0) * buffets
    )
    pushed: Signal = np.tanh(wind / (3 * np.sqrt(np.mean(wind**2))))
    return pushed


def _low_passed(audio: Signal, hz: float, *, order: int) -> Signal:
    sections = signal.butter(order, hz, fs=SAMPLE_RATE_HZ, output="sos")
    filtered: Signal = signal.sosfilt(sections, audio)
    return filtered
