"""Depthwise convolutions of up to three taps, a channel's constants together; the portable kernel for longer ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, folded_bias, is_narrow, scalar, shifts
from slimse_mcu.layouts.tap_words import LAYOUT as TAP_WORDS
from slimse_mcu.ops.op import Constant, KernelCall

_TAPS = 3
_NOTE = "[channels][3]: 32 - shift and weights [{}][{}], {} to {}, packed as {}: {}; bias; multiplier, Q31"


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_depthwise_taps_s8``."""
    fields = call.fields
    weights, bias = array(fields, "linear.weights").T, array(fields, "linear.bias")  # [channels, taps]
    to_right = shifts(array(fields, "linear.multiplier"), array(fields, "linear.shift"))
    channels, taps = weights.shape
    if scalar(fields, "multiplier_depth") != 1 or taps > _TAPS or to_right is None or not is_narrow(weights, bias):
        return call
    words = TAP_WORDS.pack(weights)
    words[:, 0, 0] = 32 - to_right
    rows = np.zeros((channels, 3), np.int32)
    rows[:, 0] = words.view("<i4")[:, 0, 0]
    rows[:, 1] = folded_bias(weights, bias, scalar(fields, "linear.input_offset"))
    rows[:, 2] = array(fields, "linear.multiplier")
    note = _NOTE.format(channels, taps, weights.min(), weights.max(), TAP_WORDS.name, TAP_WORDS.summary)
    kept = {name: fields[f"linear.{name}"] for name in ("output_offset", "output_min", "output_max")}
    return replace(
        call,
        function="slimse_depthwise_taps_s8",
        fields={
            "channels": channels,
            "taps": taps,
            "dilation": fields["dilation"],
            "rows": Constant("int32_t", rows, note),
        }
        | kept,
    )
