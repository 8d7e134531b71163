"""Transposed convolutions, two rows per lane; the portable kernel where sums may be long or channels fill no quads."""

from __future__ import annotations

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import members, scalar
from slimse_mcu.kernels.kernels_dsp.planes import in_rows
from slimse_mcu.ops.frequency import window_of
from slimse_mcu.ops.op import KernelCall

_QUAD = 4


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_conv2d_transpose_rows_s8``."""
    planes = members(call.fields, "planes")
    if planes["columns"] % _QUAD:
        return call
    own = {name: scalar(call.fields, name) for name in ("stride", "left")}
    reach = -(-planes["kernel"] // own["stride"])
    return in_rows(call, planes, window_of(node).taps, reach, 1, **own) or call
