"""Dense layers by what gates rule: nothing, their rows, or their columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, scalar
from slimse_mcu.kernels.kernels_mve import rescaling
from slimse_mcu.kernels.kernels_mve.without import without_helium
from slimse_mcu.layouts.offset_quads import LAYOUT as OFFSET_QUADS
from slimse_mcu.layouts.quads import LAYOUT as QUADS
from slimse_mcu.layouts.tiles_8x16 import LAYOUT as TILES
from slimse_mcu.ops.op import Constant, KernelCall

#: Behind a ReLU zero is the lowest value there is.
_LOWEST = -128
#: Columns from which on gathering them has a form.
_FEWEST_COLUMNS = 16


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_dense_quads_s8``, ``slimse_dense_octets_s8`` or ``slimse_dense_gathered_s8``."""
    if not rescaling.fits(call, array(call.fields, "linear.weights")):
        return without_helium(call, node)
    if node.column_gate:
        is_rectified = scalar(call.fields, "linear.input_offset") == -_LOWEST
        is_wide = scalar(call.fields, "columns") >= _FEWEST_COLUMNS
        return _gathered(call) if is_rectified and is_wide and not node.row_gate else without_helium(call, node)
    return _octets(call) if node.row_gate else _quads(call)


def _quads(call: KernelCall) -> KernelCall:
    weights = QUADS.constant(array(call.fields, "linear.weights"))
    fields: dict[str, int | Constant] = {"weights": weights, "bias_and_shift": rescaling.folded_bias_and_shift(call)}
    return _call(call, "slimse_dense_quads_s8", fields, ("input0", "output"))


def _octets(call: KernelCall) -> KernelCall:
    weights = TILES.constant(array(call.fields, "linear.weights"))
    fields: dict[str, int | Constant] = {"weights": weights, "bias_and_shift": rescaling.folded_bias_and_shift(call)}
    return _call(call, "slimse_dense_octets_s8", fields, ("rows", "input0", "output"))


def _gathered(call: KernelCall) -> KernelCall:
    """Up to a quarter of the columns, gathering takes no more cycles than reading them all, and fewer instructions."""
    matrix = array(call.fields, "linear.weights")
    columns = matrix.shape[1]
    fields: dict[str, int | Constant] = {
        "dense_from": columns // 4 + 1,
        "weights": OFFSET_QUADS.constant(matrix),
        "bias_and_shift": rescaling.bias_and_shift(call, array(call.fields, "linear.bias").astype(np.int64)),
    }
    arguments = ("columns", "input0", "scratch", "output")
    return _call(call, "slimse_dense_gathered_s8", fields, arguments, scratch=columns + 16)


def _call(
    call: KernelCall, function: str, fields: dict[str, int | Constant], arguments: tuple[str, ...], scratch: int = 0
) -> KernelCall:
    sizes = {name: call.fields[name] for name in ("rows", "columns")}
    return replace(
        call,
        function=function,
        fields={**sizes, **fields, **rescaling.fields(call)},
        arguments=arguments,
        scratch=scratch,
    )
