"""What the pooling layers along frequency share; int8: scale and zero point stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from slimse_mcu.graph import Block, Node, Quantization, Tensor
from slimse_mcu.ops.causal import spectrum
from slimse_mcu.ops.frequency import pair, sliding_window, window_of
from slimse_mcu.ops.op import KernelCall, Op, Parameters, QuantizeContext, width

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer


def read_pool(op: str) -> Callable[[KerasLayer, Sequence[str], GraphBuilder], str]:
    """Importer of a pooling layer over time and frequency that pools frequency alone."""

    def read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
        positions, channels = spectrum(layer, inputs[0], builder)
        size = pair(layer, "pool_size", 2)
        stride = size if layer.config.get("strides") is None else pair(layer, "strides")
        if size[0] != 1 or stride[0] != 1:
            raise layer.error(
                f"pools {size[0]} frames in steps of {stride[0]}: not causal",
                "Pool along frequency only: pool_size=(1, n).",
            )
        window = sliding_window(layer, positions, (0, 0), size[1], stride[1])
        shape = (window.outputs, channels)
        return builder.add(layer, op, inputs, channels=channels, shape=shape, attributes={"window": window})

    return read


class Pool(Op):
    """No weights; attribute ``window`` along frequency."""

    widths = (8, 16)

    def output_blocks(self, node: Node, inputs: Sequence[Tensor]) -> tuple[Block, ...]:
        return inputs[0].blocks if inputs[0].channels == node.attributes["channels"] else ()

    def fixed_quantization(self, node: Node, inputs: Sequence[Quantization]) -> Quantization:
        return inputs[0]

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        return {"bits": context.bits}

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        window = window_of(node)
        fields = {
            "positions": window.outputs,
            "channels": node.attributes["channels"],
            "inputs": window.inputs,
            "kernel": window.kernel,
            "stride": window.stride,
            "left": window.left,
        }
        return (KernelCall(f"slimse_{self.name}_{width(parameters)}", fields, ("input0", "output")),)

    def describe(self, node: Node) -> str:
        window, channels = window_of(node), node.attributes["channels"]
        words = self.name.replace("_", " ")
        return f"{words} of {window.kernel}, positions {window.inputs} -> {window.outputs} of {channels}"
