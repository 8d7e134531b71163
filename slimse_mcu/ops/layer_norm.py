"""Layer normalization over the channels, in integers: ``y = (x - mean) / sqrt(variance + e) * gamma + beta``.

With C channels and ``d = C x - sum(x)`` (exact), the normalized value is ``d / sqrt(sum(d^2) / C + C^2 e / scale^2)``:
the zero point cancels and the scale is left in the constant alone.  One integer square root and one division serve
all channels of a frame; the normalized value is Q12, gamma int8.

int16 has longer sums of squares and finer results: fewer fraction bits of the root, and the normalized value is Q15.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import Node
from slimse_mcu.ops.arithmetic import clamp_s8, clamp_s16, multiply_by_quantized_multiplier, quantize_multiplier
from slimse_mcu.ops.op import (
    Constant,
    FloatArray,
    Import,
    Integers,
    KernelCall,
    Memories,
    Op,
    Parameters,
    QuantizeContext,
    is_wide,
    scalars,
    width,
)

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

#: Fraction bits of the root and of the normalized value, by width; of the root's reciprocal.
_ROOT_BITS, _NORMAL_BITS, _RECIPROCAL_BITS = {8: 8, 16: 4}, {8: 12, 16: 15}, 46
_MAX_EPSILON = 1 << 46
#: Channels whose squared sums of int16 stay below 2**62.
_MAX_WIDE_CHANNELS = 1024


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    channels = builder.channels(inputs[0])
    axis = layer.config.get("axis", -1)
    last = 1 + len(builder.shape(inputs[0]))
    if axis not in (-1, last, [-1], [last]):
        raise layer.error(f"normalizes axis {axis}", "Normalize the channels: axis=-1.")
    if layer.config.get("rms_scaling", False):
        raise layer.error("uses rms_scaling", "Use LayerNormalization().")
    index = 0
    gamma, beta = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    if layer.config.get("scale", True):
        gamma, index = layer.weight(index, rank=1), index + 1
    if layer.config.get("center", True):
        beta = layer.weight(index, rank=1)
    if gamma.shape != (channels,) or beta.shape != (channels,):
        raise layer.error(f"has {gamma.size} scales and {beta.size} offsets, its input has {channels} channels")
    epsilon = float(layer.config.get("epsilon", 1e-3))
    if not 0.0 < epsilon <= 1.0:
        raise layer.error(f"has epsilon={epsilon}, expected more than 0 and at most 1")
    weights = {"gamma": gamma, "beta": beta}
    return builder.add(layer, "layer_norm", inputs, channels=channels, weights=weights, attributes={"epsilon": epsilon})


def _normalized(x: NDArray[np.int64], parameters: Parameters) -> Integers:
    """The channels of one position."""
    bits = 16 if is_wide(parameters) else 8
    root_bits = _ROOT_BITS[bits]
    down = _RECIPROCAL_BITS - root_bits - _NORMAL_BITS[bits]
    deviation = x.size * x - x.sum()
    square = int(np.sum(deviation * deviation)) // x.size + parameters["epsilon"]
    reciprocal = (1 << _RECIPROCAL_BITS) // math.isqrt(square << (2 * root_bits))
    normal = (deviation * reciprocal + (1 << (down - 1))) >> down
    sums = normal * parameters["gamma"].astype(np.int64) + parameters["beta"]
    scaled = multiply_by_quantized_multiplier(sums, parameters["multiplier"], parameters["shift"])
    return clamp_s16(scaled) if bits == 16 else clamp_s8(scaled + parameters["output_offset"])


class LayerNorm(Op):
    """Weights ``gamma [channels]``, ``beta [channels]``; attribute ``epsilon``."""

    name = "layer_norm"
    widths = (8, 16)
    imports = (Import(("LayerNormalization",), _read, "over the channels, at each frequency"),)

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        x = inputs[0].reshape(node.attributes["positions"], -1)
        centred = x - x.mean(axis=1, keepdims=True)
        variance = np.mean(centred * centred, axis=1, keepdims=True)
        normal = centred / np.sqrt(variance + np.float32(node.attributes["epsilon"]))
        return np.asarray(normal * node.weights["gamma"] + node.weights["beta"], np.float32).ravel()

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        source, output = context.inputs[0], context.require_output()
        gamma, beta = (node.weights[name].astype(np.float64) for name in ("gamma", "beta"))
        gamma_scale = float(np.float32(np.abs(gamma).max() / 127.0)) or 1.0
        if context.bits == 16 and gamma.size > _MAX_WIDE_CHANNELS:
            raise QuantizeError(
                f"{gamma.size} channels are too many to normalize in 16 bits; {_MAX_WIDE_CHANNELS} are the most.",
                hint="Leave the layer's input and output at 8 bits.",
            )
        normal_bits = _NORMAL_BITS[context.bits]
        unit = gamma_scale * 2.0**-normal_bits
        # Offsets far beyond the scales must not leave int32.
        unit = max(unit, float(np.abs(beta).max()) / 2.0**30)
        multiplier, shift = quantize_multiplier(unit / output.scale)
        epsilon = node.attributes["epsilon"] * gamma.size**2 / source.scale**2
        return {
            "bits": context.bits,
            "gamma": np.clip(np.rint(gamma / (unit * 2.0**normal_bits)), -127, 127).astype(np.int8),
            "beta": np.rint(beta / unit).astype(np.int32),
            "epsilon": int(np.clip(round(epsilon), 1, _MAX_EPSILON)),
            "multiplier": multiplier,
            "shift": shift,
            "output_offset": output.zero_point,
        }

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        positions = inputs[0].astype(np.int64).reshape(node.attributes["positions"], -1)
        return np.concatenate([_normalized(x, parameters) for x in positions])

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        fields: dict[str, int | Constant] = {
            "positions": node.attributes["positions"],
            "size": int(parameters["gamma"].size),
            "gamma": Constant("int8_t", parameters["gamma"], "scales per channel"),
            "beta": Constant("int32_t", parameters["beta"], "offsets per channel"),
        }
        fields.update(scalars(parameters))
        return (KernelCall(f"slimse_layer_norm_{width(parameters)}", fields, ("input0", "output")),)

    def describe(self, node: Node) -> str:
        return f"layer norm, {node.weights['gamma'].size}"


OP = LayerNorm()
