"""Change of scale, zero point and width of a block of channels; TensorFlow Lite QUANTIZE.

Layers that move tensors, and the parts that a closed component bypasses, share it.  As a layer of its own it stands
where an int8 tensor meets a layer that works on int16 ones: widened, its scale is divided by 128, so no value changes
and averages of them find steps between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from slimse_mcu.graph import CHANGE, Block, Node, Quantization, Tensor
from slimse_mcu.ops.arithmetic import clamp_s8, clamp_s16, multiply_by_quantized_multiplier, quantize_multiplier
from slimse_mcu.ops.op import FloatArray, Integers, KernelCall, Memories, Op, Parameters, QuantizeContext

#: The kernel for each width of input and output.
KERNELS = {
    (8, 8): "slimse_rescale_s8",
    (8, 16): "slimse_rescale_s8_s16",
    (16, 8): "slimse_rescale_s16_s8",
    (16, 16): "slimse_rescale_s16",
}


def quantize(source: Quantization, output: Quantization) -> dict[str, int]:
    """Integer parameters of the change from one quantization to another."""
    # The ratio of the float32 scales in double, as the reference forms it.
    multiplier, shift = quantize_multiplier(float(np.float32(source.scale)) / float(np.float32(output.scale)))
    return {
        "input_bits": source.bits,
        "output_bits": output.bits,
        "input_offset": -source.zero_point,
        "output_offset": output.zero_point,
        "multiplier": multiplier,
        "shift": shift,
    }


def apply(values: Integers, parameters: Parameters) -> Integers:
    """The values in the other quantization."""
    centred = values.astype(np.int64) + parameters["input_offset"]
    scaled = multiply_by_quantized_multiplier(centred, parameters["multiplier"], parameters["shift"])
    clamp = clamp_s16 if _bits(parameters, "output") == 16 else clamp_s8
    return clamp(scaled + parameters["output_offset"])


def call(
    parameters: Parameters,
    source: tuple[str, int],
    *,
    positions: int,
    channels: int,
    input_pitch: int,
    output_pitch: int,
    output_offset: int,
    suffix: str,
    part: int | None = None,
) -> KernelCall:
    """The kernel call that moves ``channels`` of each position from ``source`` to an offset of the output."""
    fields: dict[str, Any] = {
        "positions": positions,
        "channels": channels,
        "input_pitch": input_pitch,
        "output_pitch": output_pitch,
    }
    # What is int16 has no zero point.
    fields.update({f"{end}_offset": parameters[f"{end}_offset"] for end in _ENDS if _bits(parameters, end) == 8})
    fields.update({name: parameters[name] for name in ("multiplier", "shift")})
    kernel = KERNELS[_bits(parameters, "input"), _bits(parameters, "output")]
    return KernelCall(kernel, fields, (source, ("output", output_offset)), suffix=suffix, part=part)


_ENDS = ("input", "output")


def _bits(parameters: Parameters, end: str) -> int:
    """Width of the input or the output; 8 where nothing is said."""
    return int(parameters.get(f"{end}_bits", 8))


class Rescale(Op):
    """No weights, no layer of Keras: :mod:`slimse_mcu.widths` puts it in."""

    name = CHANGE
    kernels = ("slimse_rescale_s8_s16", "slimse_rescale_s16_s8")
    widths = (8, 16)
    mixes_widths = True

    def output_blocks(self, node: Node, inputs: Sequence[Tensor]) -> tuple[Block, ...]:
        return inputs[0].blocks

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        return inputs[0]

    def fixed_quantization(self, node: Node, inputs: Sequence[Quantization]) -> Quantization | None:
        # 128 times an int8 value less its zero point fits int16.
        source = inputs[0]
        return None if source.is_wide else Quantization(source.scale / 128.0, 0, source.minimum, source.maximum, 16)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        return quantize(context.inputs[0], context.require_output())

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        return apply(inputs[0], parameters)

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        size = node.attributes["positions"] * node.attributes["channels"]
        sizes = {"positions": 1, "channels": size, "input_pitch": size, "output_pitch": size}
        return (call(parameters, ("input0", 0), **sizes, output_offset=0, suffix=""),)

    def describe(self, node: Node) -> str:
        return f"{node.attributes['change']}, {node.attributes['positions'] * node.attributes['channels']}"


OP = Rescale()
