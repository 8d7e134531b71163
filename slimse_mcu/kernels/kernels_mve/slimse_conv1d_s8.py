"""Convolutions over time: the taps' frames are laid side by side, and then it is a dense layer."""

from __future__ import annotations

from dataclasses import replace

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, scalar
from slimse_mcu.kernels.kernels_mve import rescaling
from slimse_mcu.kernels.kernels_mve.without import without_helium
from slimse_mcu.layouts.quads import LAYOUT as QUADS
from slimse_mcu.layouts.tiles_8x16 import LAYOUT as TILES
from slimse_mcu.ops.op import Constant, KernelCall

#: Sizes of the side by side frames are 16 bits wide.
_MOST_COLUMNS = 65535
_AXES = "[rows][taps x columns], oldest tap first,"


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_conv1d_octets_s8`` behind a gate, else of ``slimse_conv2d_quads_s8`` at one frequency."""
    columns = scalar(call.fields, "taps") * scalar(call.fields, "columns")
    weights = array(call.fields, "linear.weights")
    if columns > _MOST_COLUMNS or not rescaling.fits(call, weights):
        return without_helium(call, node)
    matrix = weights.reshape(len(weights), columns)
    fields: dict[str, int | Constant] = {
        "bias_and_shift": rescaling.folded_bias_and_shift(call),
        **rescaling.fields(call),
    }
    scratch = -(-columns // 2)
    if node.row_gate:
        fields.update({name: call.fields[name] for name in ("rows", "columns", "taps", "dilation")})
        fields["weights"] = TILES.constant(matrix, _AXES)
        arguments = ("rows", "input0", "ring0", "scratch", "output")
        return replace(call, function="slimse_conv1d_octets_s8", fields=fields, arguments=arguments, scratch=scratch)
    fields.update({"stride": 1, "spacing": 1, "left": 0, "weights": QUADS.constant(matrix, _AXES)})
    fields.update({f"planes.{name}": size for name, size in _plane(call, columns).items()})
    arguments = ("spans", "input0", "ring0", "scratch", "output")
    return replace(call, function="slimse_conv2d_quads_s8", fields=fields, arguments=arguments, scratch=scratch)


def _plane(call: KernelCall, patch_bytes: int) -> dict[str, int | Constant]:
    """Members of ``slimse_plane_sizes_t`` with one position and one tap along frequency."""
    along_frequency = dict.fromkeys(("inputs", "positions", "kernel"), 1)
    return {
        **{name: call.fields[name] for name in ("rows", "columns", "taps", "dilation")},
        **along_frequency,
        "output_pitch": call.fields["rows"],
        "patch_bytes": patch_bytes,
        "input_offset": call.fields["linear.input_offset"],
    }
