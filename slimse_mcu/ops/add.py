"""Elementwise sum of two tensors, the residual connection; int8 and int16: TensorFlow Lite ADD."""

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
    is_wide,
)
from slimse_mcu.ops.pairs import Pair, read_pairs, store

#: Headroom of the sum: both inputs are brought to a common scale so many bits finer, by their width.
LEFT_SHIFTS = {8: 20, 16: 15}


class Add(Pair):
    """``clamp(a + b)``."""

    name = "add"
    imports = (Import(("Add",), read_pairs("add"), "two or more tensors of one shape"),)

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        return activate(inputs[0] + inputs[1], node.activation)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        (first, second), output = context.inputs, context.require_output()
        scales = [float(np.float32(quantization.scale)) for quantization in (first, second, output)]
        twice_maximum = 2.0 * max(scales[0], scales[1])
        multipliers = [
            quantize_multiplier(scales[0] / twice_maximum),
            quantize_multiplier(scales[1] / twice_maximum),
            quantize_multiplier(twice_maximum / ((1 << LEFT_SHIFTS[context.bits]) * scales[2])),
        ]
        low, high = activation_bounds(node.activation, output)
        return {
            "bits": context.bits,
            "input0_offset": -first.zero_point,
            "input1_offset": -second.zero_point,
            "output_offset": output.zero_point,
            "input0_multiplier": multipliers[0][0],
            "input1_multiplier": multipliers[1][0],
            "output_multiplier": multipliers[2][0],
            "input0_shift": multipliers[0][1],
            "input1_shift": multipliers[1][1],
            "output_shift": multipliers[2][1],
            "output_min": low,
            "output_max": high,
        }

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        total = np.zeros(inputs[0].shape, np.int64)
        left_shift = LEFT_SHIFTS[16 if is_wide(parameters) else 8]
        for index, value in enumerate(inputs):
            shifted = (value.astype(np.int64) + parameters[f"input{index}_offset"]) << left_shift
            total += multiply_by_quantized_multiplier(
                shifted, parameters[f"input{index}_multiplier"], parameters[f"input{index}_shift"]
            )
        scaled = multiply_by_quantized_multiplier(total, parameters["output_multiplier"], parameters["output_shift"])
        return store(scaled, parameters)


OP = Add()
