"""The deciding layer of a gating subnet: short sums begin with what the input's zero point would add to each product."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, folded_bias, is_narrow, scalar
from slimse_mcu.ops.op import Constant, KernelCall


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The same call without an input offset."""
    weights, bias = array(call.fields, "weights"), array(call.fields, "bias")
    if not is_narrow(weights, bias):
        return call
    starts = folded_bias(weights, bias, scalar(call.fields, "input_offset")).astype(np.int32)
    note = "[rows], for inputs that keep their zero point"
    return replace(call, fields={**call.fields, "bias": Constant("int32_t", starts, note), "input_offset": 0})
