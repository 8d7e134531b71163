"""How a spectrum in single precision becomes integer features: specification of
``slimse_magnitude_features_f32_s8.c``, ``slimse_complex_features_f32_s8.c`` and their int16 forms, and their tables.

``power`` is that of the device's spectrum: ``4 * |32768 X|**2``.

**Magnitude features.** Compression followed by int8 quantization is one ascending step function of the power, with
255 steps.  The steps are computed here in double precision; the device finds the power's place among them by its bits,
because the bits of non-negative floats order like the floats.  The result is the exactly rounded quantization of the
exact compression of the float32 power.

**Complex features.** A component depends on the phase too, so there is no such step function.  What multiplies it,
``|X| ** (exponent - 1)``, is a power of the power: a factor for its binary exponent times a factor for its fraction.
The first comes from a table, the second from 32 straight lines that miss it by less than 1e-4 of its value.  The
result is rounded to within 0.52 of a step of the exact compression, without root or division.

**int16.** Steps would be 65535 thresholds, so magnitudes too are powers of the power: its root, to which epsilon is
added, and that to the exponent, each a factor for the binary exponent times one for the fraction, from 128 straight
lines.  Both kinds of features are within 0.75 of a step of the exact compression.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.dsp.c_text import CPart, CTable, c_float, table
from slimse_mcu.dsp.complex_f32 import Complex, FloatArray
from slimse_mcu.dsp.path import Features
from slimse_mcu.dsp.roots import rising_window
from slimse_mcu.dsp.steps import Steps, bits_of
from slimse_mcu.dsp.stft_f32 import SpectrumF32
from slimse_mcu.graph import FrontEnd, Quantization
from slimse_mcu.spectral import FULL_SCALE, magnitude_steps

SEGMENTS = 32
"""Straight lines that stand for a power over one octave, for int8 features."""

LINES = 128
"""The same for int16 features."""

_FRACTION_BITS = 23
_PLACE_BITS = 18
_LINE_PLACE_BITS = 16
_FLOAT_MAX = float(np.finfo(np.float32).max)
_FLOAT_LEAST = float(np.finfo(np.float32).tiny)  # a vector unit may take what is less as zero
_TRANSFORM_SLACK = 1.001


def split_ends(spectrum: Complex) -> Complex:
    """A spectrum ``[frames, hop]``, whose two real bins are in one, as ``[frames, bins]``."""
    none = np.zeros((len(spectrum.re), 1), np.float32)
    re, im = spectrum
    return Complex(np.concatenate([re, im[:, :1]], axis=1), np.concatenate([none, im[:, 1:], none], axis=1))


def _power(spectrum: Complex) -> FloatArray:
    re, im = split_ends(spectrum)
    power: FloatArray = re * re + im * im
    return power


@dataclass(frozen=True, slots=True)
class MagnitudeFeatures:
    """``slimse_magnitude_features_f32_s8_t``.

    Attributes:
        spectrum: How the transform is split.
        steps: Of the power's bits.
    """

    spectrum: SpectrumF32
    steps: Steps

    @classmethod
    def of(cls, frontend: FrontEnd, feature: Quantization) -> MagnitudeFeatures:
        """The tables in double precision."""
        magnitudes = magnitude_steps(frontend, feature)
        powers = np.minimum(_FLOAT_MAX, 4.0 * (FULL_SCALE * magnitudes) ** 2)
        powers = np.where(powers > 0.0, np.maximum(powers, _FLOAT_LEAST), 0.0)
        window = rising_window(frontend.fft)
        loudest = 2.0 * FULL_SCALE * float(window.sum() + window[:-1].sum()) * _TRANSFORM_SLACK
        reach = int(bits_of(np.array([loudest**2]))[0])
        return cls(SpectrumF32.of(frontend.hop), Steps.of(bits_of(powers), reach, _FRACTION_BITS))

    def quantize(self, packed: Complex) -> tuple[NDArray[np.int8], Complex]:
        """``slimse_magnitude_features_f32_s8``."""
        spectrum = self.spectrum.split(packed)
        return self.steps.quantize(_power(spectrum).view(np.uint32)), spectrum

    def c(self) -> CPart:
        """The structure and its arrays."""
        spectrum, turns = self.spectrum.c()
        steps, arrays = self.steps.c("bits of the power (4 x, in int16 units)")
        fields = {"spectrum": spectrum, "steps": steps}
        name = "slimse_magnitude_features_f32_s8"
        return CPart("slimse_features_f32_s8", name, name, f"{name}_t", fields, (turns, *arrays))


@dataclass(frozen=True, slots=True)
class ComplexFeatures:
    """``slimse_complex_features_f32_s8_t``.

    Attributes:
        spectrum: How the transform is split.
        floor: ``epsilon ** 2`` as a power; added to every bin's.
        offset: Zero point + 128.5, so that cutting off the fraction rounds to nearest.
        octaves: ``[256]`` by the power's biased binary exponent: steps of the feature per unit of the spectrum where
            the power's fraction is 1; 0 for exponent 0, which is no power at all.
        segments: ``[32, 2]`` value and slope (per ``2 ** -18`` of the segment) of ``fraction ** ((exponent - 1) / 2)``.
    """

    spectrum: SpectrumF32
    floor: np.float32
    offset: np.float32
    octaves: FloatArray
    segments: FloatArray

    @classmethod
    def of(cls, frontend: FrontEnd, feature: Quantization) -> ComplexFeatures:
        """Tables of ``X * (|X|**2 + epsilon**2) ** ((exponent - 1) / 2)``, in steps of the feature."""
        half = (frontend.exponent - 1.0) / 2.0
        octaves = [0.0, *(min(_FLOAT_MAX, _unit(frontend, feature) * 2.0 ** ((b - 127) * half)) for b in range(1, 256))]
        edges = (1.0 + np.arange(SEGMENTS + 1) / SEGMENTS) ** half
        slopes = np.diff(edges) / (1 << _PLACE_BITS)
        return cls(
            spectrum=SpectrumF32.of(frontend.hop),
            floor=_power_floor(frontend),
            offset=np.float32(feature.zero_point + 128.5),
            octaves=np.array(octaves, np.float32),
            segments=np.stack([edges[:-1], slopes], axis=1).astype(np.float32),
        )

    def quantize(self, packed: Complex) -> tuple[NDArray[np.int8], Complex]:
        """``slimse_complex_features_f32_s8``."""
        spectrum = self.spectrum.split(packed)
        bins = split_ends(spectrum)
        gain = self._gain(_power(spectrum) + self.floor)
        levels: FloatArray = bins.scaled(gain).pairs.reshape(len(gain), -1) + self.offset
        steps: NDArray[np.int32] = levels.clip(np.float32(0), np.float32(255)).astype(np.int32)
        return (steps - 128).astype(np.int8), spectrum

    def _gain(self, power: FloatArray) -> FloatArray:
        bits = power.view(np.uint32)
        line = self.segments[(bits >> _PLACE_BITS) & (SEGMENTS - 1)]
        place = (bits & ((1 << _PLACE_BITS) - 1)).astype(np.float32)
        gain: FloatArray = self.octaves[bits >> _FRACTION_BITS] * (line[..., 0] + line[..., 1] * place)
        return gain

    def c(self) -> CPart:
        """The structure and its arrays."""
        spectrum, turns = self.spectrum.c()
        octaves = "steps of the feature per unit of the spectrum, by the power's biased binary exponent"
        segments = f"power's fraction, {SEGMENTS} lines per octave: [line][value, slope per 2^-18 of the line]"
        fields = {
            "spectrum": spectrum,
            "floor": c_float(self.floor),
            "offset": c_float(self.offset),
            "octaves": "audio_octaves",
            "segments": "audio_segments",
        }
        tables = (
            turns,
            table("audio_octaves", "float", self.octaves, octaves),
            table("audio_segments", "float", self.segments, segments),
        )
        name = "slimse_complex_features_f32_s8"
        return CPart("slimse_features_f32_s8", name, name, f"{name}_t", fields, tables)


def _unit(frontend: FrontEnd, feature: Quantization) -> float:
    """Steps of the feature where the power is 1.

    With power = 4 * 32768**2 * |X|**2 and re = 2 * 32768 * Re X, the powers of two outside gather in one factor.
    """
    return math.pow(2.0 * FULL_SCALE, -frontend.exponent) / feature.scale


def _power_floor(frontend: FrontEnd) -> np.float32:
    return np.float32(4.0 * (FULL_SCALE * frontend.epsilon) ** 2)


@dataclass(frozen=True, slots=True)
class Power:
    """``slimse_power_f32_t``: ``scale * value ** exponent`` of floats that are not negative.

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

    def c(self, name: str, result: str, source: str) -> tuple[str, tuple[CTable, CTable]]:
        """Initializer of the structure, and its arrays ``audio_NAME_...``."""
        lines = f"{source}'s fraction, {LINES} lines per octave: [line][value, slope per 2^-16 of the line]"
        octaves = f"{result} by the {source}'s biased binary exponent"
        return f"{{audio_{name}_octaves, audio_{name}_lines}}", (
            table(f"audio_{name}_octaves", "float", self.octaves, octaves),
            table(f"audio_{name}_lines", "float", self.lines, lines),
        )


