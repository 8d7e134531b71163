"""Dense layers at many positions, four rows side by side."""

from __future__ import annotations

from dataclasses import replace

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array
from slimse_mcu.kernels.kernels_mve import rescaling
from slimse_mcu.layouts.quads import LAYOUT as QUADS
from slimse_mcu.ops.op import Constant, KernelCall


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_pointwise_quads_s8``."""
    fields: dict[str, int | Constant] = {
        **{name: call.fields[name] for name in ("positions", "rows", "columns", "output_pitch")},
        "weights": QUADS.constant(array(call.fields, "linear.weights")),
        "bias": rescaling.bias(call),
        **rescaling.fields(call),
    }
    return replace(call, function="slimse_pointwise_quads_s8", fields=fields)
