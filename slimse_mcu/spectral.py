"""What features and masks mean, in double precision: what every arithmetic of the front end approximates."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import ModelError
from slimse_mcu.graph import FrontEnd, Quantization

FULL_SCALE = 32768.0
"""The int16 value that means 1.0 in float audio."""

FEATURES = ("magnitude", "complex")
"""What the model sees of a bin: its compressed magnitude, or its compressed real and imaginary part."""

MASKS = ("magnitude", "complex")
"""What the model says about a bin: a real gain, or a complex one."""

GAIN_LIMIT = 512.0
"""Greatest gain of a mask, as large as samples before saturation stay below 2**31."""


def compress(frontend: FrontEnd, spectrum: NDArray[np.complex128]) -> NDArray[np.float32]:
    """The features.

    Args:
        frontend: What the model was trained with.
        spectrum: STFT ``[frames, bins]`` of audio in [-1, 1).

    Returns:
        float32 ``[frames, frontend.inputs]``.
    """
    if frontend.features == "magnitude":
        return ((np.abs(spectrum) + frontend.epsilon) ** frontend.exponent).astype(np.float32)
    power = np.abs(spectrum) ** 2 + frontend.epsilon**2
    gain = np.where(power > 0.0, power, 1.0) ** ((frontend.exponent - 1.0) / 2.0)
    parts = np.stack([spectrum.real * gain, spectrum.imag * gain], axis=-1)
    return parts.reshape(len(spectrum), frontend.inputs).astype(np.float32)


def magnitude_steps(frontend: FrontEnd, feature: Quantization) -> NDArray[np.float64]:
    """Magnitudes from which on the int8 magnitude feature is -127, -126, ..., 127.

    Returns:
        ``[255]``, ascending, 1 being a sine of amplitude 1 within one sample; 0 where even silence gives a greater
        feature.
    """
    least = (max(0.0, feature.scale * (level - 0.5 - feature.zero_point)) for level in range(-127, 128))
    return np.array([max(0.0, math.pow(one, 1.0 / frontend.exponent) - frontend.epsilon) for one in least])


def mask_reach(mask: Quantization) -> float:
    """Greatest magnitude of a gain, or of its real or imaginary part.

    Raises:
        ModelError: It is absurd.
    """
    reach = max(abs(one) for one in mask.real_range)
    if not 0.0 < reach <= GAIN_LIMIT:
        raise ModelError(
            f"The mask reaches a gain of {reach:g}, expected at most {GAIN_LIMIT:g}.",
            hint="End the model with a bounded activation, such as sigmoid or tanh.",
        )
    return reach
