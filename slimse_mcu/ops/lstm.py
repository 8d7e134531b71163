"""Long short-term memory along time, its states carried on from frame to frame; arithmetic: ``recurrent.py``.

    i, f, o = sigmoid(W x + U h + b)    g = tanh(Wg x + Ug h + bg)
    c = f * c + i * g                   h = o * tanh(c)

The cell state c is int16 Q4.11: -16 to 16, saturated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.ops import recurrent
from slimse_mcu.ops.arithmetic import clamp_s16
from slimse_mcu.ops.op import (
    FloatArray,
    Hidden,
    Import,
    Int8Array,
    KernelCall,
    Memories,
    Parameters,
)
from slimse_mcu.ops.recurrent import SIGMOID_TABLE, TANH_TABLE, Recurrent, addends, interpolate, round_q15, sigmoid

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

_GATES = 4
#: Products of two Q15 gates are brought to the cell's Q4.11.
_PRODUCT_SHIFT = 19


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    units, weights = recurrent.read_cell(layer, inputs[0], builder, _GATES)
    return builder.add(layer, "lstm", inputs, channels=units, weights=weights, hidden=2 * units)


class Lstm(Recurrent):
    """Weights ``input_kernel [4 * units, columns]``, ``recurrent_kernel [4 * units, units]`` and a bias each.

    The gates stand in Keras's order: input, forget, candidate, output.  The state holds h, then c.
    """

    name = "lstm"
    gates = _GATES
    imports = (Import(("LSTM",), _read, "return_sequences, tanh and sigmoid, at most 256 units; states int16"),)

    def hidden_scale(self, node: Node) -> NDArray[np.float64]:
        return np.repeat([1.0 / 32768.0, 1.0 / 2048.0], node.weights["recurrent_kernel"].shape[1])

    def scratch_elements(self, node: Node) -> int:
        return int(node.weights["recurrent_kernel"].shape[1])

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        (hidden,) = memories
        assert isinstance(hidden, Hidden), "a recurrent layer has a hidden state"
        weights = node.weights
        h, c = np.split(hidden.value, 2)
        x = weights["input_kernel"] @ inputs[0] + weights["input_bias"]
        x = x + weights["recurrent_kernel"] @ h + weights["recurrent_bias"]
        enter, forget, candidate, leave = recurrent.gate_rows(h.size, _GATES)
        c = sigmoid(x[forget]) * c + sigmoid(x[enter]) * np.tanh(x[candidate])
        h = np.asarray(sigmoid(x[leave]) * np.tanh(c), np.float32)
        hidden.value = np.concatenate([h, c]).astype(np.float32)
        return h

    def step_s8(self, node: Node, parameters: Parameters, inputs: Sequence[Int8Array], memories: Memories) -> Int8Array:
        (hidden,) = memories
        assert isinstance(hidden, Hidden), "a recurrent layer has a hidden state"
        h, c = np.split(hidden.value.astype(np.int64), 2)
        x = recurrent.input_addends(parameters, inputs[0]) + addends(parameters, "recurrent", slice(None), h)
        enter, forget, candidate, leave = recurrent.gate_rows(h.size, _GATES)
        kept = round_q15(interpolate(SIGMOID_TABLE, x[forget]) * c)
        entering = interpolate(SIGMOID_TABLE, x[enter]) * interpolate(TANH_TABLE, x[candidate])
        c = clamp_s16(kept + ((entering + (1 << (_PRODUCT_SHIFT - 1))) >> _PRODUCT_SHIFT)).astype(np.int64)
        h = round_q15(interpolate(SIGMOID_TABLE, x[leave]) * interpolate(TANH_TABLE, 2 * c))
        hidden.value = np.concatenate([h, c]).astype(np.int16)
        return recurrent.output(h)

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        fields = recurrent.fields(parameters, "input, forget, candidate, output")
        arguments = ("input0", "hidden", "scratch", "output")
        return (KernelCall("slimse_lstm_s8", fields, arguments, counts_macs=True),)

    def describe(self, node: Node) -> str:
        rows, columns = node.weights["input_kernel"].shape
        return f"lstm {columns} -> {rows // _GATES}"


OP = Lstm()
