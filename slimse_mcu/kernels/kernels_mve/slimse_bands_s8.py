"""Sparse matrices along frequency, four rows or four channels at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array
from slimse_mcu.kernels.kernels_mve.rescaling import MULTIPLIER, in_blocks
from slimse_mcu.kernels.kernels_mve.without import without_helium
from slimse_mcu.ops.op import Constant, KernelCall

_KEPT = ("rows", "channels", "first", "count", "weights", "input_offset", "output_offset", "output_min", "output_max")
#: Rows that are requantized at once.
_ROWS = 4


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_bands_vector_s8``, which finds each row's weights by their number in 16 bits."""
    count = array(call.fields, "count").astype(np.int64)
    start = np.cumsum(count) - count
    if count.sum() >= 2**16:
        return without_helium(call, node)
    fields: dict[str, int | Constant] = {
        **{name: call.fields[name] for name in _KEPT},
        "start": Constant("uint16_t", start.astype(np.uint16), "first weight of each row"),
        "multiplier": Constant("int32_t", in_blocks(array(call.fields, "multiplier"), _ROWS), MULTIPLIER),
        "shift": Constant(
            "int8_t", in_blocks(array(call.fields, "shift"), _ROWS), "requantization shifts, left when positive"
        ),
    }
    return replace(call, function="slimse_bands_vector_s8", fields=fields)
