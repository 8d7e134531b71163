"""Crops, pads or repeats the positions along frequency, and moves nothing else; scale and zero point stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Block, Node, Quantization, Tensor
from slimse_mcu.ops.causal import spectrum
from slimse_mcu.ops.frequency import pair
from slimse_mcu.ops.op import (
    FloatArray,
    Import,
    Integers,
    KernelCall,
    Memories,
    Op,
    Parameters,
    QuantizeContext,
    is_wide,
    width,
)

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

Sides = tuple[int, int]


def _sides(layer: KerasLayer, key: str) -> tuple[Sides, Sides]:
    """How much of a setting lies before and behind along time, and below and above along frequency."""
    value = layer.config.get(key, 1)
    axes = (value, value) if isinstance(value, int) else tuple(value)
    frames, positions = ((axis, axis) if isinstance(axis, int) else tuple(axis) for axis in axes)
    sides = (*frames, *positions)
    if len(sides) != 4 or len(frames) != 2 or not all(isinstance(side, int) and side >= 0 for side in sides):
        raise layer.error(f"has {key}={value}, expected ((before, behind), (below, above))")
    return frames, positions


def add_resize(
    layer: KerasLayer, source: str, builder: GraphBuilder, positions: int, *, before: int = 0, repeat: int = 1
) -> str:
    """Add the change of a tensor to ``positions`` positions, see :class:`Resize`."""
    inputs, channels = spectrum(layer, source, builder)
    attributes = {"inputs": inputs, "before": before, "repeat": repeat}
    return builder.add(layer, "resize", [source], channels=channels, shape=(positions, channels), attributes=attributes)


def _read_zero_padding(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    spectrum(layer, inputs[0], builder)
    frames, positions = _sides(layer, "padding")
    if frames[1]:
        raise layer.error(
            f"pads {frames[1]} future frames: not causal",
            "Pad before the first frame only: ZeroPadding2D(((n, 0), (below, above))).",
        )
    return builder.pad(layer, inputs[0], frames[0], positions)


def _read_cropping(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    count, _ = spectrum(layer, inputs[0], builder)
    frames, positions = _sides(layer, "cropping")
    left = count - sum(positions)
    if left < 1:
        raise layer.error(f"crops {sum(positions)} of {count} positions", "Leave one at least.")
    overhanging = builder.take_overhang(inputs[0])
    behind = 0 if overhanging is None else overhanging.frames
    if frames != (0, behind):
        raise layer.error(
            f"crops {frames[0]} frames before and {frames[1]} behind, where {behind} behind are too many",
            f"Use Cropping2D(((0, {behind}), (below, above))).",
        )
    if overhanging is not None:
        return overhanging.crop(positions)
    if positions == (0, 0):
        return inputs[0]
    return add_resize(layer, inputs[0], builder, left, before=-positions[0])


def _read_up_sampling(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    count, _ = spectrum(layer, inputs[0], builder)
    frames, repeat = pair(layer, "size", 2)
    if frames != 1 or layer.config.get("interpolation", "nearest") != "nearest":
        raise layer.error(
            f"repeats frames {frames} times, with interpolation '{layer.config.get('interpolation', 'nearest')}'",
            "Use UpSampling2D((1, n), interpolation='nearest').",
        )
    return add_resize(layer, inputs[0], builder, count * repeat, repeat=repeat)


class Resize(Op):
    """Output p is input ``(p - before) / repeat``, and zero where there is none; ``before`` is negative for a crop."""

    name = "resize"
    widths = (8, 16)
    imports = (
        Import(("ZeroPadding2D",), _read_zero_padding, "before the first frame, and along frequency"),
        Import(("Cropping2D",), _read_cropping, "along frequency; along time what Conv2DTranspose yields too much"),
        Import(("UpSampling2D",), _read_up_sampling, "along frequency, nearest"),
    )

    def output_blocks(self, node: Node, inputs: Sequence[Tensor]) -> tuple[Block, ...]:
        return inputs[0].blocks if inputs[0].channels == node.attributes["channels"] else ()

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        return _resized(node, inputs[0], 0.0)

    def fixed_quantization(self, node: Node, inputs: Sequence[Quantization]) -> Quantization:
        return inputs[0]

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        return {"bits": context.bits, "zero_point": context.require_output().zero_point}

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        return _resized(node, inputs[0], parameters["zero_point"])

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        fields = {
            "positions": node.attributes["positions"],
            "channels": node.attributes["channels"],
            "inputs": node.attributes["inputs"],
            "repeat": node.attributes["repeat"],
            "before": node.attributes["before"],
        }
        if not is_wide(parameters):
            fields["output_offset"] = parameters["zero_point"]
        return (KernelCall(f"slimse_resize_{width(parameters)}", fields, ("input0", "output")),)

    def describe(self, node: Node) -> str:
        repeat = node.attributes["repeat"]
        text = f"each of {node.attributes['inputs']} positions {repeat} times" if repeat > 1 else "crop or pad"
        return f"{text}, {node.attributes['positions']} positions of {node.attributes['channels']}"


def _resized(node: Node, values: NDArray[Any], zero: float) -> NDArray[Any]:
    planes = values.reshape(-1, node.attributes["channels"])
    position = (np.arange(node.attributes["positions"]) - node.attributes["before"]) // node.attributes["repeat"]
    there = (position >= 0) & (position < len(planes))
    taken = planes[np.where(there, position, 0)]
    resized: NDArray[Any] = np.where(there[:, None], taken, values.dtype.type(zero)).ravel()
    return resized


OP = Resize()
