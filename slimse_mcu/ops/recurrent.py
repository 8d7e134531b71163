"""What the recurrent layers along time share: import checks, integer parameters, tables.

Weights and input are int8, the hidden state is int16 with the fixed scale 1/32768, so that it is read back exactly as
it was written and cannot drift.  No other specification of int8 recurrence with a state of its own exists to follow;
this one is in the style of TensorFlow Lite's: int32 accumulators per gate, requantized with double rounding to Q3.12,
sigmoid and tanh from tables of 257 entries with linear interpolation, products rounded half up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

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
from slimse_mcu.ops.op import Constant, FloatArray, Int8Array, Macs, Op, Parameters, QuantizeContext

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

#: More units could overflow the int32 accumulator of the recurrent products.
MAX_UNITS = 256
#: Scale of the gates' inputs: Q3.12, -8 to 8.
PREACTIVATION_SCALE = 2.0**-12
HIDDEN_SCALE = 2.0**-15
#: What every output is: the state's upper byte.
OUTPUT = Quantization(1.0 / 128.0, 0, -1.0, 127.0 / 128.0)
#: Clamp of each addend of a gate's input, so that no sum or product leaves int32.
_ADDEND_MIN, _ADDEND_MAX = -65536, 65535


def read_cell(layer: KerasLayer, source: str, builder: GraphBuilder, gates: int) -> tuple[int, dict[str, FloatArray]]:
    """Units and weights of a recurrent Keras layer; a bias of one row counts as the input's.

    Raises:
        ModelError: The layer does not run forwards along time, or uses other functions than tanh and sigmoid.
    """
    config = layer.config
    if not config.get("return_sequences", False) or config.get("return_state", False):
        raise layer.error("does not return its sequence alone", "Set return_sequences=True, return_state=False.")
    if config.get("go_backwards", False):
        raise layer.error("runs backwards along time, which needs future frames: not causal", "Run it forwards.")
    for name, needed in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
        if config.get(name, needed) != needed:
            raise layer.error(f"uses {name}='{config[name]}'", f"Use '{needed}'.")
    builder.vector(layer, source)
    kernel, recurrent = layer.weight(0, rank=2), layer.weight(1, rank=2)
    units = kernel.shape[1] // gates
    if units > MAX_UNITS:
        raise layer.error(f"has {units} units; at most {MAX_UNITS} are supported", "Split it into several.")
    rows = gates * units
    if kernel.shape != (builder.channels(source), rows) or recurrent.shape != (units, rows) or units == 0:
        raise layer.error(f"has weights of shapes {kernel.shape} and {recurrent.shape}, which do not fit its input")
    bias = np.zeros((2, rows), np.float32)
    if config.get("use_bias", True):
        two = bool(config.get("reset_after", False))
        stored = layer.weight(2, rank=2 if two else 1)
        if stored.shape != ((2, rows) if two else (rows,)):
            raise layer.error(f"has a bias of shape {stored.shape} for {units} units")
        bias[: 2 if two else 1] = stored
    names = ("input_kernel", "recurrent_kernel", "input_bias", "recurrent_bias")
    return units, dict(zip(names, (kernel.T, recurrent.T, bias[0], bias[1]), strict=True))


def gate_rows(units: int, gates: int) -> tuple[slice, ...]:
    """Rows of each gate."""
    return tuple(slice(gate * units, (gate + 1) * units) for gate in range(gates))


def sigmoid(x: FloatArray) -> FloatArray:
    """Float32 logistic function; no overflow for any input."""
    result: FloatArray = np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.5) * x)
    return result


def addends(parameters: Parameters, part: str, rows: slice, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """``W values + b`` of some rows in Q3.12, limited to -16..16."""
    weights, bias = parameters[f"{part}_weights"][rows], parameters[f"{part}_bias"][rows]
    sums = weights.astype(np.int64) @ values + bias
    scaled = multiply_by_quantized_multiplier(
        sums, parameters[f"{part}_multiplier"][rows], parameters[f"{part}_shift"][rows]
    )
    return np.clip(scaled, _ADDEND_MIN, _ADDEND_MAX)


def input_addends(parameters: Parameters, value: Int8Array) -> NDArray[np.int64]:
    """:func:`addends` of an int8 input, all rows."""
    return addends(parameters, "input", slice(None), value.astype(np.int64) + parameters["input_offset"])


def _table(function: Any) -> NDArray[np.int16]:
    """Q15 values at -8, -8 + 1/16, ..., 8."""
    return clamp_s16(np.floor(function(np.arange(257) / 16.0 - 8.0) * 32768.0 + 0.5))


SIGMOID_TABLE = _table(lambda x: 1.0 / (1.0 + np.exp(-x)))
TANH_TABLE = _table(np.tanh)


def interpolate(table: NDArray[np.int16], value: NDArray[np.int64]) -> NDArray[np.int64]:
    """A table of 257 entries at Q3.12 inputs, saturated to int16, linear in between, rounded half up."""
    position = clamp_s16(value).astype(np.int64) + 32768
    index, fraction = position >> 8, position & 255
    low, high = table[index].astype(np.int64), table[index + 1].astype(np.int64)
    result: NDArray[np.int64] = low + (((high - low) * fraction + 128) >> 8)
    return result


def round_q15(product: NDArray[np.int64]) -> NDArray[np.int64]:
    """A product with a Q15 factor, brought back by 15 bits, rounded half up."""
    result: NDArray[np.int64] = (product + (1 << 14)) >> 15
    return result


def output(hidden: NDArray[np.int64]) -> Int8Array:
    """The int8 output of an int16 hidden state."""
    return clamp_s8((hidden + 128) >> 8)


def fields(parameters: Parameters, gates: str) -> dict[str, int | Constant]:
    """C fields of every recurrent layer; ``gates`` names their order."""
    columns = parameters["input_weights"].shape[1]
    result: dict[str, int | Constant] = {
        "cell.units": parameters["recurrent_weights"].shape[1],
        "cell.columns": columns,
    }
    for part, inner in (("input", "columns"), ("recurrent", "units")):
        layout = f"weights [{gates}][units][{inner}], symmetric per row"
        result[f"cell.{part}_weights"] = Constant("int8_t", parameters[f"{part}_weights"], f"{part} {layout}")
        result[f"cell.{part}_bias"] = Constant("int32_t", parameters[f"{part}_bias"], f"{part} bias")
        note = f"{part} requantization"
        result[f"cell.{part}_multiplier"] = Constant("int32_t", parameters[f"{part}_multiplier"], f"{note}, Q31")
        result[f"cell.{part}_shift"] = Constant("int8_t", parameters[f"{part}_shift"], f"{note}, left when positive")
    result["cell.sigmoid"] = Constant("int16_t", SIGMOID_TABLE, "sigmoid at -8, -8 + 1/16, ..., 8, Q15")
    result["cell.tanh"] = Constant("int16_t", TANH_TABLE, "tanh at -8, -8 + 1/16, ..., 8, Q15")
    result["cell.input_offset"] = int(parameters["input_offset"])
    return result


class Recurrent(Op):
    """Has ``input_kernel [gates * units, columns]``, ``recurrent_kernel [gates * units, units]`` and a bias each."""

    gates: ClassVar[int]
    arithmetic = "int8, state int16"

    def macs(self, node: Node) -> Macs:
        rows, columns = node.weights["input_kernel"].shape
        return Macs(rows, columns + rows // self.gates, 1)

    def fixed_quantization(self, node: Node, inputs: Sequence[Quantization]) -> Quantization:
        return OUTPUT

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        source = context.inputs[0]
        parameters: dict[str, Any] = {"input_offset": -source.zero_point}
        for part, scale in (("input", source.scale), ("recurrent", HIDDEN_SCALE)):
            kernel, bias = node.weights[f"{part}_kernel"], node.weights[f"{part}_bias"]
            weights, integer_bias, weight_scale = quantize_weights(kernel, bias, scale)
            multiplier, shift = quantize_multipliers(scale * weight_scale / PREACTIVATION_SCALE)
            parameters[f"{part}_weights"], parameters[f"{part}_bias"] = weights, integer_bias
            parameters[f"{part}_multiplier"], parameters[f"{part}_shift"] = multiplier, shift
        return parameters
