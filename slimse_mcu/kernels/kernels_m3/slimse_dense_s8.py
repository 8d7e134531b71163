"""Dense layers of short sums: rows that can be skipped, or columns that can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, folded_bias, in_blocks, is_narrow, row_constants, scalar, shifts
from slimse_mcu.layouts.quads import LAYOUT as QUADS
from slimse_mcu.ops.op import Constant, KernelCall

_LOWEST = -128


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_dense_folded_s8`` or ``slimse_dense_sparse_s8``; as it is where gates rule both sides.

    Columns can be skipped where a gate closes inputs, and where inputs are zero of themselves: behind a ReLU, which
    makes zero the lowest value there is.
    """
    to_right = shifts(array(call.fields, "linear.multiplier"), array(call.fields, "linear.shift"))
    narrow = is_narrow(array(call.fields, "linear.weights"), array(call.fields, "linear.bias"))
    if to_right is None or not narrow or (node.row_gate and node.column_gate):
        return call
    is_sparse = scalar(call.fields, "linear.input_offset") == -_LOWEST and node.row_gate is None
    return _by_columns(call, to_right) if node.column_gate or is_sparse else _by_rows(call, to_right)


def _by_rows(call: KernelCall, to_right: NDArray[np.int64]) -> KernelCall:
    weights = array(call.fields, "linear.weights")
    starts = folded_bias(weights, array(call.fields, "linear.bias"), scalar(call.fields, "linear.input_offset"))
    fields: dict[str, int | Constant] = {
        **_sizes(weights),
        "weights": call.fields["linear.weights"],
        "constants": row_constants(starts, array(call.fields, "linear.multiplier"), to_right),
        **_output(call.fields),
    }
    return _call(call, "slimse_dense_folded_s8", fields, ("rows", "input0", "output"), 0)


def _by_columns(call: KernelCall, to_right: NDArray[np.int64]) -> KernelCall:
    weights = array(call.fields, "linear.weights")
    of_rows = (array(call.fields, "linear.bias"), array(call.fields, "linear.multiplier"), to_right)
    starts, multiplier, shift = (in_blocks(values).ravel().astype(np.int64) for values in of_rows)
    fields: dict[str, int | Constant] = {
        **_sizes(weights),
        "weights": QUADS.constant(weights),
        "constants": row_constants(starts, multiplier, np.maximum(shift, 2)),
        "input_offset": call.fields["linear.input_offset"],
        **_output(call.fields),
    }
    scratch = 4 * weights.shape[1] + 16
    return _call(call, "slimse_dense_sparse_s8", fields, ("columns", "input0", "scratch", "output"), scratch)


def _sizes(weights: NDArray[Any]) -> dict[str, int]:
    return {"rows": weights.shape[0], "columns": weights.shape[1]}


def _output(fields: Mapping[str, int | Constant]) -> dict[str, int | Constant]:
    return {name: fields[f"linear.{name}"] for name in ("output_offset", "output_min", "output_max")}


def _call(
    call: KernelCall, function: str, fields: dict[str, int | Constant], arguments: tuple[str, ...], scratch: int
) -> KernelCall:
    return KernelCall(
        function, fields, arguments, counts_macs=True, suffix=call.suffix, part=call.part, scratch=scratch
    )
