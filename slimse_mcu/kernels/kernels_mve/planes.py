"""What the convolutions over time and frequency share; ``slimse_plane_sums.h`` is the C side."""

from __future__ import annotations

from slimse_mcu.kernels.folded import scalar
from slimse_mcu.ops.op import Constant, KernelCall

_SIZES = ("rows", "columns", "inputs", "positions", "output_pitch", "taps", "dilation", "kernel")
#: Inputs that are laid side by side at once, where one output has fewer.
_PATCH_BYTES = 512


def sizes(call: KernelCall, most_taps: int) -> tuple[dict[str, int | Constant], int]:
    """Members of ``slimse_plane_sizes_t``, and the int16 elements of working memory.

    Args:
        call: Of the portable kernel.
        most_taps: Taps along frequency that one output has at most.
    """
    members = {name: call.fields[f"planes.{name}"] for name in _SIZES}
    one = scalar(call.fields, "planes.taps") * most_taps * scalar(call.fields, "planes.columns")
    members["patch_bytes"] = max(one, min(_PATCH_BYTES, one * scalar(call.fields, "planes.positions")))
    members["input_offset"] = call.fields["linear.input_offset"]
    fields = {f"planes.{name}": value for name, value in members.items()}
    return fields, -(-scalar(members, "patch_bytes") // 2)
