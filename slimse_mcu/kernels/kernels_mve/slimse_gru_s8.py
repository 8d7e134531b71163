"""Gated recurrent units: products with the input four rows side by side, with the state eight rows in turn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.kernels.kernels_dsp.folded import array, folded_bias, scalar
from slimse_mcu.layouts.half_octets import LAYOUT as HALF_OCTETS
from slimse_mcu.layouts.half_octets import ROWS
from slimse_mcu.layouts.quads import LAYOUT as QUADS
from slimse_mcu.ops.op import Constant, KernelCall

_GATES = 3
_KEPT = ("units", "columns", "positions", "input_pitch", "output_pitch", "hidden_pitch", "is_reversed")
_AXES = "[update, reset, candidate][units to a multiple of 8][{}]"


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_gru_vector_s8``."""
    weights = {part: array(call.fields, f"cell.{part}_weights") for part in ("input", "recurrent")}
    bias = {part: array(call.fields, f"cell.{part}_bias") for part in weights}
    bias["input"] = folded_bias(weights["input"], bias["input"], scalar(call.fields, "cell.input_offset"))
    fields = {name: call.fields[f"cell.{name}"] for name in _KEPT}
    fields["pitch"] = -(-scalar(fields, "units") // ROWS) * ROWS
    fields["reset_after"] = call.fields["reset_after"]
    for part, layout, inner in (("input", QUADS, "columns"), ("recurrent", HALF_OCTETS, "units")):
        fields[f"{part}_weights"] = layout.constant(_by_gate(weights[part]), _AXES.format(inner))
        note = f"{part} bias" + (", for inputs with their zero point" if part == "input" else "")
        fields[f"{part}_bias"] = Constant("int32_t", _by_gate(bias[part]).astype(np.int32), note)
        multiplier = _by_gate(array(call.fields, f"cell.{part}_multiplier"))
        fields[f"{part}_multiplier"] = Constant("int32_t", multiplier, f"{part} multipliers to Q3.12")
    fields.update({name: call.fields[f"cell.{name}"] for name in ("shift", "output_shift")})
    return replace(call, function="slimse_gru_vector_s8", fields=fields)


def _by_gate(values: NDArray[Any]) -> NDArray[Any]:
    """``[3 * units, ...]`` with zeros behind each gate's units up to a multiple of 8."""
    units = len(values) // _GATES
    padded = np.zeros((_GATES, -(-units // ROWS) * ROWS, *values.shape[1:]), values.dtype)
    padded[:, :units] = values.reshape(_GATES, units, *values.shape[1:])
    return padded.reshape(-1, *values.shape[1:])
