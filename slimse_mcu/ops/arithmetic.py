"""Integer arithmetic of the specification, for int8 and for int16 activations.

The rules are those of the TensorFlow Lite quantization specification as its reference kernels carry them out;
``firmware/kernels/slimse_arithmetic.h`` is the same in C.  int8: fixed-point multiplier of 31 bits and shift, rounded
twice.  int16 (weights int8, zero points 0): sums of layers with weights are int64 and multiplied by 15 bits, rounded
once; everything else is as in int8.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import Quantization

INT8_MIN = -128
INT8_MAX = 127
INT16_MIN = -32768
INT16_MAX = 32767
_INT32_MIN = -(2**31)
_INT32_MAX = 2**31 - 1

IntArray = NDArray[np.integer[Any]]


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Write a positive real multiplier as ``multiplier * 2**(shift - 31)``.

    Args:
        real: 0 or positive.

    Returns:
        ``(multiplier, shift)``: multiplier 0 or 2**30 to 2**31 - 1, shift -31 to 30.

    Raises:
        QuantizeError: The multiplier is negative, not finite, or 2**30 and more.
    """
    if not math.isfinite(real) or real < 0.0:
        raise QuantizeError(f"A requantization multiplier of {real} is not a positive number.")
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    # Half away from zero, as the reference does; fraction is positive.
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        raise QuantizeError(
            f"A requantization multiplier of {real:.3g} is too large.",
            hint="A tensor's calibrated range is nearly zero; calibrate with louder or longer audio.",
        )
    return multiplier, shift


def quantize_multipliers(real: NDArray[np.float64]) -> tuple[IntArray, IntArray]:
    """:func:`quantize_multiplier` for each element; int32 multipliers and int8 shifts, both ``[n]``."""
    pairs = [quantize_multiplier(float(value)) for value in real]
    return (
        np.array([pair[0] for pair in pairs], dtype=np.int32),
        np.array([pair[1] for pair in pairs], dtype=np.int8),
    )


def multiply_by_quantized_multiplier(value: Any, multiplier: Any, shift: Any) -> NDArray[np.int64]:
    """Multiply int32 values by a quantized multiplier with double rounding.

    First a saturating left shift, then the rounded high half of the doubled product, then a rounding right shift
    with ties away from zero.

    Args:
        value: int32 values, any shape.
        multiplier: Q31, same shape or broadcast.
        shift: Left shift when positive, right shift when negative.

    Returns:
        The products, int64 holding int32 values.
    """
    value = np.asarray(value, dtype=np.int64)
    multiplier = np.asarray(multiplier, dtype=np.int64)
    shift = np.asarray(shift, dtype=np.int64)
    left = np.maximum(shift, 0)
    right = np.maximum(-shift, 0)
    shifted = np.clip(value << left, _INT32_MIN, _INT32_MAX)
    high = (shifted * multiplier + (1 << 30)) >> 31
    mask = (np.int64(1) << right) - 1
    remainder = high & mask
    threshold = (mask >> 1) + (high < 0)
    result: NDArray[np.int64] = (high >> right) + (remainder > threshold)
    return result


def reduce_multipliers(multiplier: Any, shift: Any) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """The multipliers of :func:`quantize_multipliers` in 15 bits, for sums of int16 activations.

    Returns:
        int16 multipliers, 0 or 2**14 to 2**15 - 1, and how far the products are shifted to the right, 1 to 46.

    Raises:
        QuantizeError: The result would need a shift to the left.
    """
    multiplier, shift = np.asarray(multiplier, np.int64), np.asarray(shift, np.int64)
    right = 15 - shift
    if np.any(right < 1):
        raise QuantizeError(
            "An int16 output's range is far too small for its layer's sums.",
            hint="Calibrate with louder or longer audio, or leave the tensor at 8 bits.",
        )
    reduced = np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF)
    return reduced.astype(np.int16), right.astype(np.uint8)


def multiply_by_reduced_multiplier(value: Any, multiplier: Any, right: Any) -> NDArray[np.int64]:
    """Multiply int64 sums, below 2**47, by a multiplier of :func:`reduce_multipliers`, rounded half up."""
    right = np.asarray(right, np.int64)
    product = np.asarray(value, np.int64) * np.asarray(multiplier, np.int64)
    result: NDArray[np.int64] = (product + (np.int64(1) << (right - 1))) >> right
    return result


