"""Joins tensors along the channels; int8: each part is requantized to the output's scale (TensorFlow Lite QUANTIZE)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.ops.arithmetic import clamp_s8, multiply_by_quantized_multiplier, quantize_multiplier
from slimse_mcu.ops.op import FloatArray, Import, Int8Array, KernelCall, Memory, Op, Parameters, QuantizeContext

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    if layer.config.get("axis", -1) not in (-1, 2):
        raise layer.error(f"joins along axis {layer.config['axis']}", "Join the channels: axis=-1.")
    sizes = [builder.channels(name) for name in inputs]
    return builder.add(layer, "concatenate", inputs, channels=sum(sizes), attributes={"sizes": tuple(sizes)})


class Concatenate(Op):
    """Attribute ``sizes``: channels of each input."""

    name = "concatenate"
    imports = (Import(("Concatenate",), _read, "along the channels"),)

    def step(self, node: Node, inputs: Sequence[FloatArray], memory: Memory | None) -> FloatArray:
        return np.concatenate(inputs)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        output = context.require_output()
        # The ratio of the float32 scales in double, as the reference forms it.
        pairs = [
            quantize_multiplier(float(np.float32(source.scale)) / float(np.float32(output.scale)))
            for source in context.inputs
        ]
        return {
            "input_offsets": tuple(-source.zero_point for source in context.inputs),
            "multipliers": tuple(pair[0] for pair in pairs),
            "shifts": tuple(pair[1] for pair in pairs),
            "output_offset": output.zero_point,
        }

    def step_s8(
        self, node: Node, parameters: Parameters, inputs: Sequence[Int8Array], memory: Memory | None
    ) -> Int8Array:
        parts = zip(inputs, parameters["input_offsets"], parameters["multipliers"], parameters["shifts"], strict=True)
        return np.concatenate(
            [
                clamp_s8(
                    multiply_by_quantized_multiplier(value.astype(np.int64) + offset, multiplier, shift)
                    + parameters["output_offset"]
                )
                for value, offset, multiplier, shift in parts
            ]
        )

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        sizes = node.attributes["sizes"]
        return tuple(
            KernelCall(
                "slimse_rescale_s8",
                {
                    "size": sizes[index],
                    "input_offset": parameters["input_offsets"][index],
                    "output_offset": parameters["output_offset"],
                    "multiplier": parameters["multipliers"][index],
                    "shift": parameters["shifts"][index],
                },
                (f"input{index}", "output"),
                output_offset=sum(sizes[:index]),
                suffix=f"_part{index}",
            )
            for index in range(len(sizes))
        )

    def describe(self, node: Node) -> str:
        return "concatenate " + " + ".join(str(size) for size in node.attributes["sizes"])


OP = Concatenate()
