"""Components of a policy: what they close, what it costs, and that C does what the specification says."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from gated_layers import grouped_gru
from hypothesis import given, settings
from hypothesis import strategies as st
from native import build_native
from native.gated import assert_equal_runs, closed_constants, gate_sequences, poison_statements
from networks import JITTERS, Drawn, Jitter, Network, Value, quantized_features, random_quantization

from slimse_mcu.emit import emit
from slimse_mcu.errors import ModelError
from slimse_mcu.plan import plan
from slimse_mcu.streaming import count_macs, gate_layout, run_float, run_int8

FRAMES = 24
SMALL = st.sampled_from([1, 2, 3, 4, 5, 8, 9])
RULES = st.sampled_from(["zero", "zero", "hold", "bypass"])


@st.composite
def slimmable_graphs(draw: st.DrawFn) -> Drawn:
    """Dense layers with parts that are zero, held or bypassed, fused or not, with and without a frequency axis."""
    network = Network(draw(SMALL), draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0.0, 0.0, 1.0])))
    names = [f"part{index}" for index in range(draw(st.integers(1, 6)))]
    policy = network.policy(network.input, names, draw(st.sampled_from([0, 3, 5])), draw(st.booleans()))
    x = network.input
    unused = list(range(len(names)))
    while unused:
        groups = draw(st.integers(1, 4))
        width = draw(st.integers(1, 5)) * groups
        if draw(st.booleans()):
            x = _turned(network, x, draw(st.integers(1, 4)), width)
        components = [draw(st.sampled_from([None, *range(len(names))])) for _ in range(groups)]
        components[draw(st.integers(0, groups - 1))] = unused.pop()
        unused = [index for index in unused if index not in components]
        x = _gated_dense(draw, network, x, policy, components, width)
    if draw(st.booleans()):
        x = network.combine("Concatenate", x, network.activation(x, draw(st.sampled_from(["tanh", "relu", "prelu"]))))
    if x.positions and draw(st.booleans()):
        x = network.reshape(x, 0, x.positions * x.channels)
    return Drawn(network, network.graph(network.dense(x, draw(SMALL))))


def _turned(network: Network, x: Value, positions: int, width: int) -> Value:
    """A vector as positions and channels, and the other way round."""
    if x.positions:
        return network.reshape(x, 0, x.positions * x.channels)
    return network.reshape(network.dense(x, positions * width), positions, width)


def _gated_dense(draw: st.DrawFn, network: Network, x: Value, policy: Value, components: list, width: int) -> Value:
    """A dense layer whose output, or a copy of it, has parts; its readers are dense or elementwise."""
    rules = [draw(RULES) for _ in components]
    y = network.dense(x, width, draw(st.sampled_from(["linear", "relu", "tanh"])))
    other = y if draw(st.booleans()) else network.dense(x, width)
    shows = any(rule == "bypass" for rule, index in zip(rules, components, strict=True) if index is not None)
    gated = network.gate_parts(y, policy, components, rules, other if shows else None)
    after = draw(st.sampled_from(["none", "relu", "prelu", "norm", "sum"]))
    if after == "norm" and not gated.positions:
        return network.batch_norm(gated)
    if after == "sum":
        return network.combine("Add", gated, network.activation(gated, "relu"))
    return gated if after in ("none", "norm") else network.activation(gated, after)


@pytest.mark.slow
@settings(max_examples=40)
@given(slimmable_graphs(), JITTERS, st.booleans(), st.integers(0, 2**31))
def test_generated_c_equals_specification(build, drawn, jitter, instrumented, seed):
    quantized = random_quantization(drawn.graph, jitter)
    native = build(plan(quantized, instrumented=instrumented))
    features = quantized_features(quantized, FRAMES, seed)
    for forced in gate_sequences(quantized, FRAMES, seed).values():
        assert_equal_runs(native, features, forced)


def layered(on_skip: str, positions: int = 0) -> Network:
    """Two dense layers of three parts each behind a policy of three components; the second reads the first."""
    network = Network(8, seed=3)
    policy = network.policy(network.input, ["a", "b", "c"], 4, recurrent=True)
    x = network.dense(network.input, 24 * max(1, positions))
    if positions:
        x = network.reshape(x, positions, 24)
    source = x if on_skip == "bypass" else None
    y = network.gate_parts(network.dense(x, 24, name="first"), policy, [None, 0, 1], [on_skip] * 3, source)
    z = network.gate_parts(network.dense(y, 24, name="second"), policy, [None, 2, 2], ["zero"] * 3)
    if positions:
        z = network.reshape(z, 0, positions * 24)
    network.output = network.dense(z, 8)
    return network


def graph_of(network: Network):
    return network.graph(network.output)


@pytest.mark.parametrize("on_skip", ["zero", "hold", "bypass"])
@pytest.mark.parametrize("positions", [0, 3])
def test_what_a_closed_part_shows(on_skip, positions):
    graph = graph_of(layered(on_skip, positions))
    assert [node.op for node in graph.nodes].count("gate_parts") == 0, "parts are fused into the layers"
    layout = gate_layout(graph)
    pattern = np.concatenate([np.repeat(layout.pack({"policy_1": np.array(bits, bool)})[None], 3, 0) for bits in
                              ([1, 1, 1], [0, 1, 1], [1, 1, 1])])  # fmt: skip
    features = np.random.default_rng(0).normal(0, 1, (9, 8)).astype(np.float32)
    trace = run_float(graph, features, forced=pattern, record=True)
    opened = run_float(graph, features, forced=layout.constant(True), record=True)
    first = trace.tensors["first"].reshape(9, -1, 24)
    wanted = opened.tensors["first"].reshape(9, -1, 24).copy()
    shown = {
        "zero": 0.0,
        "hold": wanted[2, :, 8:16],
        "bypass": trace.tensors["dense_2"].reshape(9, -1, 24)[3:6, :, 8:16],
    }
    wanted[3:6, :, 8:16] = shown[on_skip]
    np.testing.assert_array_equal(first, wanted)


def test_macs_of_all_gate_vectors(build):
    graph = graph_of(layered("zero", 2))
    quantized = random_quantization(graph, Jitter(1, 0.5))
    layout = gate_layout(graph)
    vectors = np.array(list(itertools.product([0, 1], repeat=3)), bool)
    patterns = np.stack([layout.pack({"policy_1": vector}) for vector in vectors])
    table = count_macs(graph, patterns)
    run = build(plan(quantized)).run(quantized_features(quantized, len(vectors), 0), patterns)
    np.testing.assert_array_equal(run.macs, table)
    a, b, c = vectors.T.astype(int)
    first = 8 + 8 * a + 8 * b
    policy, front, back = 3 * 4 * (8 + 4) + 4 * 3, 8 * 48, 48 * 8
    np.testing.assert_array_equal(table, policy + front + 2 * (first * 24 + (8 + 16 * c) * first) + back)


def test_held_part_is_exact_after_a_thousand_closed_frames(build):
    graph = graph_of(layered("hold"))
    quantized = random_quantization(graph, Jitter(5, 0.5))
    layout = gate_layout(graph)
    frames = 1006
    bits = np.zeros((frames, 3), bool)
    bits[:3] = bits[-3:] = True
    forced = np.stack([layout.pack({"policy_1": row}) for row in bits])
    features = quantized_features(quantized, frames, 0)
    assert_equal_runs(build(plan(quantized)), features, forced)
    trace = run_int8(quantized, features, forced=forced, record=True)
    held = trace.tensors["first"][:, 8:24]
    assert np.all(held[3:-3] == held[2])
    assert np.any(held[-1] != held[2])


@pytest.mark.parametrize("on_skip", ["zero", "hold", "bypass"])
def test_weights_of_closed_parts_are_never_read(tmp_path_factory, build_folders, on_skip):
    _, kernels = build_folders
    graph = graph_of(layered(on_skip))
    quantized = random_quantization(graph, Jitter(2, 0.7))
    planned = plan(quantized)
    is_open = {"policy_1": np.array([0, 1, 0], bool)}
    statements = poison_statements(closed_constants(quantized, is_open))
    assert statements.count("__asan") > 20
    folder = tmp_path_factory.mktemp("poisoned")
    native = build_native(emit(planned), planned, folder, kernels, poison=statements)
    features = quantized_features(quantized, FRAMES, 0)
    assert_equal_runs(native, features, np.repeat(planned.gates.pack(is_open)[None], FRAMES, 0))
    with pytest.raises(AssertionError, match="use-after-poison"):
        native.run(features[:1], planned.gates.pack({"policy_1": np.array([1, 1, 0], bool)})[None])


def test_branches_read_like_the_figure():
    text = emit(plan(random_quantization(graph_of(layered("hold")), Jitter(1, 0.5)))).files["model.c"]
    assert "int8_t *const first = s->first_held;" in text
    assert re.search(
        r"if \(slimse_is_open\(&policy_1, MODEL_POLICY_1_A\) != 0U\) \{\n +macs \+= slimse_pointwise_s8\(", text
    )
    assert re.search(r"\} else \{\n +slimse_zero_s8\(&model_second_part1_closed, &second\[8\]\);", text)


def test_states_and_layers_never_share_a_name():
    """What a board tells of its memory goes by name; a layer may be called like another one's state."""
    network = Network(4)
    policy = network.policy(network.input, ["a", "b"], 3, recurrent=True, name="policy")
    x = grouped_gru(network, network.dense(network.input, 4, name="past_past"), policy, 4, [0, 1], name="gru")
    x = network.dense(x, 4, name="gru_hidden")
    x = network.depthwise(network.dense(x, 4, name="past_past_next"), 2, name="past")
    x = network.gate_parts(network.dense(x, 4, name="part"), policy, [0, 1], ["hold", "zero"])
    for name in ("past_past_2", "app_output", "part_held", "policy_hidden", "policy_hidden_hidden"):
        x = network.dense(x, 4, name=name)
    graph = network.graph(network.dense(x, 2))
    names = [*graph.tensors, *(state.name for state in graph.states)]
    names += [f"{state.name}_next" for state in graph.states if state.kind == "ring"]
    names += ["app_input", "app_output"]
    assert len(set(names)) == len(names)


