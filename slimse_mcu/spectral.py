"""How a spectrum becomes integer features and how an integer mask changes it: specification of ``slimse_features.c``,
``slimse_mask.c`` and their int16 forms in NumPy, and their tables.

Spectra are as the device holds them: twice the transform of int16 samples, ``[frames, hop]``, bin 0 holding the real
bins 0 and ``hop`` as (re, im).  ``power`` is ``4 * |32768 X|**2``.

**Magnitude features.** Compression followed by int8 quantization is one ascending step function of the power, with
255 steps.  The steps are computed here in double precision; the device searches the power's place among them (8
comparisons, of integers, because the bits of non-negative floats order like the floats).  The result is the exactly
rounded quantization of the exact compression of the float32 power.

**Complex features.** A component depends on the phase too, so there is no such step function.  What multiplies it,
``|X| ** (exponent - 1)``, is a power of the power: a factor for its binary exponent times a factor for its fraction.
The first comes from a table, the second from 32 straight lines that miss it by less than 1e-4 of its value.  The
result is rounded to within 0.52 of a step of the exact compression, without root or division.

**int16.** Steps would be 32767 thresholds, so magnitudes too are powers of the power: its root, to which epsilon is
added, and that to the exponent, each a factor for the binary exponent times one for the fraction, from 128 straight
lines.  Both kinds of features are within 0.75 of a step of the exact compression.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import ModelError
from slimse_mcu.graph import FrontEnd, Quantization

FloatArray = NDArray[np.float32]

FULL_SCALE = 32768.0
"""The int16 value that means 1.0 in float audio."""

FEATURES = ("magnitude", "complex")
"""What the model sees of a bin: its compressed magnitude, or its compressed real and imaginary part."""

MASKS = ("magnitude", "complex")
"""What the model says about a bin: a real gain, or a complex one."""

SEGMENTS = 32
"""Straight lines that stand for a power over one octave, for int8 features."""

LINES = 128
"""The same for int16 features."""

_GAIN_LIMIT = 1e6
_FRACTION_BITS = 23
_PLACE_BITS = 18
_LINE_PLACE_BITS = 16
_FLOAT_MAX = float(np.finfo(np.float32).max)


def split_ends(re: FloatArray, im: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Real and imaginary parts ``[frames, bins]`` of a spectrum ``[frames, hop]``, whose two real bins are in one."""
    none = np.zeros((len(re), 1), np.float32)
    return np.concatenate([re, im[:, :1]], axis=1), np.concatenate([none, im[:, 1:], none], axis=1)


@dataclass(frozen=True, slots=True)
class MagnitudeFeatures:
    """``slimse_magnitude_features_t``.

    Attributes:
        thresholds: ``[255]`` ascending; feature = -128 + number of thresholds <= power.
    """

    thresholds: FloatArray

    def quantize(self, re: FloatArray, im: FloatArray) -> NDArray[np.int8]:
        """``slimse_magnitude_features_s8``: int8 ``[frames, bins]`` of a spectrum ``[frames, hop]``."""
        re, im = split_ends(re, im)
        power = re * re + im * im
        level = np.searchsorted(self.thresholds, power.ravel(), side="right").reshape(power.shape)
        return (level - 128).astype(np.int8)


@dataclass(frozen=True, slots=True)
class ComplexFeatures:
    """``slimse_complex_features_t``.

    Attributes:
        floor: ``epsilon ** 2`` as a power; added to every bin's.
        offset: Zero point + 128.5, so that cutting off the fraction rounds to nearest.
        octaves: ``[256]`` by the power's biased binary exponent: steps of the feature per unit of the spectrum where
            the power's fraction is 1; 0 for exponent 0, which is no power at all.
        segments: ``[32, 2]`` value and slope (per ``2 ** -18`` of the segment) of ``fraction ** ((exponent - 1) / 2)``.
    """

    floor: np.float32
    offset: np.float32
    octaves: FloatArray
    segments: FloatArray

    def quantize(self, re: FloatArray, im: FloatArray) -> NDArray[np.int8]:
        """``slimse_complex_features_s8``: int8 ``[frames, 2 * bins]``, (re, im) per bin, of a spectrum."""
        re, im = split_ends(re, im)
        gain = self._gain((re * re + im * im) + self.floor)
        levels: FloatArray = np.stack([re * gain, im * gain], axis=-1).reshape(len(re), -1) + self.offset
        steps: NDArray[np.int32] = levels.clip(np.float32(0), np.float32(255)).astype(np.int32)
        return (steps - 128).astype(np.int8)

    def _gain(self, power: FloatArray) -> FloatArray:
        bits = power.view(np.uint32)
        line = self.segments[(bits >> _PLACE_BITS) & (SEGMENTS - 1)]
        place = (bits & ((1 << _PLACE_BITS) - 1)).astype(np.float32)
        gain: FloatArray = self.octaves[bits >> _FRACTION_BITS] * (line[..., 0] + line[..., 1] * place)
        return gain


