"""Dense layers at several positions, two rows per lane; the portable kernel where sums may be long."""

from __future__ import annotations

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import scalar
from slimse_mcu.kernels.kernels_dsp.planes import in_rows
from slimse_mcu.ops.op import KernelCall


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_pointwise_rows_s8``."""
    names = ("rows", "columns", "positions", "output_pitch")
    planes = {name: scalar(call.fields, name) for name in names}
    planes.update(inputs=planes["positions"], taps=1, dilation=1, kernel=1)
    return in_rows(call, planes, planes["positions"], 1, 1) or call
