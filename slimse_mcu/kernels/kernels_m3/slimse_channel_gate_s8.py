"""The deciding layer of a gating subnet, four rows side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, folded_bias, in_blocks, is_narrow, scalar
from slimse_mcu.layouts.quads import LAYOUT as QUADS
from slimse_mcu.ops.op import Constant, KernelCall


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_channel_gate_folded_s8``; the portable kernel where sums may be long."""
    weights, bias = array(call.fields, "weights"), array(call.fields, "bias")
    if not is_narrow(weights, bias):
        return call
    starts = in_blocks(folded_bias(weights, bias, scalar(call.fields, "input_offset"))).ravel()
    fields: dict[str, int | Constant] = {
        **{name: call.fields[name] for name in ("rows", "columns", "group")},
        "weights": QUADS.constant(weights),
        "turned_bias": Constant("int32_t", -starts.astype(np.int32), "[rows in fours] -bias, for inputs as they are"),
    }
    return replace(call, function="slimse_channel_gate_folded_s8", fields=fields)
