"""Gate-flip audit: decisions that differ are found, with their margins, causes and costs; gates that never opened."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Drawn, Network, features_for, gated_graphs
from test_component_gates import slimmable_graphs

from slimse_mcu import compile_model
from slimse_mcu.decisions import Decisions, unseen_note
from slimse_mcu.errors import SlimseError
from slimse_mcu.flips import FLOAT, FLOAT_INT8_GATES, INT8, INT8_FLOAT_GATES, RUNS, Audit, FlipAudit
from slimse_mcu.graph import Graph, Quantization, QuantizedGraph
from slimse_mcu.harness.quality import Scores
from slimse_mcu.ops import operators
from slimse_mcu.ops.arithmetic import dequantize_values, quantize_values
from slimse_mcu.quantize import quantize, quantize_with
from slimse_mcu.side_by_side import compare
from slimse_mcu.streaming import run_float, run_int8


def audited(quantized: QuantizedGraph, features: list[np.ndarray], frames: int = 10_000) -> FlipAudit:
    found = compare(quantized, features, Audit(quantized, frames))[1]
    assert found is not None
    return found


def threshold_graph(threshold: float) -> Graph:
    """One feature, one gate that opens above a threshold, one channel of a layer that it opens."""
    network = Network(1)
    gate = network.add(
        "slimse>ChannelGate",
        {"channels": 1},
        [network.input],
        1,
        [np.ones((1, 1)), np.array([-threshold])],
        name="gate",
    )
    layer = network.add(
        "Dense", {"activation": "linear"}, [network.input], 1, [np.full((1, 1), 2.0), np.array([1.0])], name="layer"
    )
    return network.graph(network.dense(network.close(layer, gate), 1, name="y"))


def test_flips_that_are_known_by_construction() -> None:
    graph = threshold_graph(0.4)
    # Features are rounded to whole numbers, a half goes up; all else is fine enough.
    ranges = {name: Quantization(0.05, 0, -6.0, 6.0) for name in graph.tensors}
    quantized = quantize_with(graph, {**ranges, graph.input: Quantization(1.0, 0, -4.0, 4.0)})
    features = np.array([[0.3], [0.45], [0.5], [-0.7], [1.6], [0.39], [-0.5]], np.float32)
    found = audited(quantized, [features])
    gate = found.gates["gate"]
    wanted = features[:, 0] - 0.4 > 0
    decided = np.floor(features[:, 0] + 0.5) - 0.4 > 0
    assert (gate.decisions, gate.opened, gate.closed) == (7, 0, 1)
    assert np.flatnonzero(wanted != decided).tolist() == [1]
    assert gate.flipped is not None
    assert gate.kept is not None
    assert gate.flipped.greatest == pytest.approx(0.05, abs=1e-6)
    assert gate.flipped.p50 == pytest.approx(0.05, rel=0.04)
    assert gate.kept.greatest == pytest.approx(1.2, abs=1e-6)
    errors = np.floor(features[:, 0] + 0.5) - features[:, 0]
    assert gate.logit_bias == pytest.approx(errors.mean(), abs=1e-6)
    assert gate.logit_error == pytest.approx(np.sqrt(np.mean(errors**2)), abs=1e-6)
    assert gate.macs == pytest.approx(-2 / 7)
    # The gate has one weight; the layer and the one that reads it run while it is open.
    assert found.macs == pytest.approx({FLOAT: 1 + 2 * 3 / 7, INT8: 1 + 2 * 2 / 7})
    assert (gate.apart, gate.audited) == (1, 7)
    assert sum(found.flipped) == 1
    assert sum(found.kept) == 6
    assert found.margins(flipped=True) == gate.flipped
    assert found.sqnr_db[INT8] < found.sqnr_db[INT8_FLOAT_GATES]
    assert found.sqnr_db[FLOAT] == math.inf
    assert "1 closed" in found.describe()


def test_a_network_without_rounding_flips_nothing() -> None:
    graph = threshold_graph(0.4)
    quantized = quantize_with(graph, dict.fromkeys(graph.tensors, Quantization(1 / 16, 0, -8.0, 8.0)))
    found = audited(quantized, [np.arange(-64, 64, dtype=np.float32)[:, None] / 16])
    assert found.share == 0.0
    assert found.margins(flipped=True) is None
    assert found.gates["gate"].logit_error == 0.0
    assert found.gates["gate"].macs == 0.0
    assert "differ" in found.describe()


def test_flips_that_follow_from_a_flip_are_told_apart() -> None:
    """What a gate closed is what the next gate reads: on float's way that one has nothing to decide otherwise."""
    network = Network(1)
    first = network.add(
        "slimse>ChannelGate", {"channels": 1}, [network.input], 1, [np.ones((1, 1)), np.array([-0.4])], name="first"
    )
    constant = [np.zeros((1, 1)), np.array([2.0])]
    layer = network.add("Dense", {"activation": "linear"}, [network.input], 1, constant, name="layer")
    shown = network.close(layer, first)
    second = network.add(
        "slimse>ChannelGate", {"channels": 1}, [shown], 1, [np.ones((1, 1)), np.array([-1.0])], name="second"
    )
    other = network.add("Dense", {"activation": "linear"}, [network.input], 1, constant, name="other")
    total = network.combine("Add", shown, network.close(other, second))
    graph = network.graph(network.dense(total, 1, name="y"))
    ranges = {name: Quantization(1 / 32, 0, -4.0, 4.0) for name in graph.tensors}
    quantized = quantize_with(graph, {**ranges, graph.input: Quantization(1.0, 0, -4.0, 4.0)})
    found = audited(quantized, [np.array([[0.45], [0.3], [0.7], [0.49]], np.float32)])
    assert [found.gates[name].closed for name in ("first", "second")] == [2, 2]
    assert [found.gates[name].apart for name in ("first", "second")] == [2, 0]
    assert found.apart == 2 / 8


