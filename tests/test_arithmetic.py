"""The integer arithmetic against exact rational numbers, and the C functions against it."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native import WARNINGS

from slimse_mcu import assets
from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import Quantization
from slimse_mcu.ops.arithmetic import (
    activation_bounds,
    choose_quantization,
    clamp_s8,
    dequantize_values,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    quantize_multipliers,
    quantize_values,
    quantize_weights,
)

THOROUGH = settings(max_examples=300)
INT32 = st.integers(-(2**31), 2**31 - 1)
MULTIPLIERS = st.one_of(st.just(0), st.just(2**30), st.just(2**31 - 1), st.integers(2**30, 2**31 - 1))
SHIFTS = st.integers(-31, 30)
SCALES = st.floats(1e-9, 1e6, allow_nan=False).map(lambda value: float(np.float32(value)))


def half_up(value: Fraction) -> int:
    """Nearest integer, ties towards plus infinity."""
    return math.floor(value + Fraction(1, 2))


def half_away(value: Fraction) -> int:
    """Nearest integer, ties away from zero."""
    return half_up(value) if value >= 0 else -half_up(-value)


def double_rounding(value: int, multiplier: int, shift: int) -> int:
    """The rule in words: saturating left shift, product's high half rounded, right shift rounded."""
    shifted = min(2**31 - 1, max(-(2**31), value * 2 ** max(shift, 0)))
    high = half_up(Fraction(shifted * multiplier, 2**31))
    return half_away(Fraction(high, 2 ** max(-shift, 0)))


@THOROUGH
@given(INT32, MULTIPLIERS, SHIFTS)
def test_requantization_rounds_twice(value, multiplier, shift):
    assert int(multiply_by_quantized_multiplier(value, multiplier, shift)) == double_rounding(value, multiplier, shift)


@THOROUGH
@given(INT32, MULTIPLIERS, st.integers(-31, 0))
def test_negative_multiplier_mirrors_all_but_ties(value, multiplier, shift):
    mirrored = int(multiply_by_quantized_multiplier(value, -multiplier, shift))
    assert mirrored == half_away(Fraction(half_up(Fraction(-value * multiplier, 2**31)), 2**-shift))


@THOROUGH
@given(st.floats(2.0**-31, 2.0**29))
def test_multiplier_is_the_nearest_of_31_bits(real):
    multiplier, shift = quantize_multiplier(real)
    assert 2**30 <= multiplier < 2**31
    assert -31 <= shift <= 30
    step = Fraction(2) ** (shift - 31)
    assert abs(multiplier * step - Fraction(real)) <= step / 2


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (0.5, (2**30, 0)),
        (1.0, (2**30, 1)),
        (1.0 - 2.0**-40, (2**30, 1)),
        (2.0**-32, (2**30, -31)),
        (2.0**-33, (0, 0)),
        (2.0**29, (2**30, 30)),
    ],
)
def test_multiplier_at_the_ends_of_its_range(real, expected):
    assert quantize_multiplier(real) == expected


@pytest.mark.parametrize("real", [-1.0, math.nan, math.inf, 2.0**31])
def test_impossible_multiplier_is_refused(real):
    with pytest.raises(QuantizeError, match="multiplier"):
        quantize_multiplier(real)


def test_multipliers_of_an_array_are_those_of_its_elements():
    real = np.array([0.0, 1e-12, 0.3, 1.0, 17.0])
    multipliers, shifts = quantize_multipliers(real)
    assert multipliers.dtype == np.int32
    assert shifts.dtype == np.int8
    assert list(zip(multipliers.tolist(), shifts.tolist(), strict=True)) == [quantize_multiplier(x) for x in real]


@THOROUGH
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_chosen_range_holds_zero_exactly_and_both_ends_within_a_step(first, second):
    low, high = min(first, second), max(first, second)
    chosen = choose_quantization(low, high)
    assert -128 <= chosen.zero_point <= 127
    assert chosen.scale > 0
    assert chosen.scale == float(np.float32(chosen.scale))
    assert float(dequantize_values(chosen.zero_point, chosen)) == 0.0
    for end in (min(low, 0.0), max(high, 0.0)):
        nearest = float(dequantize_values(quantize_values(end, chosen), chosen))
        assert abs(nearest - end) <= chosen.scale * 1.01


@pytest.mark.parametrize("limits", [(0.0, 0.0), (-1e-30, 1e-30)])
def test_range_of_nothing_stays_representable(limits):
    chosen = choose_quantization(*limits)
    assert chosen.scale == pytest.approx(1 / 127)
    assert chosen.zero_point == 0


@THOROUGH
@given(st.lists(st.floats(-300, 300, width=32), min_size=2, max_size=20), SCALES, st.integers(-128, 127))
def test_quantized_values_are_nearest_saturated_and_ascending(values, scale, zero_point):
    parameters = Quantization(scale, zero_point)
    integers = quantize_values(np.sort(values), parameters).astype(int)
    assert np.all(np.diff(integers) >= 0)
    for real, integer in zip(np.sort(values), integers, strict=True):
        exact = Fraction(float(real)) / Fraction(scale) + zero_point
        if -128 < integer < 127:
            # The product with the float32 reciprocal is what the device computes.
            assert abs(integer - exact) <= Fraction(1, 2) + abs(exact - zero_point) * Fraction(1, 2**22)


@THOROUGH
@given(st.integers(-128, 127), SCALES, st.integers(-128, 127))
def test_every_integer_comes_back(integer, scale, zero_point):
    parameters = Quantization(scale, zero_point)
    assert int(quantize_values(dequantize_values(integer, parameters), parameters)) == integer


