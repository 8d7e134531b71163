"""Depthwise convolution over time and frequency, causal along time; with one tap an affine map of the channels.

The past frames of the input live in a ring; int8 and int16: TensorFlow Lite DEPTHWISE_CONV_2D with per-channel weights,
where padding along frequency adds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.ops import linear
from slimse_mcu.ops.causal import causal_planes, stack_taps
from slimse_mcu.ops.frequency import Window, pair, sliding_window, window_of
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
    row_blocks,
    width,
)

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    kernel = layer.weight(0, rank=4)
    bias = layer.bias(channels=kernel.shape[2] * kernel.shape[3], index=1)
    output = _add(layer, inputs[0], builder, kernel, bias)
    return builder.activate(layer, output, layer.config.get("activation"))


def _read_separable(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    depthwise, pointwise = layer.weight(0, rank=4), layer.weight(1, rank=4)
    zeros = np.zeros(depthwise.shape[2] * depthwise.shape[3], np.float32)
    middle = _add(layer, inputs[0], builder, depthwise, zeros, suffix="_depthwise")
    weights = {"kernel": pointwise[0, 0].T.copy(), "bias": layer.bias(channels=pointwise.shape[3], index=2)}
    output = builder.add(layer, "dense", [middle], channels=pointwise.shape[3], weights=weights)
    return builder.activate(layer, output, layer.config.get("activation"))


def _add(
    layer: KerasLayer, source: str, builder: GraphBuilder, kernel: FloatArray, bias: FloatArray, *, suffix: str = ""
) -> str:
    """Add the convolution with Keras's ``kernel [taps, taps along frequency, channels, multiplier]``."""
    taps, width, columns, multiplier = kernel.shape
    stride, dilation = pair(layer, "strides"), pair(layer, "dilation_rate")
    padded = causal_planes(layer, source, builder, taps, dilation[0])
    if columns != builder.channels(source):
        raise layer.error(f"has weights of shape {kernel.shape}, its input has {builder.channels(source)} channels")
    positions, rows = builder.positions(padded.source), columns * multiplier
    window = sliding_window(layer, positions, padded.positions, width, stride[1], dilation[1])
    return builder.add(
        layer,
        "depthwise_conv2d",
        [padded.source],
        channels=rows,
        shape=(window.outputs, rows),
        weights={"kernel": kernel.reshape(taps, width, rows).transpose(2, 0, 1).copy(), "bias": bias},
        attributes={"window": window, "dilation": dilation[0], "multiplier": multiplier},
        stride=stride[0],
        reach=(taps - 1) * dilation[0],
        suffix=suffix,
    )


def add_affine(layer: KerasLayer, source: str, builder: GraphBuilder, factor: FloatArray, offset: FloatArray) -> str:
    """Add ``factor * x + offset`` with both per channel, the same at every position along frequency."""
    positions = builder.positions(source)
    return builder.add(
        layer,
        "depthwise_conv2d",
        [source],
        channels=len(factor),
        weights={"kernel": factor[:, None, None], "bias": offset},
        attributes={"window": Window(positions, positions, 1), "dilation": 1, "multiplier": 1},
    )


class DepthwiseConv2D(Op):
    """Weights ``kernel [channels * multiplier, taps along time, taps along frequency]`` and ``bias``.

    Attributes ``window`` along frequency and ``dilation`` along time; the ring keeps ``(taps - 1) * dilation`` frames.
    """

    name = "depthwise_conv2d"
    imports = (
        Import(("DepthwiseConv2D",), _read, "as Conv2D, with depth multiplier"),
        Import(("SeparableConv2D",), _read_separable, "as DepthwiseConv2D followed by Dense"),
    )
    skips_parts = True
    is_linear = True
    widths = (8, 16)
    fuses = FUSED_CLAMPS

    def affine(self, node: Node) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        kernel = node.weights["kernel"].astype(np.float64)
        window = window_of(node)
        moves = kernel[0].size != 1 or window != Window(window.inputs, window.inputs, 1)
        if moves or node.attributes["multiplier"] != 1 or node.activation != "linear":
            return None
        return kernel[:, 0, 0], node.weights["bias"].astype(np.float64)

    def macs(self, node: Node) -> Macs:
        rows, taps, _ = node.weights["kernel"].shape
        return Macs(rows, 1, taps * window_of(node).taps, row_blocks=row_blocks(node))

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        kernel = node.weights["kernel"]
        read = _gather(node, kernel.shape[1], inputs[0], memories, 0.0)
        return activate((np.einsum("rtk,ptkr->pr", kernel, read) + node.weights["bias"]).ravel(), node.activation)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        return linear.quantize(node, context)

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        offset = parameters["input_offset"]
        weights = parameters["weights"]
        centred = _gather(node, weights.shape[1], inputs[0], memories, -offset).astype(np.int64) + offset
        sums = (weights.transpose(1, 2, 0).astype(np.int64) * centred).sum(axis=(1, 2))
        return linear.requantize(sums + parameters["bias"], parameters)

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        rows, taps, _ = parameters["weights"].shape
        window, multiplier = window_of(node), int(node.attributes["multiplier"])
        calls = []
        for part, suffix, taken in linear.part_rows(node, rows):
            own = linear.take_rows(parameters, taken)
            by_tap = {**own, "weights": np.ascontiguousarray(own["weights"].transpose(1, 2, 0))}
            fields = {
                "rows": taken.stop - taken.start,
                "first_row": taken.start,
                "channels": rows // multiplier,
                "multiplier_depth": multiplier,
                "inputs": window.inputs,
                "positions": window.outputs,
                "output_pitch": rows,
                "taps": taps,
                "dilation": int(node.attributes["dilation"]),
                "kernel": window.kernel,
                "stride": window.stride,
                "spacing": window.dilation,
                "left": window.left,
                **linear.fields(by_tap, "[taps][kernel][rows], oldest frame first"),
            }
            arguments = ("input0", "ring0", ("output", taken.start))
            function = f"slimse_depthwise_conv2d_{width(parameters)}"
            calls.append(KernelCall(function, fields, arguments, counts_macs=True, suffix=suffix, part=part))
        return tuple(calls)

    def describe(self, node: Node) -> str:
        rows, taps, width = node.weights["kernel"].shape
        window = window_of(node)
        if taps == width == 1:
            return f"scale and offset per channel, {rows}, at {window.outputs} frequencies"
        text = f"depthwise conv2d {rows}, kernel {taps} x {width}, positions {window.inputs} -> {window.outputs}"
        return text + (f", dilation {node.attributes['dilation']}" if node.attributes["dilation"] > 1 else "")


def _gather(node: Node, taps: int, current: NDArray[Any], memories: Memories, fill: float) -> NDArray[Any]:
    """What each row reads, ``[positions, taps along time, taps along frequency, rows]``."""
    frames = stack_taps(current, memories, taps, node.attributes["dilation"])
    return np.repeat(window_of(node).gather(frames, fill), node.attributes["multiplier"], axis=3)


OP = DepthwiseConv2D()
