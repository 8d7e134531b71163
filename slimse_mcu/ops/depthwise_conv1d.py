"""Causal depthwise convolution along time; with one tap also the affine map of a batch normalization.

The past frames of the input live in a ring; int8 and int16: TensorFlow Lite DEPTHWISE_CONV_2D with per-channel weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.ops import linear
from slimse_mcu.ops.causal import causal_input, stack_taps
from slimse_mcu.ops.depthwise_conv2d import add_affine
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


def add_depthwise(
    layer: KerasLayer,
    source: str,
    builder: GraphBuilder,
    kernel: FloatArray,
    bias: FloatArray,
    *,
    suffix: str = "",
) -> str:
    """Add a depthwise convolution with ``kernel [taps, channels, multiplier]`` read from a Keras layer."""
    taps, columns, multiplier = kernel.shape
    stride, dilation = layer.scalar("strides"), layer.scalar("dilation_rate")
    builder.vector(layer, source)
    if columns != builder.channels(source):
        raise layer.error(f"has weights of shape {kernel.shape}, its input has {builder.channels(source)} channels")
    source = causal_input(layer, source, builder, taps, dilation)
    return builder.add(
        layer,
        "depthwise_conv1d",
        [source],
        channels=columns * multiplier,
        weights={"kernel": kernel.reshape(taps, columns * multiplier).T.copy(), "bias": bias},
        attributes={"dilation": dilation, "multiplier": multiplier},
        stride=stride,
        reach=(taps - 1) * dilation,
        suffix=suffix,
    )


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    kernel = layer.weight(0, rank=3)
    bias = layer.bias(channels=kernel.shape[1] * kernel.shape[2], index=1)
    output = add_depthwise(layer, inputs[0], builder, kernel, bias)
    return builder.activate(layer, output, layer.config.get("activation"))


def _read_separable(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    depthwise, pointwise = layer.weight(0, rank=3), layer.weight(1, rank=3)
    hidden = depthwise.shape[1] * depthwise.shape[2]
    zeros = np.zeros(hidden, np.float32)
    middle = add_depthwise(layer, inputs[0], builder, depthwise, zeros, suffix="_depthwise")
    weights = {"kernel": pointwise[0].T.copy(), "bias": layer.bias(channels=pointwise.shape[2], index=2)}
    output = builder.add(layer, "dense", [middle], channels=pointwise.shape[2], weights=weights)
    return builder.activate(layer, output, layer.config.get("activation"))


def _read_batch_norm(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    channels = builder.channels(inputs[0])
    axis = layer.config.get("axis", -1)
    if axis not in (-1, len(builder.shape(inputs[0])) + 1):
        raise layer.error(f"normalizes axis {axis}", "Normalize the channels: axis=-1.")
    index = 0
    gamma, beta = np.ones(channels), np.zeros(channels)
    if layer.config.get("scale", True):
        gamma, index = layer.weight(index, rank=1).astype(np.float64), index + 1
    if layer.config.get("center", True):
        beta, index = layer.weight(index, rank=1).astype(np.float64), index + 1
    mean, variance = (layer.weight(index + offset, rank=1).astype(np.float64) for offset in (0, 1))
    if np.any(variance < 0):
        raise layer.error("has a negative moving variance", "Save the model again from a finished training.")
    with np.errstate(divide="ignore", invalid="ignore"):  # the builder refuses weights that are not finite
        factor = gamma / np.sqrt(variance + layer.config.get("epsilon", 1e-3))
        offset = (beta - mean * factor).astype(np.float32)
    if factor.shape != (channels,):
        raise layer.error(f"has weights of shape {factor.shape}, its input has {channels} channels")
    if len(builder.shape(inputs[0])) == 2:
        return add_affine(layer, inputs[0], builder, factor.astype(np.float32), offset)
    return builder.add(
        layer,
        "depthwise_conv1d",
        inputs,
        channels=channels,
        weights={"kernel": factor.astype(np.float32)[:, None], "bias": offset},
        attributes={"dilation": 1, "multiplier": 1},
    )


class DepthwiseConv1D(Op):
    """Weights ``kernel [channels * multiplier, taps]``, ``bias [channels * multiplier]``."""

    name = "depthwise_conv1d"
    imports = (
        Import(("DepthwiseConv1D",), _read, "causal by exact left padding, strides, dilation, depth multiplier"),
        Import(("SeparableConv1D",), _read_separable, "as DepthwiseConv1D followed by Dense"),
        Import(("BatchNormalization",), _read_batch_norm, "over channels; folded into the layer before it"),
    )
    skips_rows = True
    fuses = FUSED_CLAMPS
    is_linear = True
    widths = (8, 16)

    def affine(self, node: Node) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        kernel = node.weights["kernel"].astype(np.float64)
        if kernel.shape[1] != 1 or node.attributes["multiplier"] != 1 or node.activation != "linear":
            return None
        return kernel[:, 0], node.weights["bias"].astype(np.float64)

    def macs(self, node: Node) -> Macs:
        rows, taps = node.weights["kernel"].shape
        return Macs(rows, 1, taps, node.row_gate)

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        kernel = node.weights["kernel"]
        window = stack_taps(inputs[0], memories, kernel.shape[1], node.attributes["dilation"])
        window = np.repeat(window, node.attributes["multiplier"], axis=1)
        return activate(np.einsum("ct,tc->c", kernel, window) + node.weights["bias"], node.activation)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        return linear.quantize(node, context)

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        weights = parameters["weights"]
        window = stack_taps(inputs[0], memories, weights.shape[1], node.attributes["dilation"])
        centred = np.repeat(window.astype(np.int64) + parameters["input_offset"], node.attributes["multiplier"], axis=1)
        sums = (weights.T.astype(np.int64) * centred).sum(axis=0)
        return linear.requantize(sums + parameters["bias"], parameters)

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        rows, taps = parameters["weights"].shape
        multiplier = int(node.attributes["multiplier"])
        by_tap = {**parameters, "weights": np.ascontiguousarray(parameters["weights"].T)}
        fields = {
            "channels": rows // multiplier,
            "multiplier_depth": multiplier,
            "taps": taps,
            "dilation": int(node.attributes["dilation"]),
            **linear.fields(by_tap, "[taps][channels], oldest tap first"),
        }
        arguments = ("rows", "input0", "ring0", "output")
        return (KernelCall(f"slimse_depthwise_conv1d_{width(parameters)}", fields, arguments, counts_macs=True),)

    def describe(self, node: Node) -> str:
        rows, taps = node.weights["kernel"].shape
        if taps == 1:
            return f"scale and offset per channel, {rows}"
        return f"depthwise conv1d {rows}, kernel {taps}, dilation {node.attributes['dilation']}"


OP = DepthwiseConv1D()
