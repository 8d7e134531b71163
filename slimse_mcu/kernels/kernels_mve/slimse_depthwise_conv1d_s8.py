"""Depthwise convolutions with one output per channel; others run as without Helium."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, folded_bias, scalar
from slimse_mcu.kernels.kernels_mve import rescaling
from slimse_mcu.kernels.kernels_mve.without import without_helium
from slimse_mcu.ops.op import Constant, KernelCall

#: Of the convolutions that have a kernel of their own, and the channels that it takes at once.
_TAPS, _CHANNELS = 3, 8


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_depthwise_three_s8`` where its form fits, else that of ``slimse_depthwise_vector_s8``.

    Both compute all channels where 7 of 16 are open.
    """
    by_tap = array(call.fields, "linear.weights")
    if scalar(call.fields, "multiplier_depth") != 1 or not rescaling.fits(call, by_tap.T):
        return without_helium(call, node)
    bias = folded_bias(by_tap.T, array(call.fields, "linear.bias"), scalar(call.fields, "linear.input_offset"))
    taps, channels = by_tap.shape
    note = f"weights [taps][channels] = [{taps}][{channels}], oldest tap first, symmetric per output channel"
    fields: dict[str, int | Constant] = {
        "channels": channels,
        "taps": taps,
        "dilation": call.fields["dilation"],
        "all_from": -(-channels * 7 // 16),
        "weights": Constant("int8_t", np.ascontiguousarray(by_tap), note),
        "bias_and_shift": rescaling.bias_and_shift(call, bias, "for inputs with their zero point, "),
        **rescaling.fields(call),
    }
    name = "slimse_depthwise_vector_s8"
    if taps == _TAPS and channels % _CHANNELS == 0:
        name = "slimse_depthwise_three_s8"
        del fields["taps"]
    return replace(call, function=name, fields=fields)
