"""The deciding layer of a gating subnet, two columns per lane; the portable kernel where sums may be long."""

from __future__ import annotations

from slimse_mcu.graph import Node
from slimse_mcu.kernels.kernels_dsp.folded import array, folded_bias, in_blocks, is_narrow, scalar
from slimse_mcu.layouts.paired_columns import LAYOUT as PAIRED_COLUMNS
from slimse_mcu.ops.op import Constant, KernelCall


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_channel_gate_signs_s8``."""
    weights, bias = array(call.fields, "weights"), array(call.fields, "bias")
    if not is_narrow(weights, bias):
        return call
    folded = folded_bias(weights, bias, scalar(call.fields, "input_offset"))
    rows, columns = weights.shape
    starts = in_blocks(256 * folded - PAIRED_COLUMNS.excess(weights))
    fields: dict[str, int | Constant] = {
        "rows": rows,
        "columns": columns,
        "weights": PAIRED_COLUMNS.constant(weights),
        "starts": Constant("int32_t", starts, "[blocks of 4 rows][4]: starts of sums with bias"),
    }
    scratch = 4 * -(-columns // 4) + -(-rows // 8)
    return KernelCall(
        "slimse_channel_gate_signs_s8",
        fields,
        ("input0", "scratch", "gate"),
        counts_macs=True,
        suffix=call.suffix,
        part=call.part,
        scratch=scratch,
    )
