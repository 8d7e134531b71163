"""Convolutions over time and frequency, two rows per lane; the portable kernel where sums may be long."""

from __future__ import annotations

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import members, scalar
from slimse_mcu.kernels.kernels_dsp.planes import in_rows
from slimse_mcu.ops.frequency import window_of
from slimse_mcu.ops.op import KernelCall


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_conv2d_rows_s8``."""
    own = {name: scalar(call.fields, name) for name in ("stride", "spacing", "left")}
    planes = members(call.fields, "planes")
    reach = (planes["kernel"] - 1) * own["spacing"] + 1
    return in_rows(call, planes, window_of(node).taps, reach, own["stride"], **own) or call
