"""Gated recurrent units: both sums of four rows in one pass, gates of four units at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, folded_bias, scalar
from slimse_mcu.kernels.kernels_mve.without import without_helium
from slimse_mcu.layouts.tiles_4x8 import LAYOUT as TILES_4X8
from slimse_mcu.layouts.tiles_4x16 import LAYOUT as TILES_4X16
from slimse_mcu.ops.op import Constant, KernelCall

_GATES = 3
_QUAD = 4
#: The kernel divides the products with the multipliers by two to this.
_DIVIDED = 31
_LARGEST_INPUT, _LARGEST_STATE = 255, 32768
_KEPT = ("units", "columns", "positions", "input_pitch", "output_pitch", "hidden_pitch", "is_reversed")
_AXES = "[update, reset, candidate][units to a multiple of 4][{}]"


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_gru_vector_s8``, where the sums leave room for the shift to the left that it needs."""
    left = _DIVIDED - 1 - scalar(call.fields, "cell.shift")
    if left < 0 or _reach(call) << left >= 2**31:
        return without_helium(call, node)
    weights = {part: _by_gate(array(call.fields, f"cell.{part}_weights")) for part in ("input", "recurrent")}
    bias = {part: _by_gate(array(call.fields, f"cell.{part}_bias")) for part in weights}
    bias["input"] = folded_bias(weights["input"], bias["input"], scalar(call.fields, "cell.input_offset"))
    multiplier = np.stack([_by_gate(array(call.fields, f"cell.{part}_multiplier")) for part in weights], axis=1)
    fields = {name: call.fields[f"cell.{name}"] for name in _KEPT}
    fields["reset_after"] = call.fields["reset_after"]
    fields["left"] = left
    fields["output_shift"] = call.fields["cell.output_shift"]
    fields["input_weights"] = TILES_4X16.constant(weights["input"], _AXES.format("columns"))
    fields["recurrent_weights"] = TILES_4X8.constant(weights["recurrent"], _AXES.format("units"))
    pairs = np.stack([bias["input"], bias["recurrent"]], axis=1).astype(np.int32)
    note = "bias [rows][input, recurrent], the former for inputs with their zero point"
    fields["bias"] = Constant("int32_t", pairs, note)
    note = "multipliers to Q3.12: of rows 0 and 2 of each four input and recurrent, of 1 and 3 recurrent and input"
    fields["multiplier"] = Constant("int32_t", _in_turn(multiplier), note)
    pitch = -(-scalar(fields, "units") // _QUAD) * _QUAD
    (_, within) = call.arguments[2]
    scratch = int(within) + (pitch if fields["reset_after"] else 2 * pitch)
    return replace(call, function="slimse_gru_vector_s8", fields=fields, scratch=scratch)


def _reach(call: KernelCall) -> int:
    """What no sum exceeds in magnitude."""
    reach = []
    for part, largest in (("input", _LARGEST_INPUT), ("recurrent", _LARGEST_STATE)):
        weights = np.abs(array(call.fields, f"cell.{part}_weights").astype(np.int64)).sum(axis=1)
        reach.append(np.max(largest * weights + np.abs(array(call.fields, f"cell.{part}_bias").astype(np.int64))))
    return int(max(reach))


def _by_gate(values: NDArray[Any]) -> NDArray[Any]:
    """``[3 * units, ...]`` with zeros behind each gate's units up to a multiple of 4."""
    units = len(values) // _GATES
    padded = np.zeros((_GATES, -(-units // _QUAD) * _QUAD, *values.shape[1:]), values.dtype)
    padded[:, :units] = values.reshape(_GATES, units, *values.shape[1:])
    return padded.reshape(-1, *values.shape[1:])


def _in_turn(multiplier: NDArray[Any]) -> NDArray[Any]:
    """``[rows, 2]`` as ``[quads, 8]``: rows 0 and 2 as they are, then 1 and 3 with input and recurrent exchanged."""
    quads = multiplier.reshape(-1, _QUAD, 2)
    return np.concatenate([quads[:, 0::2].reshape(-1, _QUAD), quads[:, 1::2, ::-1].reshape(-1, _QUAD)], axis=1)
