"""The deciding layer of a gating subnet, two columns per lane; the portable kernel where sums may be long."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, folded_bias, in_blocks, is_narrow, scalar
from slimse_mcu.layouts.paired_columns import LAYOUT as PAIRED_COLUMNS
from slimse_mcu.layouts.row_words import LAYOUT as ROW_WORDS
from slimse_mcu.ops.op import Constant, KernelCall

_NARROW = 12
_EIGHTS = "[rows in eights, last first][4]: start of the sum, minus the weights [{}][{}], {} to {}, packed as {}: {}"


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_channel_gate_narrow_s8`` with up to twelve inputs, else ``slimse_channel_gate_signs_s8``."""
    weights = array(call.fields, "weights")
    if not is_narrow(weights, array(call.fields, "bias")):
        return call
    return _narrow(call) if weights.shape[1] <= _NARROW else _wide(call)


def _narrow(call: KernelCall) -> KernelCall:
    """A row's sum and weights have their sign turned, and its four words lie together."""
    weights = array(call.fields, "weights")
    rows, columns = weights.shape
    bias = folded_bias(weights, array(call.fields, "bias"), scalar(call.fields, "input_offset"))
    words = np.zeros((-(-rows // 8) * 8, 4), np.int32)
    words[:rows, 0] = -(256 * bias - PAIRED_COLUMNS.excess(weights))
    packed = ROW_WORDS.pack(-weights).view("<i4")
    words[:rows, 1 : 1 + packed.shape[1]] = packed
    turned = words.reshape(-1, 8, 4)[:, ::-1]
    note = _EIGHTS.format(rows, columns, weights.min(), weights.max(), ROW_WORDS.name, ROW_WORDS.summary)
    fields: dict[str, int | Constant] = {
        "rows": rows,
        "columns": columns,
        "group": call.fields["group"],
        "words": Constant("int32_t", np.ascontiguousarray(turned), note),
    }
    return _call(call, "slimse_channel_gate_narrow_s8", fields, 2 * -(-rows // 16))


def _wide(call: KernelCall) -> KernelCall:
    weights = array(call.fields, "weights")
    rows, columns = weights.shape
    bias = folded_bias(weights, array(call.fields, "bias"), scalar(call.fields, "input_offset"))
    starts = in_blocks(256 * bias - PAIRED_COLUMNS.excess(weights))
    fields: dict[str, int | Constant] = {
        "rows": rows,
        "columns": columns,
        "group": call.fields["group"],
        "weights": PAIRED_COLUMNS.constant(weights),
        "starts": Constant("int32_t", starts, "[blocks of 4 rows][4]: starts of sums with bias"),
    }
    return _call(call, "slimse_channel_gate_signs_s8", fields, 4 * -(-columns // 4) + -(-rows // 8))


def _call(call: KernelCall, function: str, fields: dict[str, int | Constant], scratch: int) -> KernelCall:
    return replace(call, function=function, fields=fields, arguments=("input0", "scratch", "gate"), scratch=scratch)