# ---- what is refused ---------------------------------------------------------------------------------------------


def _unread_gate() -> Network:
    network = Network(4)
    network.policy(network.input, ["a"])
    network.layers[-1] = replace(network.layers[-1], name="lonely")
    network.output = network.dense(network.input, 3)
    return network


def _unread_component() -> Network:
    network = Network(4)
    policy = network.policy(network.input, ["a", "b"])
    network.output = network.dense(
        network.gate_parts(network.dense(network.input, 4), policy, [None, 0], ["zero"] * 2), 3
    )
    return network


def _held_output() -> Network:
    network = Network(4)
    policy = network.policy(network.input, ["a"])
    network.output = network.gate_parts(network.dense(network.input, 4, name="last"), policy, [0], ["hold"])
    return network


def _late_policy() -> Network:
    network = Network(4)
    x = network.dense(network.input, 4, name="ruled")
    policy = network.policy(x, ["a"])
    late = network.dense(network.gate_parts(x, policy, [0], ["zero"]), 4)
    network.output = network.gate_parts(network.dense(late, 4), network.policy(late, ["b"]), [0], ["zero"])
    return network


def _parts(components, on_skip=("zero", "zero"), inputs=None) -> Network:
    network = Network(4)
    policy = network.policy(network.input, ["a"])
    x = network.dense(network.input, 6)
    source = network.dense(network.input, inputs) if inputs else None
    network.output = network.dense(network.gate_parts(x, policy, components, on_skip, source), 3)
    return network


REFUSED = {
    "a gate that nothing reads": (_unread_gate, "Layer 'lonely' decides a gate that nothing reads"),
    "a component that nothing reads": (_unread_component, "component 'b', which nothing reads"),
    "a held output": (_held_output, "'last' holds the model's output"),
    "a component out of range": (lambda: _parts([None, 1]), "names component 1 of a policy of 1"),
    "groups that do not divide": (lambda: _parts([None, 0, None, None], ["zero"] * 4), "6 channels, 4 groups"),
    "an unknown rule": (lambda: _parts([None, 0], ["zero", "fade"]), "on_skip='fade'"),
    "a bypass of another shape": (lambda: _parts([None, 0], ["zero", "bypass"], 5), "Both need the same shape"),
    "a bypass without a source": (lambda: _parts([None, 0], ["zero", "bypass"]), "has 2 inputs"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_layers_name(case):
    build_network, message = REFUSED[case]
    with pytest.raises(ModelError, match=re.escape(message)):
        graph_of(build_network())
