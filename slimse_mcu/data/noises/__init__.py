"""Kinds of noise; each file with a function ``make`` is one, named like the file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from types import ModuleType

import numpy as np

from slimse_mcu.data.noises.shaping import Audio, unit
from slimse_mcu.data.scan import modules

__all__ = ["kinds", "make_noise"]


@cache
def kinds() -> dict[str, ModuleType]:
    """All kinds by name.

    A module has ``make(samples, voices, rng)``, which returns ``[samples]`` at any level, and may have ``OUTDOORS``:
    such noise never gets the reverberation of a room.
    """
    return modules(sys.modules[__name__], "make")


def make_noise(kind: str, samples: int, voices: Sequence[Audio], rng: np.random.Generator) -> Audio:
    """Noise of a root mean square of 1.

    Args:
        kind: One of :func:`kinds`.
        samples: Length at 16 kHz.
        voices: Speech to make babble of, of the same split as what the noise is mixed with.
        rng: Source of all randomness.
    """
    return unit(kinds()[kind].make(samples, voices, rng)).astype(np.float32)
