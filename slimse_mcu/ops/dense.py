"""Dense layer over the channels (the 1x1 convolution of convolutional enhancers): ``y = clamp(W x + b)``.

int8 and int16: TensorFlow Lite FULLY_CONNECTED with per-channel weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slimse_mcu.graph import Node
from slimse_mcu.ops import linear
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
    is_wide,
    row_blocks,
)

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    kernel = layer.weight(0, rank=2)
    bias = layer.bias(channels=kernel.shape[1], index=1)
    output = builder.add(
        layer, "dense", inputs, channels=kernel.shape[1], weights={"kernel": kernel.T.copy(), "bias": bias}
    )
    return builder.activate(layer, output, layer.config.get("activation"))


class Dense(Op):
    """Weights ``kernel [rows, columns]``, ``bias [rows]``; the same for every position along frequency."""

    name = "dense"
    imports = (
        Import(
            ("Dense", "TimeDistributed(Dense)"),
            _read,
            "any units, bias, any supported activation; along channels, per frequency",
        ),
    )
    kernels = ("slimse_dense_s8", "slimse_pointwise_s8", "slimse_dense_s16")
    widths = (8, 16)
    skips_rows = True
    skips_columns = True
    skips_parts = True
    is_linear = True
    fuses = FUSED_CLAMPS

    def block_channels(self, node: Node) -> int:
        return node.weights["kernel"].shape[1]

    def macs(self, node: Node) -> Macs:
        rows, columns = node.weights["kernel"].shape
        taps = node.attributes["positions"]
        return Macs(rows, columns, taps, node.row_gate, node.column_gate, row_blocks(node), node.column_blocks)

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        kernel = node.weights["kernel"]
        sums = inputs[0].reshape(-1, kernel.shape[1]) @ kernel.T + node.weights["bias"]
        return activate(sums.ravel(), node.activation)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        return linear.quantize(node, context)

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        return linear.requantize(linear.accumulate(parameters, inputs[0]), parameters)

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        rows, columns = parameters["weights"].shape
        positions = node.attributes["positions"]
        wide = is_wide(parameters)
        if not wide and positions == 1 and not node.parts and not node.column_blocks:
            fields = {"rows": rows, "columns": columns, **linear.fields(parameters, "[rows][columns]")}
            return (KernelCall("slimse_dense_s8", fields, ("rows", "columns", "input0", "output"), counts_macs=True),)
        return tuple(
            KernelCall(
                "slimse_dense_s16" if wide else "slimse_pointwise_s8",
                {
                    "positions": positions,
                    "rows": taken.stop - taken.start,
                    "columns": columns,
                    "output_pitch": rows,
                    **linear.fields(linear.take_rows(parameters, taken), "[rows][columns]"),
                },
                (*(("rows", "columns") if wide else ()), "spans", "input0", ("output", taken.start)),
                counts_macs=True,
                suffix=suffix,
                part=part,
            )
            for part, suffix, taken in linear.part_rows(node, rows)
        )

    def describe(self, node: Node) -> str:
        rows, columns = node.weights["kernel"].shape
        positions = node.attributes["positions"]
        return f"dense {columns} -> {rows}" + (f", at {positions} frequencies" if positions > 1 else "")


OP = Dense()
