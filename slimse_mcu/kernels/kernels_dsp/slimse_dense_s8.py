"""Dense layers: rows that can be skipped, or columns that can; the portable kernel where neither form holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, folded_bias, in_blocks, is_narrow, scalar, shifts
from slimse_mcu.layouts.paired_columns import LAYOUT as PAIRED_COLUMNS
from slimse_mcu.layouts.paired_rows import LAYOUT as PAIRED_ROWS
from slimse_mcu.ops.op import Constant, KernelCall

_CONSTANTS = "[blocks of 4 rows][2][4]: starts of sums with bias and shift{}, requantization multipliers"
_LOWEST = -128


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_dense_rows_s8`` or ``slimse_dense_columns_s8``.

    Columns can be skipped where a gate closes inputs, and where inputs are zero of themselves: behind a ReLU, which
    makes zero the lowest value there is.
    """
    to_right = shifts(array(call.fields, "linear.multiplier"), array(call.fields, "linear.shift"))
    narrow = is_narrow(array(call.fields, "linear.weights"), array(call.fields, "linear.bias"))
    if to_right is None or not narrow or (node.row_gate and node.column_gate):
        return call
    is_sparse = call.fields["linear.input_offset"] == -_LOWEST and node.row_gate is None
    return _by_columns(call, to_right) if node.column_gate or is_sparse else _by_rows(call, to_right)


def _by_rows(call: KernelCall, to_right: NDArray[np.int64]) -> KernelCall:
    weights = array(call.fields, "linear.weights")
    bias = folded_bias(weights, array(call.fields, "linear.bias"), scalar(call.fields, "linear.input_offset"))
    starts = 256 * bias - PAIRED_COLUMNS.excess(weights) + 32 - to_right
    fields = {
        **_sizes(weights),
        "weights": PAIRED_COLUMNS.constant(weights),
        "constants": _constants(call, in_blocks(starts), ""),
        **_output(call),
    }
    scratch = 4 * -(-weights.shape[1] // 4)
    return _call(call, "slimse_dense_rows_s8", fields, ("rows", "input0", "scratch", "output"), scratch)


def _by_columns(call: KernelCall, to_right: NDArray[np.int64]) -> KernelCall:
    weights = array(call.fields, "linear.weights")
    starts = in_blocks(256 * array(call.fields, "linear.bias").astype(np.int64) + 32 - to_right)
    fields = {
        **_sizes(weights),
        "weights": PAIRED_ROWS.constant(weights),
        "constants": _constants(call, starts[:, [0, 2, 1, 3]], " of rows 0, 2, 1, 3"),
        "input_offset": call.fields["linear.input_offset"],
        **_output(call),
    }
    most = weights.shape[1] * 5 // 8
    words = max(4 * -(-weights.shape[1] // 4) // 2, 2 * (most // 2 + 1) + 3 * (most // 2 + 4))
    return _call(call, "slimse_dense_columns_s8", fields, ("columns", "input0", "scratch", "output"), 2 * words)


def _sizes(weights: NDArray[Any]) -> dict[str, int | Constant]:
    return {"rows": weights.shape[0], "columns": weights.shape[1]}


def _output(call: KernelCall) -> dict[str, int | Constant]:
    return {name: call.fields[f"linear.{name}"] for name in ("output_offset", "output_min", "output_max")}


def _constants(call: KernelCall, starts: NDArray[np.int32], order: str) -> Constant:
    multiplier = in_blocks(array(call.fields, "linear.multiplier"))
    return Constant("int32_t", np.stack([starts, multiplier], axis=1), _CONSTANTS.format(order))


def _call(
    call: KernelCall, function: str, fields: dict[str, int | Constant], arguments: tuple[str, ...], scratch: int
) -> KernelCall:
    return KernelCall(
        function, fields, arguments, counts_macs=True, suffix=call.suffix, part=call.part, scratch=scratch
    )
