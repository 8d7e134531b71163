"""Sums in one multiplication per input where that is exact."""

from __future__ import annotations

from dataclasses import replace

from slimse_mcu.graph import Node
from slimse_mcu.kernels.affine_sum import affine_sum
from slimse_mcu.ops.op import Constant, KernelCall


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_add_affine_s8``; the three requantizations where they have no shorter form."""
    found = affine_sum(call.fields)
    if found is None:
        return call
    fields: dict[str, int | Constant] = {"size": call.fields["size"]}
    fields.update(a=found.a, b=found.b, c=found.c, shift=found.shift)
    fields.update({name: call.fields[name] for name in ("output_offset", "output_min", "output_max")})
    return replace(call, function="slimse_add_affine_s8", fields=fields)