@THOROUGH
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), SCALES)
def test_weights_and_bias_are_within_half_a_step(seed, rows, columns, input_scale):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(rows, columns)) * 10.0 ** rng.uniform(-8, 8, (rows, 1))
    bias = rng.normal(size=rows) * 10.0 ** rng.uniform(-8, 8, rows)
    integer, integer_bias, scale = quantize_weights(weights, bias, input_scale)
    assert np.all(np.abs(integer.astype(int)) <= 127)
    assert np.all(np.abs(integer_bias.astype(np.int64)) <= 2**30)
    assert np.all(np.abs(integer * scale[:, None] - weights) <= scale[:, None] * 0.5001)
    steps = input_scale * scale
    assert np.all(np.abs(integer_bias * steps - bias) <= 0.5001 * steps + 1e-6 * np.abs(bias))


def test_weights_that_are_all_zero_keep_a_scale():
    integer, bias, scale = quantize_weights(np.zeros((2, 3)), np.zeros(2), 0.1)
    assert not integer.any()
    assert not bias.any()
    assert np.all(scale > 0)


def test_bias_that_dwarfs_its_weights_fits_int32():
    _, bias, scale = quantize_weights(np.full((1, 3), 1e-9), np.array([1e3]), 1e-6)
    assert abs(int(bias[0])) <= 2**30
    assert bias[0] * scale[0] * 1e-6 == pytest.approx(1e3, rel=1e-3)


@THOROUGH
@given(SCALES, st.integers(-128, 127))
def test_clamp_of_an_activation_is_its_range(scale, zero_point):
    output = Quantization(scale, zero_point)
    assert activation_bounds("linear", output) == (-128, 127)
    assert activation_bounds("relu", output) == (zero_point, 127)
    low, high = activation_bounds("relu6", output)
    assert low == zero_point
    assert high == min(127, zero_point + half_up(Fraction(float(np.float32(6) / np.float32(scale)))))


def test_clamp_saturates():
    np.testing.assert_array_equal(clamp_s8([-1000, -129, -128, 127, 128]), [-128, -128, -128, 127, 127])


# ---- the same in C -----------------------------------------------------------------------------------------------

_EXPORTS = """
#include "slimse_arithmetic.h"
void requantize(const int32_t *values, const int32_t *multipliers, const int8_t *shifts, int32_t *out, int count);
void requantize(const int32_t *values, const int32_t *multipliers, const int8_t *shifts, int32_t *out, int count)
{
    for (int i = 0; i < count; i++) {
        out[i] = slimse_requantize(values[i], multipliers[i], shifts[i]);
    }
}
void requantize_s8(const int32_t *values, const int32_t *multipliers, const int8_t *shifts, const int8_t *offsets,
                   int8_t *out, int count);
void requantize_s8(const int32_t *values, const int32_t *multipliers, const int8_t *shifts, const int8_t *offsets,
                   int8_t *out, int count)
{
    for (int i = 0; i < count; i++) {
        out[i] = slimse_requantize_s8(values[i], multipliers[i], shifts[i], offsets[i], -100, 120);
    }
}
"""


@pytest.fixture(scope="module", params=["gcc", "clang"])
def native(request, tmp_path_factory) -> ctypes.CDLL:
    """The C functions in a shared library."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is missing")
    folder = tmp_path_factory.mktemp("arithmetic")
    (folder / "exports.c").write_text(_EXPORTS)
    options = [*WARNINGS, "-O2", "-fPIC", "-shared", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    sources = [f"-I{assets.path('firmware')}/kernels", str(folder / "exports.c"), "-o", str(folder / "exports.so")]
    subprocess.run([request.param, *options, *sources], check=True)
    return ctypes.CDLL(str(folder / "exports.so"))


def cases(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values of all magnitudes with their corners, multipliers and shifts of the whole range."""
    rng = np.random.default_rng(seed)
    values = (rng.integers(-(2**31), 2**31, count) >> rng.integers(0, 31, count)).astype(np.int32)
    values[:6] = [-(2**31), 2**31 - 1, 0, 1, -1, 2**30]
    multipliers = rng.integers(2**30, 2**31, count).astype(np.int32)
    multipliers[rng.random(count) < 0.1] = 2**30
    multipliers[rng.random(count) < 0.05] = 2**31 - 1
    multipliers[rng.random(count) < 0.05] = 0
    return values, multipliers, rng.integers(-31, 31, count).astype(np.int8)


def test_c_requantization_equals_numpy(native):
    values, multipliers, shifts = cases(1, 200_000)
    out = np.zeros_like(values)
    native.requantize(
        values.ctypes.data_as(ctypes.c_void_p),
        multipliers.ctypes.data_as(ctypes.c_void_p),
        shifts.ctypes.data_as(ctypes.c_void_p),
        out.ctypes.data_as(ctypes.c_void_p),
        len(values),
    )
    np.testing.assert_array_equal(out, multiply_by_quantized_multiplier(values, multipliers, shifts))


def test_c_requantization_to_int8_equals_numpy(native):
    values, multipliers, shifts = cases(2, 200_000)
    offsets = np.random.default_rng(3).integers(-128, 128, len(values)).astype(np.int8)
    out = np.zeros(len(values), np.int8)
    native.requantize_s8(
        values.ctypes.data_as(ctypes.c_void_p),
        multipliers.ctypes.data_as(ctypes.c_void_p),
        shifts.ctypes.data_as(ctypes.c_void_p),
        offsets.ctypes.data_as(ctypes.c_void_p),
        out.ctypes.data_as(ctypes.c_void_p),
        len(values),
    )
    scaled = multiply_by_quantized_multiplier(values, multipliers, shifts)
    np.testing.assert_array_equal(out, clamp_s8(scaled + offsets, -100, 120))