@dataclass(frozen=True, slots=True)
class Power:
    """``slimse_power_t``: ``scale * value ** exponent`` of floats that are not negative.

    Attributes:
        octaves: ``[256]`` by the value's biased binary exponent: the result where its fraction is 1; 0 for exponent 0.
        lines: ``[128, 2]`` value and slope (per ``2 ** -16`` of the line) of ``fraction ** exponent``.
    """

    octaves: FloatArray
    lines: FloatArray

    @classmethod
    def of(cls, exponent: float, scale: float) -> Power:
        """The tables in double precision."""
        octaves = [0.0, *(min(_FLOAT_MAX, scale * 2.0 ** ((biased - 127) * exponent)) for biased in range(1, 256))]
        edges = (1.0 + np.arange(LINES + 1) / LINES) ** exponent
        slopes = np.diff(edges) / (1 << _LINE_PLACE_BITS)
        return cls(np.array(octaves, np.float32), np.stack([edges[:-1], slopes], axis=1).astype(np.float32))

    def apply(self, values: FloatArray) -> FloatArray:
        """The power of each value."""
        bits = values.view(np.uint32)
        line = self.lines[(bits >> _LINE_PLACE_BITS) & (LINES - 1)]
        place = (bits & ((1 << _LINE_PLACE_BITS) - 1)).astype(np.float32)
        result: FloatArray = self.octaves[bits >> _FRACTION_BITS] * (line[..., 0] + line[..., 1] * place)
        return result


def _to_steps(levels: FloatArray) -> NDArray[np.int16]:
    clipped = levels.clip(np.float32(-32768), np.float32(32767)) + np.float32(32768.5)
    return (clipped.astype(np.int32) - 32768).astype(np.int16)


@dataclass(frozen=True, slots=True)
class WideMagnitudeFeatures:
    """``slimse_magnitude_features_s16_t``.

    Attributes:
        floor: Epsilon, added to each magnitude.
        root: Magnitudes from powers.
        exponent: Steps of the feature from magnitudes.
    """

    floor: np.float32
    root: Power
    exponent: Power

    def quantize(self, re: FloatArray, im: FloatArray) -> NDArray[np.int16]:
        """``slimse_magnitude_features_s16``: int16 ``[frames, bins]`` of a spectrum ``[frames, hop]``."""
        re, im = split_ends(re, im)
        return _to_steps(self.exponent.apply(self.root.apply(re * re + im * im) + self.floor))


@dataclass(frozen=True, slots=True)
class WideComplexFeatures:
    """``slimse_complex_features_s16_t``.

    Attributes:
        floor: ``epsilon ** 2`` as a power; added to every bin's.
        exponent: Steps of the feature per unit of the spectrum, from powers.
    """

    floor: np.float32
    exponent: Power

    def quantize(self, re: FloatArray, im: FloatArray) -> NDArray[np.int16]:
        """``slimse_complex_features_s16``: int16 ``[frames, 2 * bins]``, (re, im) per bin, of a spectrum."""
        re, im = split_ends(re, im)
        gain = self.exponent.apply((re * re + im * im) + self.floor)
        return _to_steps(np.stack([re * gain, im * gain], axis=-1).reshape(len(re), -1))


Features = MagnitudeFeatures | ComplexFeatures | WideMagnitudeFeatures | WideComplexFeatures
"""How a device makes features."""


