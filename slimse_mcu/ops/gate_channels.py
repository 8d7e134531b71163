"""Closes channels of a tensor: an open channel passes, a closed one becomes exactly zero.

Where the layer that produces the tensor can skip rows itself, this node is fused into it and vanishes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from slimse_mcu.graph import Node, Quantization
from slimse_mcu.ops.op import (
    FloatArray,
    Import,
    Integers,
    KernelCall,
    Memories,
    Op,
    Parameters,
    QuantizeContext,
    scalars,
    width,
)

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    given = builder.gates.get(inputs[-1])
    if len(inputs) != 2 or given is None or given.components or inputs[0] in builder.gates:
        raise layer.error("expects a tensor and the gate of a ChannelGate", "Call it as layer([tensor, gate]).")
    source, gate = inputs
    builder.vector(layer, source)
    channels = builder.channels(source)
    if builder.gates[gate].channels != channels:
        raise layer.error(
            f"gates {channels} channels with a gate of {builder.gates[gate].channels}", "Make both equal."
        )
    return builder.add(layer, "gate_channels", [source], channels=channels, row_gate=gate)


class GateChannels(Op):
    """No weights; the gate is the node's ``row_gate``."""

    name = "gate_channels"
    imports = (Import(("slimse>GateChannels",), _read, "called on [tensor, gate]", reads_gates=True),)
    widths = (8, 16)
    skips_rows = True
    elementwise = True

    def keeps_zero(self, node: Node) -> bool:
        return True

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        return inputs[0]

    def fixed_quantization(self, node: Node, inputs: Sequence[Quantization]) -> Quantization:
        return inputs[0]

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        return {"bits": context.bits, "output_offset": context.require_output().zero_point}

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        return np.array(inputs[0])

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        fields = {**scalars(parameters), "size": int(node.attributes["channels"])}
        return (KernelCall(f"slimse_gate_channels_{width(parameters)}", fields, ("rows", "input0", "output")),)

    def describe(self, node: Node) -> str:
        return f"close channels, {node.attributes['channels']}"


OP = GateChannels()
