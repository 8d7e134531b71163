"""Mean over all positions along frequency, per channel; int8 and int16: TensorFlow Lite MEAN.

The count of positions is folded into the multiplier, so that scale and zero point change at no cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from slimse_mcu.graph import Block, Node, Tensor
from slimse_mcu.ops import rescale
from slimse_mcu.ops.arithmetic import clamp_s8, clamp_s16, multiply_by_quantized_multiplier
from slimse_mcu.ops.causal import spectrum
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
    scalars,
    width,
)

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    positions, channels = spectrum(layer, inputs[0], builder)
    output = builder.add(
        layer, "mean", inputs, channels=channels, shape=(channels,), attributes={"averaged": positions}
    )
    return builder.view(layer, output, (1, channels)) if layer.config.get("keepdims", False) else output


class Mean(Op):
    """No weights; attribute ``averaged``: positions of the input."""

    name = "mean"
    widths = (8, 16)
    imports = (
        Import(
            ("TimeDistributed(GlobalAveragePooling1D)",),
            _read,
            "the mean over all frequencies of a frame, with or without keepdims",
        ),
    )

    def output_blocks(self, node: Node, inputs: Sequence[Tensor]) -> tuple[Block, ...]:
        return inputs[0].blocks if inputs[0].channels == node.attributes["channels"] else ()

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        means: FloatArray = inputs[0].reshape(node.attributes["averaged"], -1).mean(axis=0)
        return means

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        count = node.attributes["averaged"]
        ratio = rescale.quantize(context.inputs[0], context.require_output())
        multiplier, shift = _divided(ratio["multiplier"], ratio["shift"], count)
        return {
            "bits": context.bits,
            "sum_offset": ratio["input_offset"] * count,
            "output_offset": ratio["output_offset"],
            "multiplier": multiplier,
            "shift": shift,
        }

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        sums = inputs[0].reshape(node.attributes["averaged"], -1).sum(axis=0, dtype=np.int64) + parameters["sum_offset"]
        means = multiply_by_quantized_multiplier(sums, parameters["multiplier"], parameters["shift"])
        clamp = clamp_s16 if is_wide(parameters) else clamp_s8
        return clamp(means + parameters["output_offset"])

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        fields = {
            "positions": node.attributes["averaged"],
            "channels": node.attributes["channels"],
            **scalars(parameters),
        }
        return (KernelCall(f"slimse_mean_{width(parameters)}", fields, ("input0", "output")),)

    def describe(self, node: Node) -> str:
        return f"mean of {node.attributes['averaged']} positions of {node.attributes['channels']}"


def _divided(multiplier: int, shift: int, count: int) -> tuple[int, int]:
    """A quantized multiplier over ``count``, cut off, not brought to 2**30 again, as the reference forms it."""
    bits = min(count.bit_length() - 1, 31 + shift)
    return (multiplier << bits) // count, shift - bits


OP = Mean()
