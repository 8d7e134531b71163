"""Recurrent kernels alone against their operators' specifications: every gate, walk and direction, the whole range."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kernels.machines import Machine
from kernels.test_kernels import CANARY, SEEDS, THOROUGH, pytestmark
from slimse_mcu import assets
from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import Component, Node, Part, Quantization
from slimse_mcu.ops import operators
from slimse_mcu.ops.op import Hidden, Memories, QuantizeContext
from slimse_mcu.ops.recurrent import SIGMOID_TABLE, TANH_TABLE

__all__ = ["pytestmark"]

#: Operator, gates, elements of state per unit, attributes.
CELLS = {
    "gru": ("gru", 3, 1, {"reset_after": True}),
    "gru_before": ("gru", 3, 1, {"reset_after": False}),
    "lstm": ("lstm", 4, 2, {"reset_after": False}),
}


def recurrent_node(
    rng: np.random.Generator, kind: str, shape: tuple[int, int, int, int], along: str, directions: int, *, gated: bool
) -> Node:
    """A layer of ``(groups, columns, units, positions)`` whose rows differ in size by orders of magnitude."""
    op, gates, _, attributes = CELLS[kind]
    groups, columns, units, positions = shape
    cells, rows = groups * directions, gates * units
    weights: dict[str, NDArray[np.float32]] = {}
    for part, inner in (("input", columns), ("recurrent", units)):
        sizes = 10.0 ** rng.uniform(-3, rng.choice([-1, 0, 1]), (cells, rows))
        weights[f"{part}_kernel"] = (rng.normal(0, 1, (cells, rows, inner)) * sizes[..., None]).astype(np.float32)
        weights[f"{part}_bias"] = (rng.normal(0, 3, (cells, rows)) * sizes).astype(np.float32)
    parts = tuple(Part(units * directions, Component("policy", group)) for group in range(groups)) if gated else ()
    attributes = {
        **attributes, "along": along, "directions": directions, "positions": positions, "channels": cells * units,
    }  # fmt: skip
    return Node(op, op, ("in0",), op, attributes, weights, parts=parts)


def run_calls(
    library: Machine, node: Node, parameters: dict[str, Any], values: NDArray[Any], hidden: NDArray[np.int16]
) -> tuple[NDArray[Any], int]:
    """Carry a node's calls out; the output and the MACs.  ``hidden`` is changed in place."""
    operator, size = operators()[node.op], node.attributes["positions"] * node.attributes["channels"]
    output = np.full(size + 8, CANARY, values.dtype)
    calls = library.calls(node, parameters)
    room = max([operator.scratch_elements(node), *(call.scratch for call in calls)])
    scratch = np.full(room + 8, CANARY, np.int16)
    state = np.concatenate([hidden, np.full(8, CANARY, np.int16)])
    memory = {"input0": values, "hidden": state, "scratch": scratch, "output": output}
    macs = 0
    for call in calls:
        frame = library.frame()
        arguments: list[int | None] = [frame.constants(call)]
        for name, first in ((one, 0) if isinstance(one, str) else one for one in call.arguments):
            array = memory[name]
            start = frame.pointer(array) if name == "scratch" else frame.tensor(array)
            arguments.append(start + first * array.itemsize)
        macs += frame.call(call.function, arguments)
    for name, end in (("output", size), ("scratch", room), ("hidden", len(hidden))):
        assert np.all(memory[name][end:] == CANARY), f"wrote behind its {name}"
    hidden[:] = state[: len(hidden)]
    return output[:size], macs


SMALL = st.one_of(st.integers(1, 9), st.sampled_from([16, 17, 33]))


@THOROUGH
@given(
    seed=SEEDS,
    kind=st.sampled_from(sorted(CELLS)),
    groups=st.integers(1, 3),
    columns=SMALL,
    units=SMALL,
    positions=st.integers(1, 5),
    walk=st.sampled_from([("time", 1), ("frequency", 1), ("frequency", 2)]),
    gated=st.booleans(),
    scale=st.floats(-3, 3).map(lambda power: 10.0**power),
    bits=st.sampled_from([8, 16]),
)
def test_every_walk_equals_the_specification(
    library, seed, kind, groups, columns, units, positions, walk, gated, scale, bits
):
    rng = np.random.default_rng(seed)
    along, directions = walk
    node = recurrent_node(rng, kind, (groups, columns, units, positions), along, directions, gated=gated)
    operator, states = operators()[node.op], CELLS[kind][2]
    source = Quantization(scale, int(rng.integers(-128, 128))) if bits == 8 else Quantization(scale / 256, 0, bits=16)
    output_scale = 2.0 ** -int(rng.integers(0, bits))
    try:
        parameters = operator.quantize(node, QuantizeContext([source], Quantization(output_scale, 0, bits=bits)))
    except QuantizeError:
        assume(False)
    values = rng.integers(source.lowest, source.highest + 1, positions * groups * columns).astype(source.dtype)
    kept = groups * positions * units * states if along == "time" else 0
    hidden = rng.integers(-32768, 32768, kept).astype(np.int16)
    memories: Memories = ()
    if kept:
        memories = (Hidden(kept, np.int16),)
        memories[0].value = hidden.copy()
    expected = operator.step_integer(node, parameters, [values], memories)
    output, macs = run_calls(library, node, parameters, values, hidden)
    np.testing.assert_array_equal(output, expected)
    if memories:
        np.testing.assert_array_equal(hidden, memories[0].value)
    rows = CELLS[kind][1] * units
    assert macs == operator.macs(node).all_open == positions * directions * groups * rows * (columns + units)


@pytest.mark.parametrize(("name", "table"), [("sigmoid", SIGMOID_TABLE), ("tanh", TANH_TABLE)])
def test_curves_of_the_runtime_are_those_of_the_specification(name, table):
    text = assets.read_text("firmware/kernels/slimse_curves.h")
    body = re.search(rf"slimse_{name}_q15\[257\] = {{([^}}]*)}}", text)
    assert body is not None
    assert [int(value) for value in body[1].split(",") if value.strip()] == table.tolist()
