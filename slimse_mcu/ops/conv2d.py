"""Convolution over time and frequency, dense over channels; causal along time.

``y[t, p] = clamp(b + sum_jk W_jk x[t - lag_j, p * stride - left + k * dilation])``.  The past frames of the input live
in a ring; int8 and int16: TensorFlow Lite CONV_2D with per-channel weights, where padding along frequency adds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from slimse_mcu.graph import Node
from slimse_mcu.ops.causal import causal_planes
from slimse_mcu.ops.frequency import pair, sliding_window, window_of
from slimse_mcu.ops.op import Import, KernelCall, Parameters
from slimse_mcu.ops.planes import Planes

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    kernel = layer.weight(0, rank=4)
    taps, width, _, rows = kernel.shape
    stride, dilation = pair(layer, "strides"), pair(layer, "dilation_rate")
    if layer.config.get("groups", 1) != 1:
        raise layer.error("uses groups", "Use one group, or DepthwiseConv2D.")
    padded = causal_planes(layer, inputs[0], builder, taps, dilation[0])
    positions = builder.positions(padded.source)
    window = sliding_window(layer, positions, padded.positions, width, stride[1], dilation[1])
    bias = layer.bias(channels=rows, index=1)
    if kernel.shape[:2] == (1, 1) and (window.outputs, window.stride) == (positions, 1):
        weights = {"kernel": kernel[0, 0].T.copy(), "bias": bias}
        output = builder.add(layer, "dense", [padded.source], channels=rows, weights=weights, stride=stride[0])
    else:
        output = builder.add(
            layer,
            "conv2d",
            [padded.source],
            channels=rows,
            shape=(window.outputs, rows),
            weights={"kernel": kernel.transpose(3, 0, 1, 2).copy(), "bias": bias},
            attributes={"window": window, "dilation": dilation[0]},
            stride=stride[0],
            reach=(taps - 1) * dilation[0],
        )
    return builder.activate(layer, output, layer.config.get("activation"))


def _read_along_frequency(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    """A Conv1D along frequency is a Conv2D with a kernel of one frame."""
    spread = {key: [1, layer.scalar(key)] for key in ("strides", "dilation_rate")}
    weights = (layer.weight(0, rank=3)[None], *layer.weights[1:])
    return _read(replace(layer, config={**layer.config, **spread}, weights=weights), inputs, builder)


class Conv2D(Planes):
    """Kernel layout and attributes as :class:`Planes`."""

    name = "conv2d"
    imports = (
        Import(
            ("Conv2D",),
            _read,
            "along time one frame, or valid behind exact ZeroPadding2D; along frequency valid, same or padded; "
            "strides, dilation, one group",
        ),
        Import(
            ("TimeDistributed(Conv1D)",),
            _read_along_frequency,
            "along frequency, within a frame; valid or same, strides, dilation, one group",
        ),
    )

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        window = window_of(node)
        fields = {"stride": window.stride, "spacing": window.dilation, "left": window.left}
        layout = "[rows][taps][kernel][columns], oldest frame first"
        return self.part_calls(node, parameters, fields, layout)


OP = Conv2D()
