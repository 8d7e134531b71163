"""How a spectrum in integers becomes integer features: specification of
``slimse_magnitude_features_s32_s8.c``, ``slimse_complex_features_s32_s8.c``, their int16 forms and
``slimse_power_s32.h``, and their tables.

A number from zero up is written as 32 bits that order like it: binary exponent + 1 and 25 bits of fraction, the way a
float does; zero is 0.

**Magnitude features.** A step function of the power's number, as of a float's bits in
:mod:`slimse_mcu.dsp.features_f32`.  The power is that of the 15 highest bits of the bin's larger part, which a
Cortex-M0+ multiplies in one instruction; the result is the exact compression's within 0.51 of a step.

**Complex features** and **int16.** Powers of numbers: a factor for the exponent times one for the fraction, from 128
straight lines, with 28 bits.  Powers of bins are exact in 64 bits.  Features are the exact compression's within 0.52 of
a step, those of 16 bits within 0.75.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.dsp.c_text import CPart, CTable, complex_table
from slimse_mcu.dsp.complex_s32 import ComplexInt, IntArray
from slimse_mcu.dsp.path import Features
from slimse_mcu.dsp.roots import rising_window
from slimse_mcu.dsp.steps import Steps
from slimse_mcu.dsp.stft_s32 import SpectrumS32, spectrum_bits
from slimse_mcu.graph import FrontEnd, Quantization
from slimse_mcu.spectral import FULL_SCALE, magnitude_steps

FRACTION_BITS = 25
"""Of a number that orders like a power."""

LINES = 128
"""Straight lines that stand for a power over one octave."""

_PART_BITS = 15
_OCTAVES = 64
_VALUE_BITS = 29
_MANTISSA_BITS = 28
_PLACE_BITS = 18
_TRANSFORM_SLACK = 1.001
_NEVER = 0xFFFFFFFF


def split_ends(spectrum: ComplexInt) -> ComplexInt:
    """A spectrum ``[frames, hop]``, whose two real bins are in one, as ``[frames, bins]``."""
    none = np.zeros((len(spectrum.re), 1), np.int64)
    re, im = spectrum
    return ComplexInt(np.concatenate([re, im[:, :1]], axis=1), np.concatenate([none, im[:, 1:], none], axis=1))


def bit_length(values: IntArray) -> IntArray:
    """Bits of values from 0 to 2**63 - 1."""
    high = values >> 31
    low: IntArray = np.frexp(np.where(high > 0, high, values).astype(np.float64))[1].astype(np.int64)
    bits: IntArray = low + np.where(high > 0, 31, 0)
    return bits


def room(bins: ComplexInt) -> IntArray:
    """``slimse_room``: bits of 32 that the larger part leaves free, its sign's included; 31 where it is zero."""
    reach = (bins.re ^ (bins.re >> 63)) | (bins.im ^ (bins.im >> 63))
    return 32 - bit_length(reach).clip(1)


def number_of(values: IntArray, exponent: IntArray | int = 0) -> NDArray[np.uint32]:
    """``slimse_number_of``, ``slimse_number_of_64``: numbers that order like ``values * 2**exponent``."""
    excess = (bit_length(values) - 32).clip(0)
    values = values >> excess
    highest = (bit_length(values) - 1).clip(0)
    fraction = (values << (31 - highest)) >> 6
    numbers: NDArray[np.int64] = ((exponent + excess + highest) << FRACTION_BITS) + fraction
    return numbers.astype(np.uint32)


def power_of(bins: ComplexInt) -> NDArray[np.uint32]:
    """``slimse_power_of``: numbers that order like the bins' powers."""
    excess = (32 - _PART_BITS - room(bins)).clip(0)
    x, y = bins.re >> excess, bins.im >> excess
    return number_of(x * x + y * y, 2 * excess)


def number_from(power: float) -> int:
    """The least number of a power that is at least this one."""
    if power <= 0.0:
        return 0
    if power <= 1.0:
        return 1 << FRACTION_BITS
    fraction, exponent = math.frexp(power)
    number = ((exponent - 1) << FRACTION_BITS) + math.ceil(math.ldexp(fraction, FRACTION_BITS + 1))
    return min(number, _NEVER)


