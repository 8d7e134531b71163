"""Elementwise layers of several inputs: imported as a chain of nodes of two, and what these nodes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.ops.arithmetic import clamp_s8, clamp_s16
from slimse_mcu.ops.op import FUSED_CLAMPS, Integers, KernelCall, Op, Parameters, is_wide, scalars, size, width

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


def store(scaled: NDArray[np.int64], parameters: Parameters) -> Integers:
    """Requantized values with the output's zero point and clamp."""
    clamp = clamp_s16 if is_wide(parameters) else clamp_s8
    return clamp(scaled + parameters["output_offset"], parameters["output_min"], parameters["output_max"])


class Pair(Op):
    """An elementwise operator of two tensors, with a kernel of its own name and plain integers as parameters."""

    widths = (8, 16)
    skips_rows = True
    elementwise = True
    fuses = FUSED_CLAMPS

    def keeps_zero(self, node: Node) -> bool:
        return True

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        function = f"slimse_{self.name}_{width(parameters)}"
        return (
            KernelCall(function, {"size": size(node), **scalars(parameters)}, ("rows", "input0", "input1", "output")),
        )

    def describe(self, node: Node) -> str:
        return f"{self.name}, {size(node)}"
