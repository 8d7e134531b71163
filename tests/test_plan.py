"""Memory and MACs of a plan: no two buffers meet, sizes are those of the C compiler."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
import subprocess

import numpy as np
import pytest
from conftest import UNSHRUNK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from native import WARNINGS, write_project
from networks import JITTERS, Jitter, Network, gated_graphs, random_quantization, static_graphs

from slimse_mcu.board import board
from slimse_mcu.emit import emit
from slimse_mcu.errors import PlanError
from slimse_mcu.graph import Graph
from slimse_mcu.ops.op import Constant
from slimse_mcu.plan import ALIGNMENT_BYTES, Plan, plan
from slimse_mcu.streaming import count_macs, gate_layout

RELAXED = settings(max_examples=120, suppress_health_check=list(HealthCheck))
GRAPHS = st.one_of(gated_graphs(), static_graphs())


def planned(graph: Graph, **options) -> Plan:
    return plan(random_quantization(graph, Jitter(0, 0.0)), **options)


def dyncp_block(channels: int = 8, hidden: int = 20) -> Graph:
    network = Network(channels, seed=4)
    gate = network.decide(network.input, hidden, 5)
    x = network.close(network.dense(network.input, hidden, "relu", name="expand"), gate)
    x = network.close(network.depthwise(x, 3, 2, activation="relu"), gate)
    return network.graph(network.combine("Add", network.input, network.dense(x, channels, name="project")))


@RELAXED
@given(GRAPHS, st.booleans())
def test_buffers_alive_together_never_overlap(drawn, instrumented):
    result = planned(drawn.graph, instrumented=instrumented)
    for pool, elements, size in (
        (result.arena, result.arena_bytes, 1),
        (result.lists, result.list_elements, 2),
    ):
        for buffer in pool:
            assert buffer.offset * size % ALIGNMENT_BYTES == 0
            assert buffer.offset + buffer.elements <= elements
        for one, other in itertools.combinations(pool, 2):
            if instrumented or (one.first <= other.last and other.first <= one.last):
                assert one.offset + one.elements <= other.offset or other.offset + other.elements <= one.offset


@RELAXED
@given(GRAPHS)
def test_buffers_live_from_their_writer_to_their_last_reader(drawn):
    graph = drawn.graph
    result = planned(graph)
    lives = {buffer.name: (buffer.first, buffer.last) for buffer in (*result.arena, *result.lists)}
    for index, node in enumerate(graph.nodes):
        for name in (*node.inputs, node.row_gate, node.column_gate):
            if name in lives:
                assert lives[name][0] < index <= lives[name][1]
        if node.output in lives:
            assert lives[node.output][0] == index


def test_chain_takes_the_room_of_two_neighbours():
    network = Network(4)
    x = network.input
    for units in (64, 8, 48, 16, 40, 4):
        x = network.dense(x, units)
    assert planned(network.graph(x)).arena_bytes == 64 + 8


def test_model_without_intermediate_tensors_needs_no_arena():
    network = Network(4)
    assert planned(network.graph(network.dense(network.input, 3))).arena_bytes == 0


def test_macs_of_a_block_by_hand():
    result = planned(dyncp_block(8, 20))
    subnet = 8 * 5 + 5 * 20
    assert result.macs_all_open == subnet + 8 * 20 + 3 * 20 + 20 * 8
    assert result.macs_all_closed == subnet
    one = gate_layout(result.quantized.graph).pack({next(iter(result.quantized.graph.gates)): np.arange(20) == 7})
    assert result.count(one) == subnet + 8 + 3 + 8


def test_strided_layer_counts_in_its_frames_only():
    network = Network(4)
    slow = network.conv(network.input, 6, 3, stride=2)
    graph = network.graph(network.dense(slow, 5))
    gates = np.zeros((5, 1), np.uint8)
    assert count_macs(graph, gates).tolist() == [102, 0, 102, 0, 102]
    assert planned(graph).macs_all_open == 102


@pytest.mark.parametrize(("field", "what"), [("flash_bytes", "flash"), ("ram_bytes", "RAM")])
def test_board_too_small_says_by_how_much(field, what):
    quantized = random_quantization(dyncp_block(), Jitter(0, 0.0))
    needed = plan(quantized, board("virtual-m4"))
    size = needed.weight_bytes if what == "flash" else needed.model_bytes
    small = dataclasses.replace(board("virtual-m4"), **{field: size - 3})
    with pytest.raises(PlanError, match=f"needs {size} bytes of {what} .*, 3 more than"):
        plan(quantized, small)
    assert plan(quantized, dataclasses.replace(small, **{field: size})).model_bytes == needed.model_bytes


# ---- against the compilers ---------------------------------------------------------------------------------------

COMPILERS = {"host": ["gcc"], "virtual-m4": ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb"]}


def size_assertions(result: Plan) -> str:
    """C that compiles only where every planned size and offset is the compiler's."""
    checks = {
        "sizeof(model_state_t)": result.state_bytes,
        "sizeof(model_t)": result.model_bytes,
        "sizeof(((model_t *)0)->gates)": result.gates.size,
    }
    checks.update({f"offsetof(model_state_t, {member.name})": member.offset for member in result.state})
    checks.update({f"sizeof(((model_state_t *)0)->{member.name})": member.bytes for member in result.state})
    arrays = [
        f"(sizeof(model_{step.node.name}{call.suffix}_{key.rpartition('.')[2]}) + 3U) / 4U * 4U"
        for step in result.steps
        for call in step.calls
        for key, value in call.fields.items()
        if isinstance(value, Constant)
    ]
    checks[" + ".join(["0U", *arrays])] = result.weight_bytes
    lines = [f'_Static_assert({expression} == {value}U, "{expression[:60]}");' for expression, value in checks.items()]
    return "\n".join(['#include "model.h"', '#include "model_weights.h"', *lines, ""])


def sizes_agree(result: Plan, folder, compiler: list[str]) -> None:
    write_project(emit(result), folder)
    (folder / "sizes.c").write_text(size_assertions(result))
    includes = [f"-I{folder}", f"-I{folder}/dsp", f"-I{folder}/kernels"]
    command = [*compiler, *WARNINGS, *includes, "-fsyntax-only", str(folder / "sizes.c")]
    subprocess.run(command, check=True)


@settings(RELAXED, max_examples=12, phases=UNSHRUNK)
@given(GRAPHS, JITTERS, st.booleans(), st.sampled_from(sorted(COMPILERS)))
def test_planned_sizes_are_those_of_the_compiler(tmp_path_factory, drawn, jitter, instrumented, name):
    if shutil.which(COMPILERS[name][0]) is None:
        pytest.skip(f"{COMPILERS[name][0]} is missing")
    folder = tmp_path_factory.getbasetemp() / "sizes"
    folder.mkdir(exist_ok=True)
    quantized = random_quantization(drawn.graph, jitter)
    sizes_agree(plan(quantized, board(name), instrumented=instrumented), folder, COMPILERS[name])


@pytest.mark.parametrize("name", sorted(COMPILERS))
def test_planned_sizes_of_a_model_with_audio(tmp_path, tiny_compiled, name):
    if shutil.which(COMPILERS[name][0]) is None:
        pytest.skip(f"{COMPILERS[name][0]} is missing")
    sizes_agree(plan(tiny_compiled.quantized, board(name)), tmp_path, COMPILERS[name])