@dataclass(frozen=True, slots=True)
class MagnitudeFeaturesS32:
    """``slimse_magnitude_features_s32_s8_t``.

    Attributes:
        spectrum: How the transform is split.
        steps: Of the power's number.
    """

    spectrum: SpectrumS32
    steps: Steps

    @classmethod
    def of(cls, frontend: FrontEnd, feature: Quantization) -> MagnitudeFeaturesS32:
        """The tables in double precision."""
        unit = _unit(frontend)
        thresholds = [number_from((unit * one) ** 2) for one in magnitude_steps(frontend, feature)]
        window = rising_window(frontend.fft)
        loudest = unit * float(window.sum() + window[:-1].sum()) * _TRANSFORM_SLACK
        steps = Steps.of(np.array(thresholds, np.uint32), number_from(loudest**2), FRACTION_BITS)
        return cls(SpectrumS32.of(frontend.hop), steps)

    def quantize(self, packed: ComplexInt) -> tuple[NDArray[np.int8], ComplexInt]:
        """``slimse_magnitude_features_s32_s8``."""
        spectrum = self.spectrum.split(packed)
        return self.steps.quantize(power_of(split_ends(spectrum))), spectrum

    def c(self) -> CPart:
        """The structure and its arrays."""
        spectrum, turns = self.spectrum.c()
        steps, arrays = self.steps.c("power, as a number like in slimse_power_s32.h,")
        fields = {"spectrum": spectrum, "steps": steps}
        name = "slimse_magnitude_features_s32_s8"
        return CPart("slimse_features_s32_s8", name, name, f"{name}_t", fields, (turns, *arrays))


# ---- powers ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PowerS32:
    """``slimse_power_s32_t``: ``scale * value ** exponent`` of numbers.

    Attributes:
        octaves: int32 ``[64, 2]`` by the number's exponent + 1: mantissa and exponent of the result where the fraction
            is 0, ``mantissa * 2 ** (exponent - 31)``; 0 for a number that is 0.
        lines: int32 ``[128, 2]`` value (in ``2 ** -29``) and slope (in ``2 ** -30``) of ``(1 + fraction) ** exponent``.
    """

    octaves: NDArray[np.int32]
    lines: NDArray[np.int32]

    @classmethod
    def of(cls, exponent: float, scale: float) -> PowerS32:
        """The tables in double precision."""
        octaves = [(0, 0)]
        for octave in range(_OCTAVES - 1):
            mantissa, power = math.frexp(scale * 2.0 ** (octave * exponent))
            octaves.append((min(math.floor(math.ldexp(mantissa, 31) + 0.5), (1 << 31) - 1), power))
        edges = (1.0 + np.arange(LINES + 1) / LINES) ** exponent
        lines = np.stack([edges[:-1] * 2.0**_VALUE_BITS, np.diff(edges) * 2.0 ** (_VALUE_BITS + 1)], axis=1)
        return cls(np.array(octaves, np.int32), np.floor(lines + 0.5).astype(np.int32))

    def apply(self, numbers: NDArray[np.uint32]) -> tuple[IntArray, IntArray]:
        """``slimse_raise``: mantissas below ``2**29`` and exponents, ``mantissa * 2 ** (exponent - 28)``."""
        wide = numbers.astype(np.int64)
        octave = self.octaves[wide >> FRACTION_BITS].astype(np.int64)
        line = self.lines[(wide >> _PLACE_BITS) & (LINES - 1)].astype(np.int64)
        place = (wide & ((1 << _PLACE_BITS) - 1)) << (31 - _PLACE_BITS)
        fraction = line[..., 0] + _high_product(line[..., 1], place)
        return _high_product(fraction, octave[..., 0]), octave[..., 1]

    def c(self, name: str, result: str, source: str) -> tuple[str, tuple[CTable, CTable]]:
        """Initializer of the structure, and its arrays ``audio_NAME_...``."""
        octaves = f"{result} by the {source}'s binary exponent + 1: mantissa, exponent"
        lines = f"{source}'s fraction, {LINES} lines per octave: value in 2^-29, slope in 2^-30"
        return f"{{audio_{name}_octaves, audio_{name}_lines}}", (
            complex_table(f"audio_{name}_octaves", "slimse_octave_t", self.octaves, octaves),
            complex_table(f"audio_{name}_lines", "slimse_line_t", self.lines, lines),
        )


def _high_product(a: IntArray, b: IntArray) -> IntArray:
    """``slimse_high_product``."""
    return (a * b) >> 32


def _shift_rounded(values: IntArray, shift: IntArray) -> IntArray:
    """``slimse_shift_rounded``."""
    bits = shift.clip(0, 31)
    rounded: IntArray = (values + ((1 << bits) >> 1)) >> bits
    return rounded


def _unit(frontend: FrontEnd) -> float:
    """The spectrum where the transform of audio in [-1, 1) is 1."""
    return math.ldexp(FULL_SCALE, spectrum_bits(frontend.hop))


def _scale(frontend: FrontEnd, feature: Quantization) -> float:
    """Steps of the feature where the spectrum is 1."""
    return math.pow(_unit(frontend), -frontend.exponent) / feature.scale


def _rounded(value: float) -> int:
    return math.floor(value + 0.5)