@dataclass(frozen=True, slots=True)
class Mask:
    """``slimse_mask_t``.

    Attributes:
        zero_point: Mask value that means gain 0.
        gain: Gain per step of the mask, times ``1 / (4 * hop)``, the scale of the inverse transform.
        is_complex: Two values per bin, (re, im); else one.
    """

    zero_point: int
    gain: np.float32
    is_complex: bool

    def apply(self, mask: NDArray[Any], re: FloatArray, im: FloatArray) -> tuple[FloatArray, FloatArray]:
        """``slimse_magnitude_mask_s8``, ``slimse_complex_mask_s8`` and their int16 forms.

        Args:
            mask: int8 or int16 ``[frames, bins]``, or ``[frames, 2 * bins]`` for a complex one.
            re: ``[frames, hop]``.
            im: ``[frames, hop]``.

        Returns:
            Real and imaginary part of the changed spectrum.
        """
        gains: FloatArray = (mask.astype(np.int32) - self.zero_point).astype(np.float32) * self.gain
        if not self.is_complex:
            return re * gains[:, :-1], im * np.concatenate([gains[:, -1:], gains[:, 1:-1]], axis=1)
        real: FloatArray = gains[:, 0:-2:2]
        imaginary: FloatArray = gains[:, 1:-2:2]
        out_re: FloatArray = re * real - im * imaginary
        out_im: FloatArray = re * imaginary + im * real
        out_re[:, 0], out_im[:, 0] = re[:, 0] * real[:, 0], im[:, 0] * gains[:, -2]
        return out_re, out_im


def power_thresholds(frontend: FrontEnd, feature: Quantization) -> FloatArray:
    """Powers from which on the int8 magnitude feature is -127, -126, ..., 127.

    Returns:
        float32 ``[255]``, ascending; 0 where even silence gives a greater feature.
    """
    steps = []
    for level in range(-127, 128):
        least = max(0.0, feature.scale * (level - 0.5 - feature.zero_point))
        magnitude = max(0.0, math.pow(least, 1.0 / frontend.exponent) - frontend.epsilon)
        steps.append(min(_FLOAT_MAX, 4.0 * (FULL_SCALE * magnitude) ** 2))
    return np.array(steps, np.float32)


def complex_features(frontend: FrontEnd, feature: Quantization) -> ComplexFeatures:
    """Tables of ``X * (|X|**2 + epsilon**2) ** ((exponent - 1) / 2)``, in steps of the feature."""
    half = (frontend.exponent - 1.0) / 2.0
    # With power = 4 * 32768**2 * |X|**2 and re = 2 * 32768 * Re X, the powers of two outside gather in one factor.
    unit = (2.0 * FULL_SCALE) ** -frontend.exponent / feature.scale
    octaves = [0.0, *(min(_FLOAT_MAX, unit * 2.0 ** ((biased - 127) * half)) for biased in range(1, 256))]
    edges = (1.0 + np.arange(SEGMENTS + 1) / SEGMENTS) ** half
    slopes = np.diff(edges) / (1 << _PLACE_BITS)
    return ComplexFeatures(
        floor=np.float32(4.0 * (FULL_SCALE * frontend.epsilon) ** 2),
        offset=np.float32(feature.zero_point + 128.5),
        octaves=np.array(octaves, np.float32),
        segments=np.stack([edges[:-1], slopes], axis=1).astype(np.float32),
    )


def wide_features(frontend: FrontEnd, feature: Quantization) -> WideMagnitudeFeatures | WideComplexFeatures:
    """Tables of both kinds of features in int16."""
    # A spectrum is twice the transform of samples in int16 units; the powers of two gather in one factor.
    unit = (2.0 * FULL_SCALE) ** -frontend.exponent / feature.scale
    if frontend.features == "complex":
        floor = np.float32(4.0 * (FULL_SCALE * frontend.epsilon) ** 2)
        return WideComplexFeatures(floor, Power.of((frontend.exponent - 1.0) / 2.0, unit))
    floor = np.float32(2.0 * FULL_SCALE * frontend.epsilon)
    return WideMagnitudeFeatures(floor, Power.of(0.5, 1.0), Power.of(frontend.exponent, unit))


def features(frontend: FrontEnd, feature: Quantization) -> Features:
    """How the device makes features of the given quantization."""
    if feature.is_wide:
        return wide_features(frontend, feature)
    if frontend.features == "complex":
        return complex_features(frontend, feature)
    return MagnitudeFeatures(power_thresholds(frontend, feature))


def mask(frontend: FrontEnd, mask: Quantization) -> Mask:
    """How the device applies a mask of the given quantization.

    Raises:
        ModelError: The mask's gains are absurd.
    """
    reach = mask.scale * (mask.highest - mask.lowest)
    if not 0.0 < reach <= _GAIN_LIMIT:
        raise ModelError(
            f"The mask reaches a gain of {reach:g}, expected at most {_GAIN_LIMIT:g}.",
            hint="End the model with a bounded activation, such as sigmoid or tanh.",
        )
    gain = np.float32(np.float32(mask.scale) / np.float32(4 * frontend.hop))
    return Mask(mask.zero_point, gain, frontend.mask == "complex")


def compress(frontend: FrontEnd, spectrum: NDArray[np.complex128]) -> FloatArray:
    """The features in double precision.

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
