"""Dense layers: rows that can be skipped, or columns that can; the portable kernel where neither form holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.kernels import short_dense
from slimse_mcu.kernels.folded import array, folded_bias, in_blocks, scalar
from slimse_mcu.layouts.paired_columns import LAYOUT as PAIRED_COLUMNS
from slimse_mcu.layouts.paired_rows import LAYOUT as PAIRED_ROWS
from slimse_mcu.ops.op import Constant, KernelCall

_CONSTANTS = "[blocks of 4 rows][2][4]: starts of sums with bias and shift{}, requantization multipliers"


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_dense_rows_s8`` or ``slimse_dense_columns_s8``."""
    return short_dense.adapt(call, node, _by_rows, _by_columns)


def _by_rows(call: KernelCall, to_right: NDArray[np.int64]) -> KernelCall:
    weights = array(call.fields, "linear.weights")
    bias = folded_bias(weights, array(call.fields, "linear.bias"), scalar(call.fields, "linear.input_offset"))
    starts = 256 * bias - PAIRED_COLUMNS.excess(weights) + 32 - to_right
    fields = {
        **short_dense.sizes(weights),
        "weights": PAIRED_COLUMNS.constant(weights),
        "constants": _constants(call, in_blocks(starts), ""),
        **short_dense.output(call),
    }
    scratch = 4 * -(-weights.shape[1] // 4)
    return replace(
        call,
        function="slimse_dense_rows_s8",
        fields=fields,
        arguments=("rows", "input0", "scratch", "output"),
        scratch=scratch,
    )


def _by_columns(call: KernelCall, to_right: NDArray[np.int64]) -> KernelCall:
    weights = array(call.fields, "linear.weights")
    starts = in_blocks(256 * array(call.fields, "linear.bias").astype(np.int64) + 32 - to_right)
    fields = {
        **short_dense.sizes(weights),
        "weights": PAIRED_ROWS.constant(weights),
        "constants": _constants(call, starts[:, [0, 2, 1, 3]], " of rows 0, 2, 1, 3"),
        "input_offset": call.fields["linear.input_offset"],
        **short_dense.output(call),
    }
    most = weights.shape[1] * 5 // 8
    words = max(4 * -(-weights.shape[1] // 4) // 2, 2 * (most // 2 + 1) + 3 * (most // 2 + 4))
    return replace(
        call,
        function="slimse_dense_columns_s8",
        fields=fields,
        arguments=("columns", "input0", "scratch", "output"),
        scratch=2 * words,
    )


def _constants(call: KernelCall, starts: NDArray[np.int32], order: str) -> Constant:
    multiplier = in_blocks(array(call.fields, "linear.multiplier"))
    return Constant("int32_t", np.stack([starts, multiplier], axis=1), _CONSTANTS.format(order))
