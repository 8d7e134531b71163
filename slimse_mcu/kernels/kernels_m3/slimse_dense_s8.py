"""Dense layers of short sums: rows that can be skipped, or columns that can."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.kernels import short_dense
from slimse_mcu.kernels.folded import array, folded_bias, in_blocks, row_constants, scalar
from slimse_mcu.layouts.quads import LAYOUT as QUADS
from slimse_mcu.ops.op import Constant, KernelCall


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_dense_folded_s8`` or ``slimse_dense_sparse_s8``."""
    return short_dense.adapt(call, node, _by_rows, _by_columns)


def _by_rows(call: KernelCall, to_right: NDArray[np.int64]) -> KernelCall:
    weights = array(call.fields, "linear.weights")
    starts = folded_bias(weights, array(call.fields, "linear.bias"), scalar(call.fields, "linear.input_offset"))
    fields: dict[str, int | Constant] = {
        **short_dense.sizes(weights),
        "weights": call.fields["linear.weights"],
        "constants": row_constants(starts, array(call.fields, "linear.multiplier"), to_right),
        **short_dense.output(call),
    }
    return replace(call, function="slimse_dense_folded_s8", fields=fields, arguments=("rows", "input0", "output"))


def _by_columns(call: KernelCall, to_right: NDArray[np.int64]) -> KernelCall:
    weights = array(call.fields, "linear.weights")
    of_rows = (array(call.fields, "linear.bias"), array(call.fields, "linear.multiplier"), to_right)
    starts, multiplier, shift = (in_blocks(values).ravel().astype(np.int64) for values in of_rows)
    fields: dict[str, int | Constant] = {
        **short_dense.sizes(weights),
        "weights": QUADS.constant(weights),
        "constants": row_constants(starts, multiplier, np.maximum(shift, 2)),
        "input_offset": call.fields["linear.input_offset"],
        **short_dense.output(call),
    }
    scratch = 4 * weights.shape[1] + 32
    return replace(
        call,
        function="slimse_dense_sparse_s8",
        fields=fields,
        arguments=("columns", "input0", "scratch", "output"),
        scratch=scratch,
    )
