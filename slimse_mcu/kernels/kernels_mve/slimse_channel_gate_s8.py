"""The deciding layer of a gating subnet, four rows side by side."""

from __future__ import annotations

from dataclasses import replace

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, folded_bias, scalar
from slimse_mcu.kernels.kernels_mve.rescaling import bias_constant
from slimse_mcu.kernels.kernels_mve.without import without_helium
from slimse_mcu.layouts.quads import LAYOUT as QUADS
from slimse_mcu.ops.op import Constant, KernelCall


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_channel_gate_quads_s8``; groups of channels are decided as without Helium."""
    if scalar(call.fields, "group") != 1:
        return without_helium(call, node)
    weights = array(call.fields, "weights")
    bias = folded_bias(weights, array(call.fields, "bias"), scalar(call.fields, "input_offset"))
    fields: dict[str, int | Constant] = {
        "rows": weights.shape[0],
        "columns": weights.shape[1],
        "weights": QUADS.constant(weights),
        "bias": bias_constant(bias, "for inputs with their zero point, "),
    }
    return replace(call, function="slimse_channel_gate_quads_s8", fields=fields)
