"""Steady Gaussian noise of any colour, with broad resonances: fans, air conditioning, hiss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slimse_mcu.data.noises.shaping import Audio, Signal, any_colour


def make(samples: int, voices: Sequence[Audio], rng: np.random.Generator) -> Signal:
    """See :func:`slimse_mcu.data.noises.make_noise`."""
    return any_colour(samples, rng)
