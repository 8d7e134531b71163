"""The deciding layer of a gating subnet, four rows side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, folded_bias, scalar
from slimse_mcu.kernels.kernels_mve.rescaling import in_blocks
from slimse_mcu.kernels.kernels_mve.without import without_helium
from slimse_mcu.layouts.quads import LAYOUT as QUADS
from slimse_mcu.ops.op import Constant, KernelCall

_BIAS = "bias, for inputs with their zero point, at input scale x weight scale"


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
        "bias": Constant("int32_t", in_blocks(bias.astype(np.int32)), _BIAS),
    }
    return replace(call, function="slimse_channel_gate_quads_s8", fields=fields)