@settings(max_examples=25)
@given(st.one_of(gated_graphs(), slimmable_graphs()), st.integers(0, 2**31), st.integers(0, 90))
def test_audit_equals_runs_from_end_to_end(drawn: Drawn, seed: int, most: int) -> None:
    graph = drawn.graph
    if not graph.gates:
        return
    features = [features_for(graph, 70, seed), features_for(graph, 9, seed + 1)]
    try:
        quantized = quantize(graph, [0.7 * one for one in features])
    except SlimseError:
        return
    found = audited(quantized, features, most)
    decisions = Decisions.of(graph)
    periods = {node.output: node.period for node in graph.nodes}
    totals = {name: np.zeros(4, int) for name in decisions.places}
    noise, signal, macs = dict.fromkeys(RUNS, 0.0), 0.0, np.zeros(2)
    left = most
    for one in features:
        values = quantize_values(one, quantized.quantization[graph.input])
        real, integer = run_float(graph, one), run_int8(quantized, values)
        macs += real.macs.sum(), integer.macs.sum()
        for name, (gate, _) in decisions.places.items():
            ours, theirs = (decisions.unpack(bits)[name][:: periods[gate]] for bits in (integer.gates, real.gates))
            totals[name] += ours.size, np.sum(ours & ~theirs), np.sum(theirs & ~ours), 0
        first = min(left, len(one))
        left -= first
        if not first:
            continue
        swapped = run_int8(quantized, values[:first], forced=real.gates[:first])
        for name, (gate, _) in decisions.places.items():
            ours, theirs = (
                decisions.unpack(bits)[name][:: periods[gate]] for bits in (swapped.decided, real.gates[:first])
            )
            totals[name][3] += np.sum(ours != theirs)
        outputs = {
            FLOAT: real.output[:first],
            FLOAT_INT8_GATES: run_float(graph, one[:first], forced=integer.gates[:first]).output,
            INT8: dequantize_values(integer.output[:first], quantized.quantization[graph.output]),
            INT8_FLOAT_GATES: dequantize_values(swapped.output, quantized.quantization[graph.output]),
        }
        signal += np.sum(real.output[:first].astype(np.float64) ** 2)
        for run, output in outputs.items():
            noise[run] += np.sum((output.astype(np.float64) - real.output[:first]) ** 2)
    assert {name: [one.decisions, one.opened, one.closed, one.apart] for name, one in found.gates.items()} == {
        name: counts.tolist() for name, counts in totals.items()
    }
    assert found.macs == {FLOAT: macs[0] / 79, INT8: macs[1] / 79}
    assert found.audited_frames == min(most, 79)
    for run in RUNS if most else ():
        wanted = math.inf if noise[run] == 0 else 10 * math.log10(max(signal, 1e-300) / noise[run])
        assert found.sqnr_db[run] == pytest.approx(wanted, rel=1e-6, abs=1e-6)
    assert sum(found.kept) + sum(found.flipped) == found.decisions
    assert sum(found.flipped) == found.opened + found.closed


@settings(max_examples=25)
@given(st.one_of(gated_graphs(), slimmable_graphs()), st.integers(0, 2**31))
def test_margin_tells_the_float_decision(drawn: Drawn, seed: int) -> None:
    graph = drawn.graph
    trace = run_float(graph, features_for(graph, 12, seed), record=True)
    layout = Decisions.of(graph).layout
    for node in graph.nodes:
        if node.output in graph.gates:
            margin = operators()[node.op].margin(node, [trace.tensors[name] for name in node.inputs])[:: node.period]
            bits = layout.unpack(trace.gates, node.output)[:: node.period]
            clear = np.abs(margin) > 1e-4 * np.abs(margin).max(initial=1.0)
            np.testing.assert_array_equal((margin > 0)[clear], bits[clear])


