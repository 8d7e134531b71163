"""Gated recurrent unit along time, its state carried on from frame to frame; arithmetic: ``recurrent.py``.

z = sigmoid(Wz x + Uz h + bz)    r = sigmoid(Wr x + Ur h + br)
c = tanh(Wc x + r * (Uc h + uc) + bc)    (reset_after)
c = tanh(Wc x + Uc (r * h) + bc)         (not reset_after)
h = c + z * (h - c)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.ops import recurrent
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

_GATES = 3


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    units, weights = recurrent.read_cell(layer, inputs[0], builder, _GATES)
    attributes = {"reset_after": bool(layer.config.get("reset_after", False))}
    return builder.add(layer, "gru", inputs, channels=units, weights=weights, attributes=attributes, hidden=units)


class Gru(Recurrent):
    """Weights ``input_kernel [3 * units, columns]``, ``recurrent_kernel [3 * units, units]`` and a bias each.

    The gates stand in Keras's order: update, reset, candidate.
    """

    name = "gru"
    gates = _GATES
    imports = (
        Import(
            ("GRU",),
            _read,
            "return_sequences, tanh and sigmoid, reset_after either way, at most 256 units; state int16",
        ),
    )

    def scratch_elements(self, node: Node) -> int:
        return 2 * node.weights["recurrent_kernel"].shape[1]

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        (hidden,) = memories
        assert isinstance(hidden, Hidden), "a recurrent layer has a hidden state"
        weights, h = node.weights, hidden.value
        update, reset, candidate = recurrent.gate_rows(h.size, _GATES)
        x = weights["input_kernel"] @ inputs[0] + weights["input_bias"]
        kernel, bias = weights["recurrent_kernel"], weights["recurrent_bias"]
        z = sigmoid(x[update] + kernel[update] @ h + bias[update])
        r = sigmoid(x[reset] + kernel[reset] @ h + bias[reset])
        if node.attributes["reset_after"]:
            c = np.tanh(x[candidate] + r * (kernel[candidate] @ h + bias[candidate]))
        else:
            c = np.tanh(x[candidate] + kernel[candidate] @ (r * h))
        hidden.value = (c + z * (h - c)).astype(np.float32)
        return hidden.value

    def step_s8(self, node: Node, parameters: Parameters, inputs: Sequence[Int8Array], memories: Memories) -> Int8Array:
        (hidden,) = memories
        assert isinstance(hidden, Hidden), "a recurrent layer has a hidden state"
        h = hidden.value.astype(np.int64)
        update, reset, candidate = recurrent.gate_rows(h.size, _GATES)
        x = recurrent.input_addends(parameters, inputs[0])
        z = interpolate(SIGMOID_TABLE, x[update] + addends(parameters, "recurrent", update, h))
        r = interpolate(SIGMOID_TABLE, x[reset] + addends(parameters, "recurrent", reset, h))
        if node.attributes["reset_after"]:
            again = round_q15(r * addends(parameters, "recurrent", candidate, h))
        else:
            again = addends(parameters, "recurrent", candidate, round_q15(r * h))
        c = interpolate(TANH_TABLE, x[candidate] + again)
        h = c + round_q15(z * (h - c))
        hidden.value = h.astype(np.int16)
        return recurrent.output(h)

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        fields = recurrent.fields(parameters, "update, reset, candidate")
        fields["reset_after"] = int(node.attributes["reset_after"])
        arguments = ("input0", "hidden", "scratch", "output")
        return (KernelCall("slimse_gru_s8", fields, arguments, counts_macs=True),)

    def describe(self, node: Node) -> str:
        rows, columns = node.weights["input_kernel"].shape
        order = "after" if node.attributes["reset_after"] else "before"
        return f"gru {columns} -> {rows // _GATES}, reset {order}"


OP = Gru()
