"""Dense layers of short sums: which of two forms a call takes, and what both hand on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, is_narrow, scalar, shifts
from slimse_mcu.ops.op import Constant, KernelCall

Form = Callable[[KernelCall, NDArray[np.int64]], KernelCall]
"""Makes the call of a form; takes the portable call and what each row is shifted to the right."""

_LOWEST = -128


def adapt(call: KernelCall, node: Node, by_rows: Form, by_columns: Form) -> KernelCall:
    """The call of one of two forms; as it is where sums are not short, or gates rule both sides.

    Columns can be skipped where a gate closes inputs, and where inputs are zero of themselves: behind a ReLU, which
    makes zero the lowest value there is.
    """
    to_right = shifts(array(call.fields, "linear.multiplier"), array(call.fields, "linear.shift"))
    narrow = is_narrow(array(call.fields, "linear.weights"), array(call.fields, "linear.bias"))
    if to_right is None or not narrow or (node.row_gate and node.column_gate):
        return call
    is_sparse = scalar(call.fields, "linear.input_offset") == -_LOWEST and node.row_gate is None
    return by_columns(call, to_right) if node.column_gate or is_sparse else by_rows(call, to_right)


def sizes(weights: NDArray[Any]) -> dict[str, int | Constant]:
    """Fields for the shape of ``weights [rows, columns]``."""
    return {"rows": weights.shape[0], "columns": weights.shape[1]}


def output(call: KernelCall) -> dict[str, int | Constant]:
    """Fields for the output's zero point and clamp."""
    return {name: call.fields[f"linear.{name}"] for name in ("output_offset", "output_min", "output_max")}
