"""Elementwise product of two tensors; int8 and int16: TensorFlow Lite MUL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.ops.arithmetic import (
    activation_bounds,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
)
from slimse_mcu.ops.op import (
    FloatArray,
    Import,
    Integers,
    Memories,
    Parameters,
    QuantizeContext,
    activate,
)
from slimse_mcu.ops.pairs import Pair, read_pairs, store


class Multiply(Pair):
    """``clamp(a * b)``."""

    name = "multiply"
    imports = (Import(("Multiply",), read_pairs("multiply"), "two or more tensors of one shape"),)

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        return activate(inputs[0] * inputs[1], node.activation)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        (first, second), output = context.inputs, context.require_output()
        # The product is formed in float32, as the reference does.
        product = np.float32(first.scale) * np.float32(second.scale) / np.float32(output.scale)
        multiplier, shift = quantize_multiplier(float(product))
        low, high = activation_bounds(node.activation, output)
        return {
            "bits": context.bits,
            "input0_offset": -first.zero_point,
            "input1_offset": -second.zero_point,
            "output_offset": output.zero_point,
            "output_multiplier": multiplier,
            "output_shift": shift,
            "output_min": low,
            "output_max": high,
        }

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        first = inputs[0].astype(np.int64) + parameters["input0_offset"]
        second = inputs[1].astype(np.int64) + parameters["input1_offset"]
        scaled = multiply_by_quantized_multiplier(
            first * second, parameters["output_multiplier"], parameters["output_shift"]
        )
        return store(scaled, parameters)


OP = Multiply()
