"""Dense layer (the 1x1 convolution of convolutional enhancers): ``y = clamp(W x + b)``.

int8: TensorFlow Lite FULLY_CONNECTED with per-channel weights.
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
    Int8Array,
    KernelCall,
    Macs,
    Memory,
    Op,
    Parameters,
    QuantizeContext,
    activate,
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
    """Weights ``kernel [rows, columns]``, ``bias [rows]``."""

    name = "dense"
    imports = (Import(("Dense",), _read, "any units, bias, any supported activation"),)
    skips_rows = True
    skips_columns = True
    fuses = FUSED_CLAMPS

    def macs(self, node: Node) -> Macs:
        rows, columns = node.weights["kernel"].shape
        return Macs(rows, columns, 1, node.row_gate, node.column_gate)

    def step(self, node: Node, inputs: Sequence[FloatArray], memory: Memory | None) -> FloatArray:
        return activate(node.weights["kernel"] @ inputs[0] + node.weights["bias"], node.activation)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        return linear.quantize(node, context)

    def step_s8(
        self, node: Node, parameters: Parameters, inputs: Sequence[Int8Array], memory: Memory | None
    ) -> Int8Array:
        return linear.requantize(linear.accumulate(parameters, inputs[0]), parameters)

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        rows, columns = parameters["weights"].shape
        fields = {"rows": rows, "columns": columns, **linear.fields(parameters, "[rows][columns]")}
        return (KernelCall("slimse_dense_s8", fields, ("rows", "columns", "input0", "output"), counts_macs=True),)

    def describe(self, node: Node) -> str:
        rows, columns = node.weights["kernel"].shape
        return f"dense {columns} -> {rows}"


OP = Dense()
