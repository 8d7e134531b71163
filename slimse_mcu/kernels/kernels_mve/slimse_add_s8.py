"""Elementwise sums: one affine form where the compiler finds one that is exact, else as specified, in vectors."""

from __future__ import annotations

from slimse_mcu.graph import Node
from slimse_mcu.kernels.affine_sum import of_add
from slimse_mcu.ops.op import KernelCall


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_add_affine_s8``, or the call as it is."""
    form = of_add(call.fields)
    if form is None:
        return call
    fields = {
        "size": call.fields["size"],
        "first": form.first,
        "second": form.second,
        "constant": form.constant,
        "shift": form.shift,
        **{name: call.fields[name] for name in ("output_offset", "output_min", "output_max")},
    }
    return KernelCall("slimse_add_affine_s8", fields, call.arguments, suffix=call.suffix, part=call.part)
