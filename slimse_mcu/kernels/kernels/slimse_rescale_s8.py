"""Changes of scale in one multiplication where that is exact; else a table, where enough is changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.kernels.affine_sum import affine_change
from slimse_mcu.ops import rescale
from slimse_mcu.ops.op import Constant, KernelCall

_SIZES = ("positions", "channels", "input_pitch", "output_pitch")
_WORTH_A_TABLE = 128  # elements


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_rescale_affine_s8`` or ``slimse_rescale_table_s8``, or the requantization itself."""
    numbers = {name: value for name, value in call.fields.items() if isinstance(value, int)}
    sizes: dict[str, int | Constant] = {name: numbers[name] for name in _SIZES}
    found = affine_change(call.fields)
    if found is not None:
        return replace(
            call,
            function="slimse_rescale_affine_s8",
            fields={**sizes, "a": found.a, "c": found.c, "shift": found.shift},
        )
    if numbers["positions"] * numbers["channels"] < _WORTH_A_TABLE:
        return call
    values = rescale.apply(np.arange(256).astype(np.uint8).view(np.int8), numbers)
    table = Constant("int8_t", values, "changed values by the value as an unsigned byte")
    return replace(call, function="slimse_rescale_table_s8", fields={**sizes, "table": table})
