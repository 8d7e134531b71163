"""Convolutions over time and frequency, four rows side by side."""

from __future__ import annotations

from dataclasses import replace

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, scalar
from slimse_mcu.kernels.kernels_mve import planes, rescaling
from slimse_mcu.kernels.kernels_mve.without import without_helium
from slimse_mcu.layouts.quads import LAYOUT as QUADS
from slimse_mcu.ops.op import Constant, KernelCall


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_conv2d_quads_s8``, where sums leave room for shifts."""
    weights = array(call.fields, "linear.weights")
    if not rescaling.fits(call, weights):
        return without_helium(call, node)
    sizes, scratch = planes.sizes(call, scalar(call.fields, "planes.kernel"))
    axes = "[rows][taps x kernel x columns], oldest frame first,"
    fields: dict[str, int | Constant] = {
        **sizes,
        **{name: call.fields[name] for name in ("stride", "spacing", "left")},
        "weights": QUADS.constant(weights.reshape(len(weights), -1), axes),
        "bias_and_shift": rescaling.folded_bias_and_shift(call),
        **rescaling.fields(call),
    }
    arguments = ("spans", "input0", "ring0", "scratch", call.arguments[-1])
    return replace(call, function="slimse_conv2d_quads_s8", fields=fields, arguments=arguments, scratch=scratch)