@dataclass(frozen=True, slots=True)
class ComplexFeaturesS32:
    """``slimse_complex_features_s32_s8_t``, ``slimse_complex_features_s32_s16_t``.

    Attributes:
        spectrum: How the transform is split.
        zero_point: Of the features.
        bits: Of the features.
        floor: ``epsilon ** 2`` as a power; added to every bin's.
        power: Steps of the feature per unit of the spectrum, from powers.
    """

    spectrum: SpectrumS32
    zero_point: int
    bits: int
    floor: int
    power: PowerS32

    @classmethod
    def of(cls, frontend: FrontEnd, feature: Quantization) -> ComplexFeaturesS32:
        """The tables in double precision."""
        floor = _rounded((_unit(frontend) * frontend.epsilon) ** 2)
        power = PowerS32.of((frontend.exponent - 1.0) / 2.0, _scale(frontend, feature))
        return cls(SpectrumS32.of(frontend.hop), feature.zero_point, feature.bits, floor, power)

    def quantize(self, packed: ComplexInt) -> tuple[NDArray[Any], ComplexInt]:
        """``slimse_complex_features_s32_s8``, ``slimse_complex_features_s32_s16``."""
        spectrum = self.spectrum.split(packed)
        bins = split_ends(spectrum)
        mantissa, exponent = self.power.apply(number_of(bins.re * bins.re + bins.im * bins.im + self.floor))
        free = room(bins) - 1
        shift = free - 4 - exponent
        steps = [_shift_rounded(_high_product(part << free, mantissa), shift) for part in bins]
        values = np.stack(steps, axis=-1).reshape(len(mantissa), -1) + self.zero_point
        reach = 1 << (self.bits - 1)
        return values.clip(-reach, reach - 1).astype(f"i{self.bits // 8}"), spectrum

    def c(self) -> CPart:
        """The structure and its arrays."""
        spectrum, turns = self.spectrum.c()
        power, powers = self.power.c("power", "steps of the feature per unit of the spectrum", "power")
        fields = {"spectrum": spectrum, "floor": f"{self.floor}u", "power": power}
        if self.bits == 8:
            fields["zero_point"] = str(self.zero_point)
        name = f"slimse_complex_features_s32_s{self.bits}"
        return CPart(f"slimse_features_s32_s{self.bits}", name, name, f"{name}_t", fields, (turns, *powers))


@dataclass(frozen=True, slots=True)
class WideMagnitudeFeaturesS32:
    """``slimse_magnitude_features_s32_s16_t``.

    Attributes:
        spectrum: How the transform is split.
        floor: Epsilon in steps of ``2 ** -28``, added to each magnitude.
        root: Magnitudes from powers.
        exponent: Steps of the feature from magnitudes in steps of ``2 ** -28``.
    """

    spectrum: SpectrumS32
    floor: int
    root: PowerS32
    exponent: PowerS32

    @classmethod
    def of(cls, frontend: FrontEnd, feature: Quantization) -> WideMagnitudeFeaturesS32:
        """The tables in double precision."""
        floor = _rounded(math.ldexp(_unit(frontend) * frontend.epsilon, _MANTISSA_BITS))
        scale = _scale(frontend, feature) * 2.0 ** (-_MANTISSA_BITS * frontend.exponent)
        exponent = PowerS32.of(frontend.exponent, scale)
        return cls(SpectrumS32.of(frontend.hop), floor, PowerS32.of(0.5, 1.0), exponent)

    def quantize(self, packed: ComplexInt) -> tuple[NDArray[np.int16], ComplexInt]:
        """``slimse_magnitude_features_s32_s16``."""
        spectrum = self.spectrum.split(packed)
        re, im = split_ends(spectrum)
        mantissa, exponent = self.root.apply(number_of(re * re + im * im))
        mantissa, exponent = self.exponent.apply(number_of((mantissa << exponent) + self.floor))
        steps = _shift_rounded(mantissa, _MANTISSA_BITS - exponent)
        return steps.clip(-32768, 32767).astype(np.int16), spectrum

    def c(self) -> CPart:
        """The structure and its arrays."""
        spectrum, turns = self.spectrum.c()
        root, roots = self.root.c("root", "magnitude", "power")
        exponent, exponents = self.exponent.c("exponent", "steps of the feature", "magnitude")
        fields = {"spectrum": spectrum, "floor": f"{self.floor}u", "root": root, "exponent": exponent}
        name = "slimse_magnitude_features_s32_s16"
        return CPart("slimse_features_s32_s16", name, name, f"{name}_t", fields, (turns, *roots, *exponents))


def features_s32(frontend: FrontEnd, feature: Quantization) -> Features[ComplexInt]:
    """How the device makes features of the given quantization."""
    if frontend.features == "complex":
        return ComplexFeaturesS32.of(frontend, feature)
    return (WideMagnitudeFeaturesS32 if feature.is_wide else MagnitudeFeaturesS32).of(frontend, feature)
