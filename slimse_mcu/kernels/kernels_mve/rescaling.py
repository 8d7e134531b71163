"""Requantization of rows as the Helium kernels read it; ``slimse_requantize.h`` is the C side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.kernels.folded import array, folded_bias, scalar
from slimse_mcu.ops.op import Constant, KernelCall

#: Kernels read this many rows at once.
BLOCK_ROWS = 16
_ANY, _RIGHT, _RECTIFY = 0, 1, 2
_LOWEST, _HIGHEST = -128, 127


def in_blocks(values: NDArray[Any], beyond: int = 0) -> NDArray[Any]:
    """Values of rows with as many behind them as complete the last 16."""
    return np.concatenate([values, np.full(-len(values) % BLOCK_ROWS, beyond, values.dtype)])


def bias(call: KernelCall) -> Constant:
    """The biases of a layer with ``linear`` fields, for inputs that keep their zero point."""
    weights = array(call.fields, "linear.weights")
    flat = weights.reshape(len(weights), -1)
    folded = folded_bias(flat, array(call.fields, "linear.bias"), scalar(call.fields, "linear.input_offset"))
    return bias_constant(folded, "for inputs with their zero point, ")


def bias_constant(values: NDArray[Any], note: str = "") -> Constant:
    """Biases, at input scale x weight scale."""
    return Constant("int32_t", in_blocks(values.astype(np.int32)), f"bias, {note}at input scale x weight scale")


def fields(call: KernelCall) -> dict[str, int | Constant]:
    """Members of ``slimse_rescaling_t`` from those of ``slimse_linear_s8_t``."""
    multiplier, shift = array(call.fields, "linear.multiplier"), array(call.fields, "linear.shift")
    # A row whose multiplier is zero has a shift of zero, where any other would do.
    shift = np.where(multiplier == 0, -1, shift).astype(np.int8)
    offset = scalar(call.fields, "linear.output_offset")
    low, high = scalar(call.fields, "linear.output_min"), scalar(call.fields, "linear.output_max")
    members: dict[str, int | Constant] = {
        "multiplier": Constant("int32_t", in_blocks(multiplier), "requantization multipliers, Q31"),
        "shift": Constant("int8_t", in_blocks(shift, -1), "requantization shifts, left when positive"),
        "output_offset": offset,
        "output_min": low,
        "output_max": high,
        "rounds": _rounds(shift, offset, low, high),
    }
    return {f"rescale.{name}": value for name, value in members.items()}


def is_any(members: Mapping[str, int | Constant]) -> bool:
    """Whether the members of :func:`fields` ask for every step of the requantization."""
    return members["rescale.rounds"] == _ANY


def _rounds(shift: NDArray[np.int8], offset: int, low: int, high: int) -> int:
    """Which steps of the requantization no row needs."""
    if shift.max() >= 0 or (low, high) != (_LOWEST, _HIGHEST):
        return _ANY
    return _RECTIFY if offset == _LOWEST else _RIGHT
