"""Requantization of rows as the Helium kernels read it; ``slimse_requantize.h`` is the C side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.kernels.folded import array, folded_bias, is_narrow, scalar
from slimse_mcu.ops.op import Constant, KernelCall

MULTIPLIER = "requantization multipliers, Q31"
#: Rows that kernels read at once.
BLOCK_ROWS = 8
#: Bits of a sum, its sign included; above them lies the row's shift: ``SLIMSE_SUM_BITS`` in C.
_SUM_BITS = 26
_LOWEST, _HIGHEST = -128, 127


def in_blocks(values: NDArray[Any], block_rows: int = BLOCK_ROWS) -> NDArray[Any]:
    """Values of rows with as many zeros behind them as complete the last block."""
    return np.concatenate([values, np.zeros(-len(values) % block_rows, values.dtype)])


def fits(call: KernelCall, weights: NDArray[Any]) -> bool:
    """Whether sums leave room for their shifts, all of them to the right, and the clamp is int8's.

    Args:
        call: Of a portable kernel with ``linear`` fields.
        weights: Its weights, rows first.
    """
    shift = _shift(call)
    limits = scalar(call.fields, "linear.output_min"), scalar(call.fields, "linear.output_max")
    in_range = bool(np.all((shift >= -31) & (shift <= -1))) and limits == (_LOWEST, _HIGHEST)
    bias = array(call.fields, "linear.bias")
    return in_range and is_narrow(weights.reshape(len(weights), -1), bias, _SUM_BITS - 1)


def folded_bias_and_shift(call: KernelCall) -> Constant:
    """Where the sums of a layer with ``linear`` fields start, for inputs that keep their zero point."""
    weights = array(call.fields, "linear.weights")
    flat = weights.reshape(len(weights), -1)
    folded = folded_bias(flat, array(call.fields, "linear.bias"), scalar(call.fields, "linear.input_offset"))
    return bias_and_shift(call, folded, "for inputs with their zero point, ")


def bias_and_shift(call: KernelCall, values: NDArray[np.int64], note: str = "") -> Constant:
    """Where sums start: biases ``[..., rows]``, and above them the shifts of the rows."""
    text = f"2^26 x requantization shift + bias, {note}at input scale x weight scale"
    rows = np.atleast_2d(values + (_shift(call) << _SUM_BITS))
    padded = np.stack([in_blocks(row) for row in rows]).astype(np.int32)
    return Constant("int32_t", padded if values.ndim > 1 else padded[0], text)


def fields(call: KernelCall) -> dict[str, int | Constant]:
    """Members of ``slimse_rescaling_t`` from those of ``slimse_linear_s8_t``."""
    offset = scalar(call.fields, "linear.output_offset")
    multiplier = Constant("int32_t", in_blocks(array(call.fields, "linear.multiplier")), MULTIPLIER)
    return {
        "rescale.multiplier": multiplier,
        "rescale.output_offset": offset,
        "rescale.is_rectified": int(offset == _LOWEST),
    }


def _shift(call: KernelCall) -> NDArray[np.int64]:
    """Shifts of the rows; one whose multiplier is zero has a shift of zero, where any other would do."""
    shift = array(call.fields, "linear.shift").astype(np.int64)
    return np.where(array(call.fields, "linear.multiplier") == 0, -1, shift)