def _to_steps(levels: FloatArray) -> NDArray[np.int16]:
    clipped = levels.clip(np.float32(-32768), np.float32(32767)) + np.float32(32768.5)
    return (clipped.astype(np.int32) - 32768).astype(np.int16)


@dataclass(frozen=True, slots=True)
class WideMagnitudeFeatures:
    """``slimse_magnitude_features_f32_s16_t``.

    Attributes:
        spectrum: How the transform is split.
        floor: Epsilon, added to each magnitude.
        root: Magnitudes from powers.
        exponent: Steps of the feature from magnitudes.
    """

    spectrum: SpectrumF32
    floor: np.float32
    root: Power
    exponent: Power

    @classmethod
    def of(cls, frontend: FrontEnd, feature: Quantization) -> WideMagnitudeFeatures:
        """The tables in double precision."""
        floor = np.float32(2.0 * FULL_SCALE * frontend.epsilon)
        exponent = Power.of(frontend.exponent, _unit(frontend, feature))
        return cls(SpectrumF32.of(frontend.hop), floor, Power.of(0.5, 1.0), exponent)

    def quantize(self, packed: Complex) -> tuple[NDArray[np.int16], Complex]:
        """``slimse_magnitude_features_f32_s16``."""
        spectrum = self.spectrum.split(packed)
        return _to_steps(self.exponent.apply(self.root.apply(_power(spectrum)) + self.floor)), spectrum

    def c(self) -> CPart:
        """The structure and its arrays."""
        spectrum, turns = self.spectrum.c()
        root, roots = self.root.c("root", "magnitude", "power")
        exponent, exponents = self.exponent.c("exponent", "steps of the feature", "magnitude")
        fields = {"spectrum": spectrum, "floor": c_float(self.floor), "root": root, "exponent": exponent}
        name = "slimse_magnitude_features_f32_s16"
        return CPart("slimse_features_f32_s16", name, name, f"{name}_t", fields, (turns, *roots, *exponents))


