"""What convolutions over time and frequency share that sum all channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slimse_mcu.graph import Node
from slimse_mcu.ops import linear
from slimse_mcu.ops.causal import stack_taps
from slimse_mcu.ops.frequency import window_of
from slimse_mcu.ops.op import (
    FUSED_CLAMPS,
    Constant,
    FloatArray,
    Integers,
    KernelCall,
    Macs,
    Memories,
    Op,
    Parameters,
    QuantizeContext,
    activate,
    row_blocks,
    width,
)


class Planes(Op):
    """A convolution over time and frequency that sums all channels.

    Weights ``kernel [rows, taps along time, taps along frequency, columns]``, oldest frame first, and ``bias [rows]``.
    Attributes ``window`` along frequency and ``dilation`` along time; the ring keeps ``(taps - 1) * dilation`` frames.
    """

    skips_parts = True
    is_linear = True
    widths = (8, 16)
    fuses = FUSED_CLAMPS

    def block_channels(self, node: Node) -> int:
        # Frames in the ring had other blocks open.
        kernel = node.weights["kernel"]
        return kernel.shape[3] if kernel.shape[1] == 1 else 0

    def macs(self, node: Node) -> Macs:
        rows, taps, _, columns = node.weights["kernel"].shape
        return Macs(
            rows,
            columns,
            taps * window_of(node).taps,
            row_blocks=row_blocks(node),
            column_blocks=node.column_blocks,
        )

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        kernel = node.weights["kernel"]
        frames = stack_taps(inputs[0], memories, kernel.shape[1], node.attributes["dilation"])
        read = window_of(node).gather(frames, 0.0)
        sums = read.reshape(len(read), -1) @ kernel.reshape(len(kernel), -1).T + node.weights["bias"]
        return activate(sums.ravel(), node.activation)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        return linear.quantize(node, context)

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        frames = stack_taps(inputs[0], memories, parameters["weights"].shape[1], node.attributes["dilation"])
        read = window_of(node).gather(frames, -parameters["input_offset"])
        return linear.requantize(linear.accumulate(parameters, read), parameters)

    def part_calls(
        self, node: Node, parameters: Parameters, fields: Mapping[str, int | Constant], layout: str
    ) -> tuple[KernelCall, ...]:
        """One call per part; ``fields`` are the kernel's own, ``layout`` names the axes of the weights."""
        rows, taps, _, columns = parameters["weights"].shape
        window = window_of(node)
        return tuple(
            KernelCall(
                f"slimse_{self.name}_{width(parameters)}",
                {
                    "planes.rows": taken.stop - taken.start,
                    "planes.columns": columns,
                    "planes.inputs": window.inputs,
                    "planes.positions": window.outputs,
                    "planes.output_pitch": rows,
                    "planes.taps": taps,
                    "planes.dilation": int(node.attributes["dilation"]),
                    "planes.kernel": window.kernel,
                    **fields,
                    **linear.fields(linear.take_rows(parameters, taken), layout),
                },
                ("spans", "input0", "ring0", ("output", taken.start)),
                counts_macs=True,
                suffix=suffix,
                part=part,
            )
            for part, suffix, taken in linear.part_rows(node, rows)
        )

    def describe(self, node: Node) -> str:
        rows, taps, width, columns = node.weights["kernel"].shape
        window = window_of(node)
        text = (
            f"{self.name} {columns} -> {rows}, kernel {taps} x {width}, positions {window.inputs} -> {window.outputs}"
        )
        return text + (f", dilation {node.attributes['dilation']}" if node.attributes["dilation"] > 1 else "")
