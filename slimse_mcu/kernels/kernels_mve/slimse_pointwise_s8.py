"""Dense layers at many positions, four rows side by side."""

from __future__ import annotations

from dataclasses import replace

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array
from slimse_mcu.kernels.kernels_mve import rescaling
from slimse_mcu.kernels.kernels_mve.without import without_helium
from slimse_mcu.layouts.quads import LAYOUT as QUADS
from slimse_mcu.ops.op import Constant, KernelCall


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_pointwise_quads_s8``, where sums leave room for shifts."""
    weights = array(call.fields, "linear.weights")
    if not rescaling.fits(call, weights):
        return without_helium(call, node)
    fields: dict[str, int | Constant] = {
        **{name: call.fields[name] for name in ("positions", "rows", "columns", "output_pitch")},
        "weights": QUADS.constant(weights),
        "bias_and_shift": rescaling.folded_bias_and_shift(call),
        **rescaling.fields(call),
    }
    return replace(call, function="slimse_pointwise_quads_s8", fields=fields)
