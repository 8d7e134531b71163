"""PReLU with one slope per channel (and position); int8: TensorFlow Lite PRELU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.ops.arithmetic import (
    choose_quantization,
    clamp_s8,
    clamp_s16,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    quantize_values,
)
from slimse_mcu.ops.op import (
    Constant,
    FloatArray,
    Import,
    Int8Array,
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
    channels = builder.channels(inputs[0])
    shape = builder.shape(inputs[0])
    slopes = layer.weight(0, rank=1 + len(shape))
    if slopes.shape[0] != 1 or slopes.shape[-1] != channels or slopes.shape[1] not in (1, shape[0]):
        raise layer.error(
            f"has slopes of shape {slopes.shape}, one for each frame", "Share them over time: PReLU(shared_axes=[1])."
        )
    weights = {"slopes": np.broadcast_to(slopes[0], shape).ravel()}
    return builder.add(layer, "prelu", inputs, channels=channels, weights=weights)


class PRelu(Op):
    """Weights ``slopes [elements]``, quantized per tensor."""

    name = "prelu"
    widths = (8, 16)
    imports = (Import(("PReLU",), _read, "shared over time: shared_axes=[1] or [1, 2]"),)
    skips_rows = True
    elementwise = True

    def keeps_zero(self, node: Node) -> bool:
        return True

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        return np.where(inputs[0] >= 0, inputs[0], inputs[0] * node.weights["slopes"])

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        source, output = context.inputs[0], context.require_output()
        slopes = node.weights["slopes"]
        slope_quantization = choose_quantization(float(slopes.min()), float(slopes.max()))
        chosen = quantize_prelu(
            quantize_values(slopes, slope_quantization),
            slope_quantization.scale,
            slope_quantization.zero_point,
            (source.scale, source.zero_point),
            (output.scale, output.zero_point),
        )
        return {"bits": context.bits, **chosen}

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        value = inputs[0].astype(np.int64) + parameters["input_offset"]
        positive = multiply_by_quantized_multiplier(
            value, parameters["positive_multiplier"], parameters["positive_shift"]
        )
        slopes = parameters["slopes"].astype(np.int64) + parameters["slope_offset"]
        negative = multiply_by_quantized_multiplier(
            value * slopes, parameters["negative_multiplier"], parameters["negative_shift"]
        )
        clamp = clamp_s16 if is_wide(parameters) else clamp_s8
        return clamp(np.where(value >= 0, positive, negative) + parameters["output_offset"])

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        fields: dict[str, int | Constant] = {
            "slopes": Constant("int8_t", parameters["slopes"], "slopes per element"),
            "size": int(parameters["slopes"].size),
        }
        members = scalars(parameters)
        if is_wide(parameters):
            members["slope_offset"] = int(parameters["slope_offset"])
        fields.update(members)
        return (KernelCall(f"slimse_prelu_{width(parameters)}", fields, ("rows", "input0", "output")),)

    def describe(self, node: Node) -> str:
        return f"prelu, {node.weights['slopes'].size}"


def quantize_prelu(
    slopes: Int8Array,
    slope_scale: float,
    slope_zero_point: int,
    source: tuple[float, int],
    output: tuple[float, int],
) -> dict[str, Any]:
    """Integer parameters from int8 slopes and ``(scale, zero point)`` of input and output.

    The multipliers come from float32 products, as the reference forms them.
    """
    ratio = np.float32(source[0]) / np.float32(output[0])
    product = np.float32(source[0]) * np.float32(slope_scale) / np.float32(output[0])
    positive, negative = quantize_multiplier(float(ratio)), quantize_multiplier(float(product))
    return {
        "slopes": slopes,
        "input_offset": -source[1],
        "slope_offset": -slope_zero_point,
        "output_offset": output[1],
        "positive_multiplier": positive[0],
        "positive_shift": positive[1],
        "negative_multiplier": negative[0],
        "negative_shift": negative[1],
    }


OP = PRelu()
