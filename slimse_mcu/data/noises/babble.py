"""Three to eight other voices at once, at random levels, behind a gentle low pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import signal

from slimse_mcu.data.levels import SAMPLE_RATE_HZ
from slimse_mcu.data.noises.shaping import Audio, Signal

_FEWEST, _MOST = 3, 8


def make(samples: int, voices: Sequence[Audio], rng: np.random.Generator) -> Signal:
    """See :func:`slimse_mcu.data.noises.make_noise`."""
    total = np.zeros(samples)
    for _ in range(rng.integers(_FEWEST, _MOST + 1)):
        total += 10 ** (rng.uniform(-8, 0) / 20) * _talk(samples, voices, rng)
    b, a = signal.butter(1, rng.uniform(2500, 7000), fs=SAMPLE_RATE_HZ)
    low_passed: Signal = signal.lfilter(b, a, total)
    return low_passed


def _talk(samples: int, voices: Sequence[Audio], rng: np.random.Generator) -> Signal:
    """One voice after the other, from somewhere within the first."""
    parts = [voices[rng.integers(len(voices))]]
    start = int(rng.integers(len(parts[0])))
    while sum(map(len, parts)) < samples + start:
        parts.append(voices[rng.integers(len(voices))])
    return np.concatenate(parts)[start : start + samples].astype(np.float64)
