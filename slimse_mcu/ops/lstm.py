"""Long short-term memory along time or frequency; arithmetic: ``recurrent.py``.

    i, f, o = sigmoid(W x + U h + b)    g = tanh(Wg x + Ug h + bg)
    c = f * c + i * g                   h = o * tanh(c)

The cell state c is int16 Q4.11: -16 to 16, saturated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.ops import recurrent, recurrent_layers
from slimse_mcu.ops.arithmetic import clamp_s16
from slimse_mcu.ops.op import FloatArray, Import, Parameters
from slimse_mcu.ops.recurrent import (
    SIGMOID_TABLE,
    TANH_TABLE,
    IntArray,
    Recurrent,
    gate_input,
    interpolate,
    products,
    round_q15,
    sigmoid,
    sums,
)

_GATES = 4
#: Products of two Q15 gates are brought to the cell's Q4.11.
_PRODUCT_SHIFT = 19
_EVERY = slice(None)


class Lstm(Recurrent):
    """Rows in Keras's order: input, forget, candidate, output.  The state holds h, then c."""

    name = "lstm"
    gates = _GATES
    states = 2
    gate_names = "input, forget, candidate, output"
    imports = (
        Import(
            ("LSTM",),
            recurrent_layers.read,
            "along time; return_sequences, tanh and sigmoid, at most 256 units; states int16",
        ),
        Import(
            ("TimeDistributed(LSTM)",),
            recurrent_layers.read_along_frequency("lstm"),
            "along frequency, within a frame; otherwise as LSTM",
        ),
    )

    def hidden_scale(self, node: Node) -> NDArray[np.float64]:
        units = node.weights["recurrent_kernel"].shape[2]
        return np.tile(np.repeat([2.0**-15, 2.0**-11], units), node.attributes["positions"])

    def cell_scratch(self, node: Node) -> int:
        return int(node.weights["recurrent_kernel"].shape[2])

    def advance(self, node: Node, projected: FloatArray, state: FloatArray) -> FloatArray:
        h, c = np.split(state, 2, axis=2)
        x = projected + products(node.weights, "recurrent", "kernel", _EVERY, h)
        enter, forget, candidate, leave = recurrent.gate_rows(h.shape[2], _GATES)
        c = sigmoid(x[..., forget]) * c + sigmoid(x[..., enter]) * np.tanh(x[..., candidate])
        return np.concatenate([sigmoid(x[..., leave]) * np.tanh(c), c], axis=2)

    def advance_s8(self, node: Node, parameters: Parameters, from_input: IntArray, state: IntArray) -> IntArray:
        h, c = np.split(state, 2, axis=2)
        x = gate_input(parameters, _EVERY, from_input, sums(parameters, "recurrent", _EVERY, h))
        enter, forget, candidate, leave = recurrent.gate_rows(h.shape[2], _GATES)
        kept = round_q15(interpolate(SIGMOID_TABLE, x[..., forget]) * c)
        entering = interpolate(SIGMOID_TABLE, x[..., enter]) * interpolate(TANH_TABLE, x[..., candidate])
        c = clamp_s16(kept + ((entering + (1 << (_PRODUCT_SHIFT - 1))) >> _PRODUCT_SHIFT)).astype(np.int64)
        h = round_q15(interpolate(SIGMOID_TABLE, x[..., leave]) * interpolate(TANH_TABLE, 2 * c))
        return np.concatenate([h, c], axis=2)


OP = Lstm()
