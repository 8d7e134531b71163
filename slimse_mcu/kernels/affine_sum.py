"""Sums of two int8 tensors as ``(a * A + b * B + C) >> S``: one pass instead of three requantizations, and the same bits.

The specification rounds six times on the way; a layer has only 65,536 pairs of inputs, so that the compiler can look for
integers that give all of them the right output, and can check every single one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.ops.arithmetic import multiply_by_quantized_multiplier
from slimse_mcu.ops.op import Constant

_VALUES = np.arange(-128, 128, dtype=np.int64)
_INT32_MAX = 2**31 - 1
#: Bits behind the point: as many as fit int32, and not so few that rounding is guessed.
_MOST_BITS, _FEWEST_BITS = 24, 17
#: By which ``slimse_add_s8`` makes its inputs finer.
_LEFT_FACTOR = 1 << 20
#: How far from the nearest integers to the real factors the search goes.
_REACH = 6
#: Pairs that leave the least room; the others are checked once those agree.
_CRITICAL = 1000


@dataclass(frozen=True, slots=True)
class AffineSum:
    """``clamp((a * first + b * second + constant) >> shift)`` for all int8 ``a`` and ``b``; no intermediate leaves int32.

    Attributes:
        first: Factor of the first input.
        second: Factor of the second input.
        constant: What is added.
        shift: How far the sum is shifted to the right, rounding down; 17 to 24.
    """

    first: int
    second: int
    constant: int
    shift: int


def of_add(fields: Mapping[str, int | Constant]) -> AffineSum | None:
    """The exact form of a call of ``slimse_add_s8`` with these fields; None where none was found."""
    of = {name: value for name, value in fields.items() if isinstance(value, int)}
    inputs = [
        multiply_by_quantized_multiplier(
            (_VALUES + of[f"{name}_offset"]) * _LEFT_FACTOR, of[f"{name}_multiplier"], of[f"{name}_shift"]
        )
        for name in ("input0", "input1")
    ]
    sums = inputs[0][:, None] + inputs[1][None]
    scaled = multiply_by_quantized_multiplier(sums, of["output_multiplier"], of["output_shift"])
    low, high = of["output_min"], of["output_max"]
    factors = [
        _LEFT_FACTOR * _real(of[f"{name}_multiplier"], of[f"{name}_shift"]) for name in ("input0", "input1")
    ]
    output = _real(of["output_multiplier"], of["output_shift"])
    outputs = np.clip(scaled + of["output_offset"], low, high)
    return find(outputs, low, high, factors[0] * output, factors[1] * output)


def _real(multiplier: int, shift: int) -> float:
    return multiplier * 2.0 ** (shift - 31)


def find(outputs: NDArray[np.int64], low: int, high: int, first: float, second: float) -> AffineSum | None:
    """Look for an exact form.

    Args:
        outputs: ``[256, 256]``, clamped: those of the inputs -128 to 127, by the first and the second.
        low: The lowest output; what is below is cut to it.
        high: The highest.
        first: Real factor between the first input and the output.
        second: Real factor between the second input and the output.

    Returns:
        A form that yields every one of the outputs, or None where none was found.
    """
    for shift in range(_MOST_BITS, _FEWEST_BITS - 1, -1):
        # Up to 128 times each factor, and as much again for zero points and the output's own range.
        if 256 * (first + second) + 512 < _INT32_MAX / 2**shift:
            found = _with_shift(outputs, low, high, first, second, shift)
            if found is not None:
                return found
    return None


def _with_shift(
    outputs: NDArray[np.int64], low: int, high: int, first: float, second: float, shift: int
) -> AffineSum | None:
    # The constant must put every sum between these, which lie 2^shift apart where the clamp does not widen them.
    least = np.where(outputs > low, outputs << shift, -(2**60))
    most = np.where(outputs < high, ((outputs + 1) << shift) - 1, 2**60)
    nearest = round(first * 2**shift), round(second * 2**shift)
    products = _products(*nearest)
    critical = np.union1d(
        np.argpartition(-(least - products).ravel(), _CRITICAL)[:_CRITICAL],
        np.argpartition((most - products).ravel(), _CRITICAL)[:_CRITICAL],
    )
    rows, columns = np.divmod(critical, 256)
    few = _VALUES[rows], _VALUES[columns], least.ravel()[critical], most.ravel()[critical]
    for one, other in _around(*nearest):
        some = one * few[0] + other * few[1]
        if (few[2] - some).max() > (few[3] - some).min():
            continue
        products = _products(one, other)
        lowest, highest = int((least - products).max()), int((most - products).min())
        if lowest <= highest:
            constant = (lowest + highest) // 2
            reach = 128 * (one + other) + abs(constant)
            return AffineSum(one, other, constant, shift) if reach <= _INT32_MAX else None
    return None


def _products(first: int, second: int) -> NDArray[np.int64]:
    result: NDArray[np.int64] = first * _VALUES[:, None] + second * _VALUES[None]
    return result


def _around(first: int, second: int) -> Iterator[tuple[int, int]]:
    """The pairs of integers around a pair, the nearest first."""
    span = range(-_REACH, _REACH + 1)
    steps = sorted(((one, other) for one in span for other in span), key=lambda step: step[0] ** 2 + step[1] ** 2)
    for one, other in steps:
        yield first + one, second + other
