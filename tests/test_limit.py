"""A limit on open channels and components: C and specification agree, and no frame costs more than was told."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import replace

import numpy as np
import pytest
from conftest import UNSHRUNK
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import JITTERS, Jitter, Network, gated_graphs, quantized_features, random_quantization
from test_component_gates import graph_of, layered, slimmable_graphs

from slimse_mcu import worst_case
from slimse_mcu.emit import emit
from slimse_mcu.graph import ORDER, QuantizedGraph
from slimse_mcu.limit import Limit
from slimse_mcu.plan import plan
from slimse_mcu.quantize import quantize
from slimse_mcu.streaming import Stream, count_macs, gate_layout, layer_macs, run_float, run_int8
from slimse_mcu.worst_case import limit_table, worst_macs

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")
FRAMES = 16


def shuffled(quantized: QuantizedGraph, seed: int) -> QuantizedGraph:
    """The network with other orders than that of the channels."""
    rng = np.random.default_rng(seed)
    parameters = dict(quantized.parameters)
    for node in quantized.graph.nodes:
        if node.output in quantized.graph.gates:
            gate = quantized.graph.gates[node.output]
            order = rng.permutation(gate.channels // gate.group).astype(np.uint16)
            parameters[node.name] = {**parameters[node.name], ORDER: order}
    return replace(quantized, parameters=parameters)


@needs_gcc
@settings(max_examples=30, phases=UNSHRUNK)
@given(st.one_of(gated_graphs(), slimmable_graphs()), JITTERS, st.booleans(), st.integers(0, 2**31))
def test_c_obeys_limits_that_change_like_the_specification(build, drawn, jitter, instrumented, seed):
    quantized = shuffled(random_quantization(drawn.graph, jitter), seed)
    native = build(plan(quantized, instrumented=instrumented))
    features = quantized_features(quantized, FRAMES, seed)
    limits = np.random.default_rng(seed).choice([0, 1, 2, 5, 0xFFFF], FRAMES).astype(np.uint16)
    found = native.run(features, limits=limits)
    stream = Stream.integer(quantized)
    layout = gate_layout(drawn.graph)
    for index, most in enumerate(limits.tolist()):
        stream.limit(Limit.of(quantized, most))
        trace = stream.run(features[index : index + 1])
        np.testing.assert_array_equal(found.output[index], trace.output[0])
        np.testing.assert_array_equal(found.gates[index, : layout.size], trace.gates[0])
        # A layer that does not run in every frame keeps its decision, which an earlier limit may have let pass.
        assert found.macs[index] == trace.macs[0] <= worst_macs(drawn.graph, int(limits[: index + 1].max()))


@settings(max_examples=60, phases=UNSHRUNK)
@given(st.one_of(gated_graphs(), slimmable_graphs()), st.integers(0, 12), st.integers(0, 2**31))
def test_no_choice_costs_more_than_the_worst_case(drawn, most, seed):
    """No choice of so many costs more."""
    graph = drawn.graph
    layout, rng = gate_layout(graph), np.random.default_rng(seed)
    bits = {}
    for name, gate in graph.gates.items():
        ranks = rng.random((300, gate.channels // gate.group)).argsort(axis=1).argsort(axis=1)
        bits[name] = np.repeat(ranks < most // gate.group, gate.group, axis=1)
    opened = layout.opened(layout.pack(bits) if bits else np.zeros((300, layout.size), np.uint8))
    macs = sum((one.count(opened) for one in layer_macs(graph).values()), np.zeros(300, np.int64))
    assert macs.max() <= worst_macs(graph, most) <= worst_macs(graph)
    assert worst_macs(graph) == count_macs(graph, layout.constant(True)[None])[0]


def test_the_worst_case_of_a_policy_is_exact_and_its_bound_is_near(monkeypatch):
    graph = graph_of(layered("zero"))
    exact = {}
    for most in range(4):
        chosen = [np.isin(np.arange(3), one) for one in itertools.combinations(range(3), most)]
        packed = gate_layout(graph).pack({"policy_1": np.array(chosen)})
        exact[most] = max(int(count_macs(graph, one[None])[0]) for one in packed)
        assert worst_macs(graph, most) == exact[most]
    monkeypatch.setattr(worst_case, "_MOST_CASES", 0)
    for most, macs in exact.items():
        assert macs <= worst_macs(graph, most) <= exact[3]
    assert worst_macs(graph, 0) == exact[0]
    assert worst_macs(graph, 3) == worst_macs(graph) == exact[3]


def block(seed: int = 0) -> Network:
    """A block of dynamic channel pruning."""
    network = Network(8, seed)
    gate = network.decide(network.input, 12, 4)
    hidden = network.close(network.dense(network.input, 12, "relu"), gate)
    network.output = network.dense(hidden, 8)
    return network


def test_calibration_says_which_channels_stay():
    graph = graph_of(block())
    features = np.random.default_rng(0).normal(0, 1, (200, 8)).astype(np.float32)
    quantized = quantize(graph, [features])
    (gate,) = graph.gates
    opened = gate_layout(graph).unpack(run_float(graph, features).gates, gate).sum(axis=0)
    order = Limit.of(quantized, 3).orders[gate]
    assert sorted(order.tolist()) == list(range(12))
    assert (np.diff(opened[order]) <= 0).all()
    assert len(set(opened.tolist())) > 2, "the test tells orders apart"


def test_without_calibration_the_order_is_that_of_the_channels():
    quantized = random_quantization(graph_of(block()), Jitter(0, 0.0))
    (order,) = Limit.of(quantized, 3).orders.values()
    assert order.tolist() == list(range(12))


def test_a_limit_closes_and_never_opens():
    graph = graph_of(block())
    quantized = random_quantization(graph, Jitter(0, 0.0))
    features = quantized_features(quantized, 60, 1)
    free = run_int8(quantized, features)
    layout, (gate,) = gate_layout(graph), graph.gates
    wanted = layout.unpack(free.gates, gate)
    assert wanted.sum(axis=1).max() > 3
    for most in (0, 3, 12, 0xFFFF):
        limited = run_int8(quantized, features, limit=Limit.of(quantized, most))
        opened = layout.unpack(limited.gates, gate)
        assert not (opened & ~wanted).any(), "this gate's input does not depend on what it closes"
        np.testing.assert_array_equal(opened.sum(axis=1), np.minimum(wanted.sum(axis=1), most))
    np.testing.assert_array_equal(limited.output, free.output)


def test_forced_gates_are_not_limited():
    graph = graph_of(block())
    quantized = random_quantization(graph, Jitter(0, 0.0))
    features = quantized_features(quantized, 5, 1)
    opened = gate_layout(graph).constant(True)
    run = run_int8(quantized, features, forced=opened, limit=Limit.of(quantized, 1))
    np.testing.assert_array_equal(run.gates, np.repeat(opened[None], 5, 0))


def test_the_header_and_the_manifest_tell_what_a_limit_saves():
    graph = graph_of(block())
    project = emit(plan(random_quantization(graph, Jitter(0, 0.0))))
    table = limit_table(graph)
    assert [row["most"] for row in table] == [0, 1, 3, 4, 6, 7, 9, 10, 12]
    assert [row["macs"] for row in table] == [worst_macs(graph, row["most"]) for row in table]
    assert sorted(row["macs"] for row in table) == [row["macs"] for row in table]
    assert project.manifest["limits"] == table
    for row in table:
        assert f"{row['most']}: {row['macs']} MACs per frame at most" in project.files["model.h"]


def test_a_model_without_gates_says_that_nothing_is_limited():
    network = Network(4, 0)
    graph = network.graph(network.dense(network.input, 4))
    project = emit(plan(random_quantization(graph, Jitter(0, 0.0))))
    assert limit_table(graph) == []
    assert "This model has no gates: nothing changes." in project.files["model.h"]
