"""Gated recurrent units: both sums of four rows in one pass, gates of four units at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
#: The kernel brings the sum of the products with the multipliers back by as many bits.
_DIVIDED = 32
#: What a sum is over: its name in the kernel, and the largest magnitude of its values.
_PARTS = {"input": ("input", 255), "recurrent": ("hidden", 32768)}
_KEPT = ("units", "columns", "positions", "input_pitch", "output_pitch", "hidden_pitch", "is_reversed")
_MULTIPLIERS = "multipliers to Q3.12: of rows 0 and 2 of each four input and recurrent, of 1 and 3 recurrent and input"
_BIAS = "bias [rows][input, recurrent], the former for inputs with their zero point"
_AXES = "[update, reset, candidate][units to a multiple of 4][{}]"


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_gru_vector_s8``, where sums and multipliers leave room for the shift that it needs."""
    multiplier: list[NDArray[Any]] = []
    left: dict[str, int | Constant] = {}
    for part, (name, _) in _PARTS.items():
        room = _room(call, part)
        if room is None:
            return without_helium(call, node)
        left[f"left_{name}"] = room.sums
        multiplier.append(_by_gate(array(call.fields, f"cell.{part}_multiplier") << room.multipliers))
    weights = {part: _by_gate(array(call.fields, f"cell.{part}_weights")) for part in _PARTS}
    bias = {part: _by_gate(array(call.fields, f"cell.{part}_bias")) for part in _PARTS}
    bias["input"] = folded_bias(weights["input"], bias["input"], scalar(call.fields, "cell.input_offset"))
    pairs = np.stack([bias[part] for part in _PARTS], axis=1).astype(np.int32)
    fields = {name: call.fields[f"cell.{name}"] for name in _KEPT}
    fields["reset_after"] = call.fields["reset_after"]
    fields.update(left)
    fields["output_shift"] = call.fields["cell.output_shift"]
    fields["input_weights"] = TILES_4X16.constant(weights["input"], _AXES.format("columns"))
    fields["recurrent_weights"] = TILES_4X8.constant(weights["recurrent"], _AXES.format("units"))
    fields["bias"] = Constant("int32_t", pairs, _BIAS)
    fields["multiplier"] = Constant("int32_t", _in_turn(np.stack(multiplier, axis=1)), _MULTIPLIERS)
    pitch = -(-scalar(fields, "units") // _QUAD) * _QUAD
    behind = call.arguments[2]
    assert not isinstance(behind, str), "working memory begins behind that of the state"
    scratch = behind[1] + (pitch if fields["reset_after"] else 2 * pitch)
    return replace(call, function="slimse_gru_vector_s8", fields=fields, scratch=scratch)


@dataclass(frozen=True, slots=True)
class _Room:
    """How far sums are shifted to the left, and how far their multipliers."""

    sums: int
    multipliers: int


def _room(call: KernelCall, part: str) -> _Room | None:
    left = _DIVIDED - 1 - scalar(call.fields, "cell.shift")
    weights = np.abs(array(call.fields, f"cell.{part}_weights").astype(np.int64)).sum(axis=1)
    bias = np.abs(array(call.fields, f"cell.{part}_bias").astype(np.int64))
    sums = min(left, _bits_left(np.max(_PARTS[part][1] * weights + bias)))
    multipliers = left - sums
    if multipliers > _bits_left(array(call.fields, f"cell.{part}_multiplier").max()):
        return None
    return _Room(sums, multipliers)


def _bits_left(magnitude: int) -> int:
    """How far an int32 of this magnitude can be shifted to the left."""
    return 31 - int(magnitude).bit_length()


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
