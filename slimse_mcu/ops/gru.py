"""Gated recurrent unit along time, its state carried on from frame to frame.

Weights and input are int8, the hidden state is int16 with the fixed scale 1/32768, so that it is read back exactly as
it was written and cannot drift.  No other specification of an int8 GRU exists to follow; this one is in the style of
TensorFlow Lite's: int32 accumulators per gate, requantized with double rounding to Q3.12, sigmoid and tanh from
tables of 257 entries with linear interpolation, products rounded half up.

    z = sigmoid(Wz x + Uz h + bz)    r = sigmoid(Wr x + Ur h + br)
    c = tanh(Wc x + r * (Uc h + uc) + bc)    (reset_after)
    c = tanh(Wc x + Uc (r * h) + bc)         (not reset_after)
    h = c + z * (h - c)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node, Quantization
from slimse_mcu.ops.arithmetic import (
    clamp_s8,
    clamp_s16,
    multiply_by_quantized_multiplier,
    quantize_multipliers,
    quantize_weights,
)
from slimse_mcu.ops.op import (
    Constant,
    FloatArray,
    Hidden,
    Import,
    Int8Array,
    KernelCall,
    Macs,
    Memory,
    Op,
    Parameters,
    QuantizeContext,
)

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

#: More units could overflow the int32 accumulator of the recurrent products.
MAX_UNITS = 256
#: Scale of the gates' inputs: Q3.12, -8 to 8.
PREACTIVATION_SCALE = 2.0**-12
HIDDEN_SCALE = 2.0**-15
#: Clamp of each addend of a gate's input, so that no sum or product leaves int32.
_ADDEND_MIN, _ADDEND_MAX = -65536, 65535
_HALF = 1 << 14


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    config = layer.config
    units = layer.weight(0, rank=2).shape[1] // 3
    if not config.get("return_sequences", False) or config.get("return_state", False):
        raise layer.error("does not return its sequence alone", "Set return_sequences=True, return_state=False.")
    if config.get("go_backwards", False):
        raise layer.error("runs backwards along time, which needs future frames: not causal", "Run it forwards.")
    for name, needed in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
        if config.get(name, needed) != needed:
            raise layer.error(f"uses {name}='{config[name]}'", f"Use '{needed}'.")
    if units > MAX_UNITS:
        raise layer.error(f"has {units} units; at most {MAX_UNITS} are supported", "Split it into several.")
    reset_after = bool(config.get("reset_after", True))
    kernel, recurrent = layer.weight(0, rank=2), layer.weight(1, rank=2)
    if kernel.shape != (builder.channels(inputs[0]), 3 * units) or recurrent.shape != (units, 3 * units):
        raise layer.error(f"has weights of shapes {kernel.shape} and {recurrent.shape}, which do not fit its input")
    bias = np.zeros((2, 3 * units), np.float32)
    if config.get("use_bias", True):
        stored = layer.weight(2, rank=2 if reset_after else 1)
        if stored.shape != ((2, 3 * units) if reset_after else (3 * units,)):
            raise layer.error(f"has a bias of shape {stored.shape} for {units} units")
        bias[: 2 if reset_after else 1] = stored
    return builder.add(
        layer,
        "gru",
        inputs,
        channels=units,
        weights={
            "input_kernel": kernel.T,
            "recurrent_kernel": recurrent.T,
            "input_bias": bias[0],
            "recurrent_bias": bias[1],
        },
        attributes={"reset_after": reset_after},
        hidden=units,
    )


def _table(function: Any) -> NDArray[np.int16]:
    """Q15 values at -8, -8 + 1/16, ..., 8."""
    return clamp_s16(np.floor(function(np.arange(257) / 16.0 - 8.0) * 32768.0 + 0.5))


SIGMOID_TABLE = _table(lambda x: 1.0 / (1.0 + np.exp(-x)))
TANH_TABLE = _table(np.tanh)


def interpolate(table: NDArray[np.int16], value: NDArray[np.int64]) -> NDArray[np.int64]:
    """A table of 257 entries at int16 inputs, linear in between, rounded half up."""
    position = value + 32768
    index, fraction = position >> 8, position & 255
    low, high = table[index].astype(np.int64), table[index + 1].astype(np.int64)
    result: NDArray[np.int64] = low + (((high - low) * fraction + 128) >> 8)
    return result


def _sigmoid(x: FloatArray) -> FloatArray:
    result: FloatArray = np.float32(1) / (np.float32(1) + np.exp(-x))
    return result


class Gru(Op):
    """Weights ``input_kernel [3 * units, columns]``, ``recurrent_kernel [3 * units, units]`` and a bias each.

    The gates stand in Keras's order: update, reset, candidate.
    """

    name = "gru"
    imports = (
        Import(
            ("GRU",),
            _read,
            "return_sequences, tanh and sigmoid, reset_after either way, at most 256 units; state int16",
        ),
    )

    def macs(self, node: Node) -> Macs:
        rows, columns = node.weights["input_kernel"].shape
        return Macs(rows, columns + rows // 3, 1)

    def scratch_elements(self, node: Node) -> int:
        return 2 * node.weights["recurrent_kernel"].shape[1]

    def step(self, node: Node, inputs: Sequence[FloatArray], memory: Memory | None) -> FloatArray:
        assert isinstance(memory, Hidden), "a recurrent layer has a hidden state"
        weights, units = node.weights, memory.value.size
        x = weights["input_kernel"] @ inputs[0] + weights["input_bias"]
        update, reset, candidate = (slice(start * units, (start + 1) * units) for start in range(3))
        kernel, bias, h = weights["recurrent_kernel"], weights["recurrent_bias"], memory.value
        z = _sigmoid(x[update] + kernel[update] @ h + bias[update])
        r = _sigmoid(x[reset] + kernel[reset] @ h + bias[reset])
        if node.attributes["reset_after"]:
            c = np.tanh(x[candidate] + r * (kernel[candidate] @ h + bias[candidate]))
        else:
            c = np.tanh(x[candidate] + kernel[candidate] @ (r * h))
        memory.value = (c + z * (h - c)).astype(np.float32)
        return memory.value

    def fixed_quantization(self, node: Node, inputs: Sequence[Quantization]) -> Quantization:
        return Quantization(1.0 / 128.0, 0, -1.0, 127.0 / 128.0)

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        source = context.inputs[0]
        parameters: dict[str, Any] = {"input_offset": -source.zero_point}
        for part, scale in (("input", source.scale), ("recurrent", HIDDEN_SCALE)):
            weights, bias, weight_scale = quantize_weights(
                node.weights[f"{part}_kernel"], node.weights[f"{part}_bias"], scale
            )
            multiplier, shift = quantize_multipliers(scale * weight_scale / PREACTIVATION_SCALE)
            parameters[f"{part}_weights"], parameters[f"{part}_bias"] = weights, bias
            parameters[f"{part}_multiplier"], parameters[f"{part}_shift"] = multiplier, shift
        return parameters

    def step_s8(
        self, node: Node, parameters: Parameters, inputs: Sequence[Int8Array], memory: Memory | None
    ) -> Int8Array:
        assert isinstance(memory, Hidden), "a recurrent layer has a hidden state"
        units, h = memory.value.size, memory.value.astype(np.int64)
        update, reset, candidate = (slice(start * units, (start + 1) * units) for start in range(3))
        x = _addends(parameters, "input", slice(None), inputs[0].astype(np.int64) + parameters["input_offset"])
        z = interpolate(SIGMOID_TABLE, _saturate(x[update] + _addends(parameters, "recurrent", update, h)))
        r = interpolate(SIGMOID_TABLE, _saturate(x[reset] + _addends(parameters, "recurrent", reset, h)))
        if node.attributes["reset_after"]:
            recurrent = (r * _addends(parameters, "recurrent", candidate, h) + _HALF) >> 15
        else:
            recurrent = _addends(parameters, "recurrent", candidate, (r * h + _HALF) >> 15)
        c = interpolate(TANH_TABLE, _saturate(x[candidate] + recurrent))
        h = c + ((z * (h - c) + _HALF) >> 15)
        memory.value = h.astype(np.int16)
        return clamp_s8((h + 128) >> 8)

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        rows, columns = parameters["input_weights"].shape
        fields: dict[str, int | Constant] = {"units": rows // 3, "columns": columns}
        for part, inner in (("input", "columns"), ("recurrent", "units")):
            layout = f"weights [update, reset, candidate][units][{inner}], symmetric per row"
            fields[f"{part}_weights"] = Constant("int8_t", parameters[f"{part}_weights"], f"{part} {layout}")
            fields[f"{part}_bias"] = Constant("int32_t", parameters[f"{part}_bias"], f"{part} bias")
            note = f"{part} requantization"
            fields[f"{part}_multiplier"] = Constant("int32_t", parameters[f"{part}_multiplier"], f"{note}, Q31")
            fields[f"{part}_shift"] = Constant("int8_t", parameters[f"{part}_shift"], f"{note}, left when positive")
        fields["sigmoid"] = Constant("int16_t", SIGMOID_TABLE, "sigmoid at -8, -8 + 1/16, ..., 8, Q15")
        fields["tanh"] = Constant("int16_t", TANH_TABLE, "tanh at -8, -8 + 1/16, ..., 8, Q15")
        fields["input_offset"] = int(parameters["input_offset"])
        fields["reset_after"] = int(node.attributes["reset_after"])
        arguments = ("input0", "hidden", "scratch", "output")
        return (KernelCall("slimse_gru_s8", fields, arguments, counts_macs=True),)

    def describe(self, node: Node) -> str:
        rows, columns = node.weights["input_kernel"].shape
        return f"gru {columns} -> {rows // 3}, reset {'after' if node.attributes['reset_after'] else 'before'}"


def _addends(parameters: Parameters, part: str, rows: slice, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """``W values + b`` of some rows in Q3.12, limited to -16..16."""
    weights, bias = parameters[f"{part}_weights"][rows], parameters[f"{part}_bias"][rows]
    sums = weights.astype(np.int64) @ values + bias
    scaled = multiply_by_quantized_multiplier(
        sums, parameters[f"{part}_multiplier"][rows], parameters[f"{part}_shift"][rows]
    )
    return np.clip(scaled, _ADDEND_MIN, _ADDEND_MAX)


def _saturate(value: NDArray[np.int64]) -> NDArray[np.int64]:
    return clamp_s16(value).astype(np.int64)


OP = Gru()
