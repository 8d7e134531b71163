"""Gated recurrent units along time or frequency, in groups or as one; arithmetic: ``recurrent.py``.

z = sigmoid(Wz x + Uz h + bz)    r = sigmoid(Wr x + Ur h + br)
c = tanh(Wc x + r * (Uc h + uc) + bc)    (reset_after)
c = tanh(Wc x + Uc (r * h) + bc)         (not reset_after)
h = c + z * (h - c)

In int8 a reset behind the product scales its accumulator.  Groups: dynamically slimmable networks, arXiv 2510.11395.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.ops import parts, recurrent, recurrent_layers
from slimse_mcu.ops.op import Constant, FloatArray, Import, Parameters
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
from slimse_mcu.ops.recurrent_layers import FREQUENCY, TIME, Cells

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

_GATES = 3


def _read_grouped(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    """Import of ``slimse_mcu.models.GroupedGRU``."""
    config, source = layer.config, inputs[0]
    groups, along = int(config.get("groups", 1)), config.get("axis", TIME)
    directions = 2 if config.get("bidirectional", False) else 1
    policy = parts.read_policy(layer, inputs, builder)
    if along not in (TIME, FREQUENCY):
        raise layer.error(f"has axis='{along}'", f"Choose '{TIME}' or '{FREQUENCY}'.")
    if along == TIME and directions > 1:
        raise layer.error("runs backwards along time, which needs future frames: not causal", "Run it forwards.")
    if along == FREQUENCY and len(builder.shape(source)) != 2:
        raise layer.error("reads a tensor without a frequency axis", "Give it (batch, time, frequency, channels).")
    cells = _grouped_cells(layer, groups, directions, builder.channels(source))
    members = parts.read_parts(layer, policy, builder, cells.count * cells.units)
    dynamic = [part for part in members if part.component is not None]
    if along == FREQUENCY and any(part.on_skip == "hold" for part in dynamic):
        raise layer.error("holds along frequency, where it keeps no state between frames", "Use 'zero' or 'bypass'.")
    width = cells.units * directions
    if any(part.on_skip == "bypass" for part in dynamic) and builder.channels(source) != groups * width:
        raise layer.error(
            f"bypasses groups of {builder.channels(source) // groups} channels in and {width} out",
            "Make both the same, or choose another on_skip.",
        )
    return recurrent_layers.add_cells(
        layer, source, builder, cells, along=along, directions=directions, parts=members if dynamic else ()
    )


def _grouped_cells(layer: KerasLayer, groups: int, directions: int, channels: int) -> Cells:
    """Weights ``[directions, groups, ...]`` as cells, group by group."""
    kernel, recurrent_kernel = layer.weight(0, rank=4), layer.weight(1, rank=4)
    units, reset_after = recurrent_kernel.shape[2], bool(layer.config.get("reset_after", True))
    front, rows = (directions, groups), _GATES * units
    expected = [(*front, channels // max(1, groups), rows), (*front, units, rows)]
    arrays = [kernel, recurrent_kernel]
    if layer.config.get("use_bias", True):
        expected.append((*front, 2 if reset_after else 1, rows))
        arrays.append(layer.weight(2, rank=4))
    found = [array.shape for array in arrays]
    if found != expected or channels % groups:
        raise layer.error(f"has weights of shapes {found} for {groups} groups of {channels} channels in all")
    if len(arrays) == 2:
        arrays.append(np.zeros((*front, 1, rows), np.float32))
    by_cell = (array.swapaxes(0, 1).reshape(-1, *array.shape[2:]) for array in arrays)
    return recurrent_layers.cells_of("gru", _GATES, *by_cell, reset_after=reset_after)


class Gru(Recurrent):
    """Rows in Keras's order: update, reset, candidate."""

    name = "gru"
    gates = _GATES
    states = 1
    gate_names = "update, reset, candidate"
    imports = (
        Import(
            ("GRU",),
            recurrent_layers.read,
            "along time; return_sequences, tanh and sigmoid, reset_after either way, at most 256 units; state int16",
        ),
        Import(
            ("TimeDistributed(GRU)",),
            recurrent_layers.read_along_frequency("gru"),
            "along frequency, within a frame; otherwise as GRU",
        ),
        Import(
            ("TimeDistributed(Bidirectional)",),
            recurrent_layers.read_bidirectional,
            "of GRU or LSTM, merge_mode concat: along frequency, within a frame",
        ),
        Import(
            ("slimse>GroupedGRU",),
            _read_grouped,
            "called on a tensor or [tensor, policy]; along time (on_skip hold, zero, bypass) or along frequency, there "
            "bidirectional too (on_skip zero, bypass); at most 256 units a group; state int16",
            reads_gates=True,
        ),
    )

    def cell_scratch(self, node: Node) -> int:
        return (1 if node.attributes["reset_after"] else 2) * node.weights["recurrent_kernel"].shape[2]

    def kernel_fields(self, node: Node) -> dict[str, int | Constant]:
        return {"reset_after": int(node.attributes["reset_after"])}

    def advance(self, node: Node, projected: FloatArray, state: FloatArray) -> FloatArray:
        update, reset, candidate = recurrent.gate_rows(state.shape[2], _GATES)

        def again(rows: slice, h: FloatArray) -> FloatArray:
            product: FloatArray = products(node.weights, "recurrent", "kernel", rows, h)
            return product

        z = sigmoid(projected[..., update] + again(update, state))
        r = sigmoid(projected[..., reset] + again(reset, state))
        inner = r * again(candidate, state) if node.attributes["reset_after"] else again(candidate, r * state)
        c = np.tanh(projected[..., candidate] + inner)
        blended: FloatArray = c + z * (state - c)
        return blended

    def advance_s8(self, node: Node, parameters: Parameters, from_input: IntArray, state: IntArray) -> IntArray:
        update, reset, candidate = recurrent.gate_rows(state.shape[2], _GATES)

        def value(table: NDArray[np.int16], rows: slice, from_hidden: IntArray) -> IntArray:
            return interpolate(table, gate_input(parameters, rows, from_input[..., rows], from_hidden))

        z = value(SIGMOID_TABLE, update, sums(parameters, "recurrent", update, state))
        r = value(SIGMOID_TABLE, reset, sums(parameters, "recurrent", reset, state))
        if node.attributes["reset_after"]:
            inner = round_q15(r * sums(parameters, "recurrent", candidate, state))
        else:
            inner = sums(parameters, "recurrent", candidate, round_q15(r * state))
        c = value(TANH_TABLE, candidate, inner)
        return c + round_q15(z * (state - c))


OP = Gru()
