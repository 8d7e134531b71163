"""Fixed sparse matrix along frequency: merges bins into bands or splits bands into bins, the same for every channel.

Each row reads one range of positions, from its first non-zero to its last; in integers: weights symmetric per row and
requantization as in the layers with weights, no bias.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from slimse_mcu.graph import Block, Node, Tensor
from slimse_mcu.ops import linear
from slimse_mcu.ops.op import (
    FUSED_CLAMPS,
    Constant,
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
    matrix = layer.weight(0, rank=2)
    positions, *channels = builder.shape(inputs[0])
    rows = len(matrix)
    if matrix.shape[1] != positions or rows < 1:
        raise layer.error(f"has a matrix of shape {matrix.shape}, its input has {positions} positions")
    shape = (rows, *channels)
    return builder.add(
        layer,
        "bands",
        inputs,
        channels=shape[-1],
        shape=shape,
        weights={"matrix": matrix},
        attributes={"depth": channels[0] if channels else 1},
    )


class Bands(Op):
    """Weights ``matrix [rows, positions]``; attribute ``depth``: values per position, 1 for a vector."""

    name = "bands"
    imports = (
        Import(("slimse>Bands",), _read, "any matrix; a row costs what lies between its first and its last non-zero"),
    )
    fuses = FUSED_CLAMPS
    widths = (8, 16)

    def output_blocks(self, node: Node, inputs: Sequence[Tensor]) -> tuple[Block, ...]:
        # There is no bias: a channel that is zero everywhere stays zero.
        return inputs[0].blocks if inputs[0].channels == node.attributes["channels"] == node.attributes["depth"] else ()

    def macs(self, node: Node) -> Macs:
        return Macs(node.attributes["depth"], 1, sum(run.stop - run.start for run in _runs(node)))

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        sums = node.weights["matrix"] @ inputs[0].reshape(-1, node.attributes["depth"])
        return activate(sums.ravel(), node.activation)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        matrix = node.weights["matrix"]
        return linear.quantize(replace(node, weights={"kernel": matrix, "bias": np.zeros(len(matrix))}), context)

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        planes = inputs[0].reshape(-1, node.attributes["depth"])
        rows = linear.requantize(linear.accumulate(parameters, planes.T), parameters)
        return rows.reshape(node.attributes["depth"], -1).T.ravel()

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        runs = list(_runs(node))
        packed = [parameters["weights"][row, run] for row, run in enumerate(runs)]
        # C has no empty arrays.
        weights = np.concatenate(packed) if any(run.stop for run in runs) else np.zeros(1, np.int8)
        members = linear.fields({**parameters, "weights": weights}, "of the rows behind one another")
        fields: dict[str, int | Constant] = {
            "rows": len(runs),
            "channels": node.attributes["depth"],
            "first": _uint16([run.start for run in runs], "first position of each row"),
            "count": _uint16([run.stop - run.start for run in runs], "positions of each row"),
            **{key.removeprefix("linear."): value for key, value in members.items() if key != "linear.bias"},
        }
        return (KernelCall(f"slimse_bands_{width(parameters)}", fields, ("input0", "output"), counts_macs=True),)

    def describe(self, node: Node) -> str:
        rows, positions = node.weights["matrix"].shape
        depth = node.attributes["depth"]
        return f"fixed matrix along frequency, {positions} -> {rows}" + (f" of {depth}" if depth > 1 else "")


def _runs(node: Node) -> Iterator[slice]:
    """From the first non-zero of each row to behind its last; ``0:0`` for a row of zeros."""
    for row in node.weights["matrix"]:
        positions = np.flatnonzero(row)
        yield slice(int(positions[0]), int(positions[-1]) + 1) if len(positions) else slice(0, 0)


def _uint16(values: list[int], note: str) -> Constant:
    return Constant("uint16_t", np.array(values, np.uint16), note)


OP = Bands()
