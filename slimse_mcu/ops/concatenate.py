"""Joins tensors along the channels or along frequency; int8: each part is requantized to the output's scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Block, Node, Tensor
from slimse_mcu.ops import rescale
from slimse_mcu.ops.op import (
    FloatArray,
    Import,
    Integers,
    KernelCall,
    Memories,
    Op,
    Parameters,
    QuantizeContext,
)

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    shapes = [builder.shape(name) for name in inputs]
    rank = len(shapes[0]) + 2
    axis = layer.config.get("axis", -1)
    axis += rank if axis < 0 else 0
    if axis not in range(2, rank):
        raise layer.error(f"joins along axis {layer.config['axis']}", "Join the channels: axis=-1.")
    if len({shape[: axis - 2] + shape[axis - 1 :] for shape in shapes}) != 1:
        raise layer.error(f"joins tensors of shapes {shapes} along axis {axis}", "All other axes must be equal.")
    shape = list(shapes[0])
    shape[axis - 2] = sum(one[axis - 2] for one in shapes)
    # Along frequency the tensors lie behind one another whole, as channels of a vector do.
    along_channels = axis == rank - 1
    positions = builder.positions(inputs[0]) if along_channels else 1
    sizes = tuple(builder.positions(name) * builder.channels(name) // positions for name in inputs)
    attributes = {"sizes": sizes, "pieces": positions, "along_channels": along_channels}
    return builder.add(layer, "concatenate", inputs, channels=shape[-1], shape=tuple(shape), attributes=attributes)


class Concatenate(Op):
    """Attributes ``sizes``: elements of each input per piece; ``pieces``: how often they alternate."""

    name = "concatenate"
    imports = (Import(("Concatenate",), _read, "along the channels or along frequency"),)
    kernels = ("slimse_rescale_s8", "slimse_rescale_s16")
    widths = (8, 16)
    mixes_widths = True

    def output_blocks(self, node: Node, inputs: Sequence[Tensor]) -> tuple[Block, ...]:
        if not node.attributes["along_channels"]:
            return ()
        blocks: list[Block] = []
        for tensor, size in zip(inputs, node.attributes["sizes"], strict=True):
            blocks += tensor.blocks if tensor.blocks and tensor.channels == size else [Block(size)]
        return tuple(blocks)

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        return _joined(node, inputs)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        output = context.require_output()
        return {"parts": tuple(rescale.quantize(source, output) for source in context.inputs)}

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        rescaled = [rescale.apply(value, part) for value, part in zip(inputs, parameters["parts"], strict=True)]
        return _joined(node, rescaled)

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        sizes = node.attributes["sizes"]
        return tuple(
            rescale.call(
                part,
                (f"input{index}", 0),
                positions=node.attributes["pieces"],
                channels=sizes[index],
                input_pitch=sizes[index],
                output_pitch=sum(sizes),
                output_offset=sum(sizes[:index]),
                suffix=f"_part{index}",
            )
            for index, part in enumerate(parameters["parts"])
        )

    def describe(self, node: Node) -> str:
        return "concatenate " + " + ".join(str(size) for size in node.attributes["sizes"])


def _joined(node: Node, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    pieces = node.attributes["pieces"]
    joined: NDArray[Any] = np.concatenate([value.reshape(pieces, -1) for value in inputs], axis=1).ravel()
    return joined


OP = Concatenate()