def clamp_s16(value: Any, low: int = INT16_MIN, high: int = INT16_MAX) -> NDArray[np.int16]:
    """Clamp to ``low``..``high`` and store as int16."""
    clamped: NDArray[np.int16] = np.clip(value, low, high).astype(np.int16)
    return clamped


def clamp_s8(value: Any, low: int = INT8_MIN, high: int = INT8_MAX) -> NDArray[np.int8]:
    """Clamp to ``low``..``high`` and store as int8."""
    clamped: NDArray[np.int8] = np.clip(value, low, high).astype(np.int8)
    return clamped


def activation_bounds(activation: str, output: Quantization) -> tuple[int, int]:
    """Integer clamp of a fused activation: ``"linear"``, ``"relu"`` or ``"relu6"``."""
    if activation == "linear":
        return output.lowest, output.highest
    low = max(output.lowest, output.zero_point)
    if activation == "relu":
        return low, output.highest
    six = output.zero_point + int(np.floor(np.float32(6.0) / np.float32(output.scale) + np.float32(0.5)))
    return low, min(output.highest, six)


def choose_quantization(minimum: float, maximum: float, bits: int = 8) -> Quantization:
    """Parameters for a real range: asymmetric with 8 bits, symmetric with 16; the range is widened to contain 0.

    A range that is all zero gets scale 1/127 (1/32767), so that it stays representable.
    """
    low = min(0.0, float(minimum))
    high = max(0.0, float(maximum))
    if bits == 16:
        reach = max(high, -low) if high - low >= 1e-12 else 1.0
        return Quantization(float(np.float32(reach / INT16_MAX)), 0, minimum, maximum, bits)
    if high - low < 1e-12:
        return Quantization(float(np.float32(1.0 / 127.0)), 0, minimum, maximum)
    scale = float(np.float32((high - low) / 255.0))
    zero_point = int(np.clip(math.floor(INT8_MIN - low / scale + 0.5), INT8_MIN, INT8_MAX))
    return Quantization(scale, zero_point, minimum, maximum)


def quantize_values(real: Any, quantization: Quantization) -> NDArray[Any]:
    """Nearest integer (half up), saturated; int8 or int16 as the quantization says.

    The operations are the device's: float32 multiply by the float32 reciprocal of the scale, add one half, floor.
    """
    inverse = np.float32(1.0) / np.float32(quantization.scale)
    scaled = np.asarray(real, dtype=np.float32) * inverse
    levels = np.floor(scaled + np.float32(0.5)) + quantization.zero_point
    clamped: NDArray[Any] = np.clip(levels, quantization.lowest, quantization.highest).astype(quantization.dtype)
    return clamped


def dequantize_values(integer: Any, quantization: Quantization) -> NDArray[np.float32]:
    """``scale * (integer - zero_point)`` in float32."""
    centred = np.asarray(integer, dtype=np.int32) - quantization.zero_point
    result: NDArray[np.float32] = centred.astype(np.float32) * np.float32(quantization.scale)
    return result


def quantize_weights(
    weights: NDArray[np.floating[Any]], bias: NDArray[np.floating[Any]], input_scale: float
) -> tuple[NDArray[np.int8], NDArray[np.int32], NDArray[np.float64]]:
    """Symmetric int8 weights per output channel and int32 bias at ``input_scale * weight_scale``.

    Args:
        weights: ``[channels, ...]``.
        bias: ``[channels]``.
        input_scale: Scale of the layer's input.

    Returns:
        Integer weights, integer bias and the weight scales ``[channels]`` (float32 values).
    """
    flat = np.abs(np.asarray(weights, dtype=np.float64)).reshape(weights.shape[0], -1)
    scale = flat.max(axis=1) / 127.0
    # A channel of tiny weights and a large bias must not push the bias out of int32.
    scale = np.maximum(scale, np.abs(bias) / (input_scale * 2.0**30))
    scale = np.where(scale > 0.0, scale, 1.0).astype(np.float32).astype(np.float64)
    shape = (-1,) + (1,) * (weights.ndim - 1)
    integer = np.clip(np.rint(weights / scale.reshape(shape)), -127, 127).astype(np.int8)
    integer_bias = np.clip(np.rint(bias / (input_scale * scale)), -(2**30), 2**30).astype(np.int32)
    return integer, integer_bias, scale