def test_quantiles_of_margins_are_right_to_four_percent() -> None:
    network = Network(8, seed=3)
    x = network.dense(network.input, 32, "relu")
    graph = network.graph(network.dense(network.close(x, network.decide(network.input, 32)), 3))
    features = features_for(graph, 300, 0)
    (gate,) = audited(quantize(graph, [features]), [features]).gates.values()
    node = next(node for node in graph.nodes if node.output in graph.gates)
    margins = np.abs(operators()[node.op].margin(node, [features]))
    assert gate.kept is not None
    exact = np.percentile(margins, [10, 50, 90])  # hardly any flips here
    assert [gate.kept.p10, gate.kept.p50, gate.kept.p90] == pytest.approx(exact.tolist(), rel=0.05)
    assert gate.kept.greatest == pytest.approx(margins.max(), rel=1e-5)


def test_cost_is_what_own_decisions_lose_against_the_others() -> None:
    network = Network(4, seed=1)
    x = network.dense(network.input, 8, "relu")
    graph = network.graph(network.dense(network.close(x, network.decide(network.input, 8)), 2))
    features = features_for(graph, 20, 0)
    quantized = quantize(graph, [features])
    audit = Audit(quantized)
    compare(quantized, [features], audit)
    one = {FLOAT: Scores(2.0), FLOAT_INT8_GATES: Scores(1.9), INT8: Scores(1.7), INT8_FLOAT_GATES: Scores(1.75)}
    two = {**one, INT8: Scores(1.6)}
    found = audit.result({"a": one, "b": two})
    assert found.cost("pesq_wb") == pytest.approx({INT8: 0.1, FLOAT: 0.1})
    assert found.cost("stoi") == {}
    assert found.to_json()["cost"] == {"pesq_wb": pytest.approx({INT8: 0.1, FLOAT: 0.1})}
    assert audit.result().cost("pesq_wb") == {}


# ---- what calibration never saw -------------------------------------------------------------------------


def test_gates_that_never_open_are_named() -> None:
    network = Network(2)
    weights = [np.zeros((2, 3, 2)), np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])]
    config = {"components": ["used", "rare", "never"], "hidden": 0, "recurrent": False}
    policy = network.add("slimse>Policy", config, [network.input], 3, weights, name="policy")
    x = network.gate_parts(network.dense(network.input, 6), policy, [0, 1, 2], ["zero"] * 3)
    bias = np.array([1.0, -1.0, -1.0, -1.0])
    gate = network.add("slimse>ChannelGate", {"channels": 4}, [network.input], 4, [np.zeros((2, 4)), bias], name="gate")
    y = network.close(network.dense(network.input, 4), gate)
    graph = network.graph(network.combine("Concatenate", network.dense(x, 2), network.dense(y, 2)))
    quantized = quantize(graph, [features_for(graph, 5, 0)])
    assert quantized.unseen == {"policy": (1, 2), "gate": (1, 2, 3)}
    note = unseen_note(quantized)
    assert "rare, never, 3 gated channels (in gate)" in note
    assert unseen_note(dataclasses.replace(quantized, unseen={})) == ""


def test_compiling_warns_about_gates_that_never_open(tiny_model) -> None:
    said: dict[str, str] = {}
    compiled = compile_model(tiny_model, on_stage=said.__setitem__)
    assert ("warning" in said) == bool(compiled.quantized.unseen)
    assert said.get("warning", "") == unseen_note(compiled.quantized)


@pytest.mark.parametrize("positions", [0, 3])
def test_what_components_close_does_not_count_in_a_percentile(positions: int) -> None:
    """One frame in a hundred is open; zeros of the others must not hide its values, nor may the open channels."""
    network = Network(1)
    weights = [np.array([[[0.0, 1.0]]]), np.zeros((1, 2))]
    config = {"components": ["part"], "hidden": 0, "recurrent": False}
    policy = network.add("slimse>Policy", config, [network.input], 1, weights, name="policy")
    count = 4 * max(1, positions)
    x = network.add("Dense", {"activation": "linear"}, [network.input], count, [np.ones((1, count)), np.zeros(count)])
    if positions:
        x = network.reshape(x, positions, 4)
    gated = network.gate_parts(x, policy, [0], ["zero"])
    if positions:
        gated = network.reshape(gated, 0, count)
    graph = network.graph(network.dense(gated, 1))
    closed = [name for name, tensor in graph.tensors.items() if tensor.blocks]
    assert closed
    features = np.full((1000, 1), -1.0, np.float32)
    features[::100] = 4.0
    quantized = quantize(graph, [features], method="percentile", percentile=90.0)
    for name in closed:
        assert quantized.quantization[name].maximum == 4.0
