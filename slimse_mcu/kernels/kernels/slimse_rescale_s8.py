"""Changes of scale in one multiplication where that is exact."""

from __future__ import annotations

from dataclasses import replace

from slimse_mcu.graph import Node
from slimse_mcu.kernels.affine_sum import affine_change
from slimse_mcu.ops.op import Constant, KernelCall


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_rescale_affine_s8``; the requantization where it has no shorter form."""
    found = affine_change(call.fields)
    if found is None:
        return call
    sizes = ("positions", "channels", "input_pitch", "output_pitch")
    fields: dict[str, int | Constant] = {name: call.fields[name] for name in sizes}
    fields.update(a=found.a, c=found.c, shift=found.shift)
    return replace(call, function="slimse_rescale_affine_s8", fields=fields)
