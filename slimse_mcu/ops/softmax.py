"""Softmax over the channels, at each position along frequency.

int8: TensorFlow Lite SOFTMAX as its reference kernels compute it, with the fixed point of gemmlowp: output scale 1/256,
zero point -128.  The reference evaluates a polynomial per channel; an int8 input has only 256 differences to the
greatest channel, so all exponentials are a table here, and what is left to the kernel are a sum and one reciprocal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node, Quantization
from slimse_mcu.ops.arithmetic import INT8_MIN, clamp_s8, multiply_by_quantized_multiplier, quantize_multiplier
from slimse_mcu.ops.op import (
    Constant,
    FloatArray,
    Import,
    Int8Array,
    Integers,
    KernelCall,
    Memories,
    Op,
    Parameters,
    QuantizeContext,
)

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

IntArray = NDArray[np.int64]

#: The result of more channels would be shifted right by more than 31 bits.
_MAX_CHANNELS = 511
_SUM_INTEGER_BITS, _DIFFERENCE_INTEGER_BITS = 12, 5
_DIFFERENCE_BITS = 31 - _DIFFERENCE_INTEGER_BITS
_ONE = 2**31 - 1
_QUARTER = 1 << (_DIFFERENCE_BITS - 2)
#: exp(-2**n) for n = -2, ..., 4, Q31.
_EXP_OF_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
_EXP_OF_MINUS_EIGHTH, _ONE_THIRD = 1895147668, 715827883
#: 48/17 and -32/17 in Q2.29: the start of the division by Newton's method.
_RECIPROCAL_START, _RECIPROCAL_SLOPE = 1515870810, -1010580540


def _product(a: Any, b: Any) -> IntArray:
    """The rounded high half of the doubled product of two Q31 numbers."""
    return multiply_by_quantized_multiplier(a, b, 0)


def _divided(value: Any, bits: int) -> IntArray:
    """A value divided by a power of two, to nearest, ties away from zero."""
    mask = (1 << bits) - 1
    result: IntArray = (value >> bits) + ((value & mask) > (mask >> 1) + (value < 0))
    return result


def _exp(x: IntArray) -> IntArray:
    """``exp(x)`` in Q31 for x <= 0 in Q5.26."""
    modulo = (x & (_QUARTER - 1)) - _QUARTER
    a = (modulo << _DIFFERENCE_INTEGER_BITS) + (1 << 28)  # from -1/4..0 to -1/8..1/8
    a2 = _product(a, a)
    a3, a4 = _product(a2, a), _product(a2, a2)
    series = _divided(_product(_divided(a4, 2) + a3, _ONE_THIRD) + a2, 1)
    result = _EXP_OF_MINUS_EIGHTH + _product(_EXP_OF_MINUS_EIGHTH, a + series)
    rest = modulo - x
    for power, factor in enumerate(_EXP_OF_POWERS, start=_DIFFERENCE_BITS - 2):
        result = np.where(rest & (1 << power), _product(result, factor), result)
    return np.where(x == 0, _ONE, result)


def exp_table(scale: float) -> NDArray[np.int32]:
    """``exp(-scale * n)`` in Q31 for n = 0 to 255; 0 where the reference leaves it out."""
    multiplier, shift = quantize_multiplier(min(scale * 2.0**_DIFFERENCE_BITS, 2.0**30 - 1.0))
    last = min(255, math.floor(((1 << _DIFFERENCE_INTEGER_BITS) - 1) * 2.0 ** (_DIFFERENCE_BITS - shift)))
    table = np.zeros(256, np.int32)
    table[: last + 1] = _exp(multiply_by_quantized_multiplier(-np.arange(last + 1), multiplier, shift))
    return table


def _reciprocal(total: int) -> tuple[int, int]:
    """``1 / total`` in Q31 of a value scaled to 1..2, and how many bits it was scaled by; total is Q12.19."""
    zeros = 32 - total.bit_length()
    half = (total << zeros) >> 1  # 1/2 to 1, Q31
    x = _RECIPROCAL_START + int(_product(half, _RECIPROCAL_SLOPE))
    for _ in range(3):
        error = (1 << 29) - int(_product(half, x))
        x += int(_product(x, error)) << 2
    return min(x << 1, _ONE), _SUM_INTEGER_BITS - zeros


def _softmax(values: IntArray, table: NDArray[np.int32]) -> Int8Array:
    exponentials = table[values.max() - values].astype(np.int64)
    total = int(_divided(exponentials, _SUM_INTEGER_BITS).sum())
    scale, bits = _reciprocal(total)
    return clamp_s8(_divided(_product(scale, exponentials), bits + 31 - 8) + INT8_MIN)


def add_softmax(layer: KerasLayer, source: str, builder: GraphBuilder, suffix: str = "") -> str:
    """Add a softmax over the channels of a tensor.

    Raises:
        ModelError: There are too many channels.
    """
    channels = builder.channels(source)
    if channels > _MAX_CHANNELS:
        raise layer.error(f"has {channels} channels under softmax; at most {_MAX_CHANNELS} are supported", "Use fewer.")
    return builder.add(layer, "softmax", [source], channels=channels, suffix=suffix)


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    axis = layer.config.get("axis", -1)
    last = 1 + len(builder.shape(inputs[0]))
    if axis not in (-1, last, [-1], [last]):
        raise layer.error(f"takes the softmax over axis {axis}", "Take it over the channels: axis=-1.")
    return add_softmax(layer, inputs[0], builder)


class Softmax(Op):
    """No weights and attributes."""

    name = "softmax"
    imports = (Import(("Softmax",), _read, "over the channels, at each frequency"),)

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        x = inputs[0].reshape(node.attributes["positions"], -1)
        exponentials = np.exp(x - x.max(axis=1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), np.float32).ravel()

    def fixed_quantization(self, node: Node, inputs: Sequence[Quantization]) -> Quantization | None:
        return Quantization(1.0 / 256.0, INT8_MIN, 0.0, 255.0 / 256.0)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        return {"exp": exp_table(context.inputs[0].scale)}

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        positions = inputs[0].astype(np.int64).reshape(node.attributes["positions"], -1)
        return np.concatenate([_softmax(values, parameters["exp"]) for values in positions])

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        fields: dict[str, int | Constant] = {
            "positions": node.attributes["positions"],
            "size": node.attributes["channels"],
            "exp": Constant("int32_t", parameters["exp"], "exp of minus 0 to 255 steps of the input, Q31"),
        }
        return (KernelCall("slimse_softmax_s8", fields, ("input0", "output")),)

    def describe(self, node: Node) -> str:
        return f"softmax, {node.attributes['channels']}"


OP = Softmax()
