"""Causal convolution along time, dense over channels: ``y[t] = clamp(b + sum_j W_j x[t - lag_j])``.

The past frames of the input live in a ring; int8 and int16: TensorFlow Lite CONV_2D with per-channel weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slimse_mcu.graph import Node
from slimse_mcu.ops import linear
from slimse_mcu.ops.causal import causal_input, stack_taps
from slimse_mcu.ops.op import (
    FUSED_CLAMPS,
    FloatArray,
    Import,
    Integers,
    KernelCall,
    Macs,
    Memories,
    Op,
    Parameters,
    QuantizeContext,
    activate,
    width,
)

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    kernel = layer.weight(0, rank=3)
    taps, _, rows = kernel.shape
    stride, dilation = layer.scalar("strides"), layer.scalar("dilation_rate")
    if layer.config.get("groups", 1) != 1:
        raise layer.error("uses groups", "Use one group, or DepthwiseConv1D.")
    builder.vector(layer, inputs[0])
    source = causal_input(layer, inputs[0], builder, taps, dilation)
    bias = layer.bias(channels=rows, index=1)
    if taps == 1:
        weights = {"kernel": kernel[0].T.copy(), "bias": bias}
        output = builder.add(layer, "dense", [source], channels=rows, weights=weights, stride=stride)
    else:
        output = builder.add(
            layer,
            "conv1d",
            [source],
            channels=rows,
            weights={"kernel": kernel.transpose(2, 0, 1).copy(), "bias": bias},
            attributes={"dilation": dilation},
            stride=stride,
            reach=(taps - 1) * dilation,
        )
    return builder.activate(layer, output, layer.config.get("activation"))


class Conv1D(Op):
    """Weights ``kernel [rows, taps, columns]``, ``bias [rows]``; the ring keeps ``(taps - 1) * dilation`` frames."""

    name = "conv1d"
    imports = (Import(("Conv1D",), _read, "causal or valid behind exact left padding, strides, dilation, one group"),)
    skips_rows = True
    fuses = FUSED_CLAMPS
    is_linear = True
    widths = (8, 16)

    def macs(self, node: Node) -> Macs:
        rows, taps, columns = node.weights["kernel"].shape
        return Macs(rows, columns, taps, node.row_gate)

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        kernel = node.weights["kernel"]
        window = stack_taps(inputs[0], memories, kernel.shape[1], node.attributes["dilation"])
        return activate(kernel.reshape(len(kernel), -1) @ window.reshape(-1) + node.weights["bias"], node.activation)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        return linear.quantize(node, context)

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        window = stack_taps(inputs[0], memories, parameters["weights"].shape[1], node.attributes["dilation"])
        return linear.requantize(linear.accumulate(parameters, window), parameters)

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        rows, taps, columns = parameters["weights"].shape
        dilation = int(node.attributes["dilation"])
        fields = {
            "rows": rows,
            "columns": columns,
            "taps": taps,
            "dilation": dilation,
            **linear.fields(parameters, "[rows][taps][columns], oldest tap first"),
        }
        return (
            KernelCall(
                f"slimse_conv1d_{width(parameters)}", fields, ("rows", "input0", "ring0", "output"), counts_macs=True
            ),
        )

    def describe(self, node: Node) -> str:
        rows, taps, columns = node.weights["kernel"].shape
        return f"conv1d {columns} -> {rows}, kernel {taps}, dilation {node.attributes['dilation']}"


OP = Conv1D()