@dataclass(frozen=True, slots=True)
class WideComplexFeatures:
    """``slimse_complex_features_f32_s16_t``.

    Attributes:
        spectrum: How the transform is split.
        floor: ``epsilon ** 2`` as a power; added to every bin's.
        exponent: Steps of the feature per unit of the spectrum, from powers.
    """

    spectrum: SpectrumF32
    floor: np.float32
    exponent: Power

    @classmethod
    def of(cls, frontend: FrontEnd, feature: Quantization) -> WideComplexFeatures:
        """The tables in double precision."""
        exponent = Power.of((frontend.exponent - 1.0) / 2.0, _unit(frontend, feature))
        return cls(SpectrumF32.of(frontend.hop), _power_floor(frontend), exponent)

    def quantize(self, packed: Complex) -> tuple[NDArray[np.int16], Complex]:
        """``slimse_complex_features_f32_s16``."""
        spectrum = self.spectrum.split(packed)
        gain = self.exponent.apply(_power(spectrum) + self.floor)
        return _to_steps(split_ends(spectrum).scaled(gain).pairs.reshape(len(gain), -1)), spectrum

    def c(self) -> CPart:
        """The structure and its arrays."""
        spectrum, turns = self.spectrum.c()
        result = "steps of the feature per unit of the spectrum"
        exponent, exponents = self.exponent.c("exponent", result, "power")
        fields = {"spectrum": spectrum, "floor": c_float(self.floor), "exponent": exponent}
        name = "slimse_complex_features_f32_s16"
        return CPart("slimse_features_f32_s16", name, name, f"{name}_t", fields, (turns, *exponents))


def features_f32(frontend: FrontEnd, feature: Quantization) -> Features[Complex]:
    """How the device makes features of the given quantization."""
    is_complex = frontend.features == "complex"
    if feature.is_wide:
        return (WideComplexFeatures if is_complex else WideMagnitudeFeatures).of(frontend, feature)
    return (ComplexFeatures if is_complex else MagnitudeFeatures).of(frontend, feature)
