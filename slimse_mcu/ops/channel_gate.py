"""The deciding layer of a gating subnet: channel i is open where ``(W x + b)[i] > 0``.

Source: dynamic channel pruning, arXiv 2412.17121.  In integers the sign of the accumulator decides, so no
requantization can flip a gate and none is spent.  A decision may open several neighbouring channels: then channel i is
open where ``(W x + b)[i // group] > 0``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from slimse_mcu.graph import ORDER, Node
from slimse_mcu.limit import in_bytes
from slimse_mcu.ops import linear
from slimse_mcu.ops.arithmetic import quantize_weights
from slimse_mcu.ops.op import (
    Constant,
    FloatArray,
    Import,
    Int8Array,
    Integers,
    KernelCall,
    Macs,
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
    kernel = layer.weight(0, rank=2)
    weights = {"kernel": kernel.T.copy(), "bias": layer.weight(1, rank=1)}
    group = layer.config.get("group", 1)
    if not isinstance(group, int) or group < 1:
        raise layer.error(f"decides for groups of {group} channels", "A group has one channel or more.")
    return builder.add_gate(
        layer,
        "channel_gate",
        inputs,
        channels=kernel.shape[1] * group,
        weights=weights,
        attributes={} if group == 1 else {"group": group},
    )


def group_of(node: Node) -> int:
    """Neighbouring channels that one decision opens."""
    return int(node.attributes.get("group", 1))


class ChannelGate(Op):
    """Weights ``kernel [decisions, columns]``, ``bias [decisions]``; one bit per channel, alike in each group."""

    name = "channel_gate"
    widths = (8, 16)
    kernels = ("slimse_channel_gate_s8", "slimse_channel_gate_s16", "slimse_limit")
    imports = (
        Import(
            ("slimse>ChannelGate",),
            _read,
            "a bit per channel or group of them, read by GateChannels only",
            decides=True,
        ),
    )

    def macs(self, node: Node) -> Macs:
        rows, columns = node.weights["kernel"].shape
        return Macs(rows, columns, 1)

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        return (self.margin(node, inputs) > 0).astype(np.float32)

    def margin(self, node: Node, inputs: Sequence[FloatArray]) -> FloatArray:
        logits: FloatArray = inputs[0] @ node.weights["kernel"].T + node.weights["bias"]
        return np.repeat(logits, group_of(node), axis=-1)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        source = context.inputs[0]
        weights, bias, _ = quantize_weights(node.weights["kernel"], node.weights["bias"], source.scale)
        order = np.arange(len(bias), dtype=np.uint16)  # what calibration says replaces it
        return {
            "bits": context.bits,
            "weights": weights,
            "bias": bias,
            "input_offset": -source.zero_point,
            ORDER: order,
        }

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        is_open: Int8Array = (linear.accumulate(parameters, inputs[0])[0] > 0).astype(np.int8)
        return np.repeat(is_open, group_of(node))

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        rows, columns = parameters["weights"].shape
        fields: dict[str, int | Constant] = {
            "rows": rows,
            "columns": columns,
            "group": group_of(node),
            "weights": Constant("int8_t", parameters["weights"], "weights [rows][columns], symmetric per row"),
            "bias": Constant("int32_t", parameters["bias"], "bias, at input scale x weight scale"),
            **scalars(parameters),
        }
        function = f"slimse_channel_gate_{width(parameters)}"
        decide = KernelCall(function, fields, ("input0", "gate"), counts_macs=True)
        if ORDER not in parameters:
            return (decide,)  # a kernel alone
        content = "decisions, those that a limit leaves open first come first"
        order = Constant("uint8_t", in_bytes(parameters[ORDER]), content)
        limit: dict[str, int | Constant] = {"decisions": rows, "group": group_of(node), "order": order}
        note = "which stay open under a limit"
        return decide, KernelCall("slimse_limit", limit, ("limit", "gate"), suffix="_limit", note=note)

    def describe(self, node: Node) -> str:
        rows, columns = node.weights["kernel"].shape
        group = group_of(node)
        return f"gate {columns} -> {rows * group} channels" + (f" in groups of {group}" if group > 1 else "")


OP = ChannelGate()
