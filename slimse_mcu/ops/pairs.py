"""Elementwise layers of several inputs: imported as a chain of nodes of two, and what these nodes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from slimse_mcu.graph import Node
from slimse_mcu.ops.op import FUSED_CLAMPS, KernelCall, Op, Parameters, size

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer


def read_pairs(op: str) -> Callable[[KerasLayer, Sequence[str], GraphBuilder], str]:
    """Importer of a layer that combines its inputs element by element with the operator ``op``."""

    def read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
        shapes = [builder.shape(name) for name in inputs]
        if len(inputs) < 2 or len(set(shapes)) != 1:
            raise layer.error(
                f"combines tensors of shapes {', '.join(map(str, shapes))}", "All inputs need the same; two at least."
            )
        result = inputs[0]
        for index, other in enumerate(inputs[1:]):
            last = index == len(inputs) - 2
            result = builder.add(
                layer,
                op,
                [result, other],
                channels=builder.channels(result),
                shape=shapes[0],
                suffix="" if last else f"_part{index}",
            )
        return result

    return read


class Pair(Op):
    """An elementwise operator of two tensors, with a kernel of its own name and plain integers as parameters."""

    skips_rows = True
    elementwise = True
    fuses = FUSED_CLAMPS

    def keeps_zero(self, node: Node) -> bool:
        return True

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        fields = {"size": size(node), **{key: int(value) for key, value in parameters.items()}}
        return (KernelCall(f"slimse_{self.name}_s8", fields, ("rows", "input0", "input1", "output")),)

    def describe(self, node: Node) -> str:
        return f"{self.name}, {size(node)}"
