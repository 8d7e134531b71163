"""What runs where the Helium kernels have no form for a call."""

from __future__ import annotations

from slimse_mcu import kernels
from slimse_mcu.graph import Node
from slimse_mcu.ops.op import KernelCall

_FOLDERS = ("kernels_dsp", kernels.PORTABLE)


def without_helium(call: KernelCall, node: Node) -> KernelCall:
    """The call of a core with the DSP extension alone."""
    return kernels.adapt(call, node, _FOLDERS)
