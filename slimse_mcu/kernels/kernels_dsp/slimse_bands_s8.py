"""Sparse matrices along frequency with folded constants; the portable kernel where sums may be long."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, scalar, shifts
from slimse_mcu.ops.op import Constant, KernelCall

_ACCUMULATOR_LIMIT = 1 << 23
_LARGEST_VALUE = 255


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_bands_rows_s8``."""
    fields = call.fields
    weights, count = array(fields, "weights").astype(np.int64), array(fields, "count").astype(np.int64)
    to_right = shifts(array(fields, "multiplier"), array(fields, "shift"))
    row = np.repeat(np.arange(len(count)), count)
    reach = _LARGEST_VALUE * np.bincount(row, np.abs(weights), len(count))
    if to_right is None or np.any(reach >= _ACCUMULATOR_LIMIT):
        return call
    total = np.bincount(row, weights, len(count)).astype(np.int64)
    starts = 256 * scalar(fields, "input_offset") * total + 32 - to_right
    constants = np.stack([starts, array(fields, "multiplier").astype(np.int64)], axis=1).astype(np.int32)
    kept = ("rows", "channels", "first", "count", "weights", "output_offset", "output_min", "output_max")
    own = Constant("int32_t", constants, "[rows][2]: starts of sums with zero point and shift, multipliers, Q31")
    return replace(
        call, function="slimse_bands_rows_s8", fields={**{name: fields[name] for name in kept}, "constants": own}
    )
