"""GRUs in groups that components open, and recurrence along frequency: Keras, the specification, generated C."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from gated_layers import grouped_gru
from hypothesis import given, settings
from hypothesis import strategies as st
from native import build_native
from native.gated import assert_equal_runs, closed_constants, gate_sequences, poison_statements
from networks import JITTERS, Drawn, Jitter, Network, features_for, quantized_features, random_quantization

from slimse_mcu.emit import emit
from slimse_mcu.errors import ModelError
from slimse_mcu.graph import Graph, Quantization
from slimse_mcu.load import load
from slimse_mcu.plan import plan
from slimse_mcu.quantize import quantize_with
from slimse_mcu.streaming import count_macs, gate_layout, run_float, run_int8

FRAMES = 20


# ---- against Keras -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras():
    """Keras with the project's layers registered."""
    module = pytest.importorskip("keras")
    import slimse_mcu.models  # noqa: F401

    return module


def assert_equals_keras(keras: Any, inputs: Any, output: Any, path: Any, frames: int = 40) -> None:
    """Save the model, load it as a graph, and compare both over a sequence."""
    model = keras.Model(inputs, output)
    rng = np.random.default_rng(5)
    for layer in model.layers:
        layer.set_weights([rng.normal(0, 0.4, value.shape) for value in layer.get_weights()])
    model.save(path)
    graph = load(path)
    features = features_for(graph, frames, 1)
    expected = np.asarray(model(features[None]))[0]
    trace = run_float(graph, features)
    if graph.gates:
        assert 0 < gate_layout(graph).unpack(trace.gates, "policy").mean() < 1
    assert np.max(np.abs(trace.output - expected)) <= 2e-5 * np.max(np.abs(expected))


VARIANTS = {
    "time": {"axis": "time"},
    "time, reset before": {"axis": "time", "reset_after": False},
    "time, zero": {"axis": "time", "on_skip": ["zero", "hold"]},
    "time, bypass": {"axis": "time", "on_skip": "bypass"},
    "frequency": {"axis": "frequency"},
    "frequency, both ways": {"axis": "frequency", "bidirectional": True},
    "frequency, both ways, reset before, bypass": {
        "axis": "frequency", "bidirectional": True, "reset_after": False, "on_skip": ["zero", "bypass"], "units": 8,
    },
    "frequency, no bias": {"axis": "frequency", "use_bias": False},
}  # fmt: skip


@pytest.mark.parametrize("gated", [True, False], ids=["gated", "static"])
@pytest.mark.parametrize("name", VARIANTS)
def test_float_equals_keras(keras, tmp_path, name, gated):
    from slimse_mcu.models import GroupedGRU, Policy

    layers = keras.layers
    source = keras.Input((None, 10))
    x = layers.Reshape((-1, 4, 16))(layers.Dense(64)(source))
    options = {"units": 16, **VARIANTS[name]}
    if gated:
        policy = Policy(["a", "b"], hidden=5, name="policy")(source)
        x = GroupedGRU(groups=2, components=[1, 0], **options)([x, policy])
    else:
        x = GroupedGRU(groups=4, **{**options, "on_skip": None})(x)
    assert_equals_keras(keras, source, layers.Dense(6)(layers.Reshape((-1, 4 * x.shape[-1]))(x)), tmp_path / "m.keras")


def test_float_equals_keras_without_frequency_axis(keras, tmp_path):
    from slimse_mcu.models import GroupedGRU, Policy

    source = keras.Input((None, 12))
    policy = Policy(["a", "b"], hidden=5, name="policy")(source)
    x = GroupedGRU(9, groups=3, components=[None, 0, 1])([source, policy])
    assert_equals_keras(keras, source, keras.layers.Dense(6)(x), tmp_path / "m.keras")


@pytest.mark.parametrize("kind", ["GRU", "GRU before", "LSTM"])
@pytest.mark.parametrize("both", [True, False], ids=["both ways", "forwards"])
def test_wrapped_layers_along_frequency_equal_keras(keras, tmp_path, kind, both):
    layers = keras.layers
    options = {"reset_after": kind == "GRU"} if kind.startswith("GRU") else {}
    source = keras.Input((None, 12))
    x = layers.Reshape((-1, 6, 2))(source)
    for units, use_bias in ((5, True), (3, False)):
        one = getattr(layers, kind.split()[0])(units, return_sequences=True, use_bias=use_bias, **options)
        x = layers.TimeDistributed(layers.Bidirectional(one) if both else one)(x)
    output = layers.Reshape((-1, 6 * x.shape[-1]))(x)
    # Frames have nothing to do with each other here, and Keras runs each layer once for each.
    assert_equals_keras(keras, source, output, tmp_path / "m.keras", frames=5)


# ---- the specification and generated C ---------------------------------------------------------------------------

RULES = {"time": ["hold", "zero", "bypass"], "frequency": ["zero", "bypass"]}


@st.composite
def grouped_graphs(draw: st.DrawFn) -> Drawn:
    """Grouped GRUs along time and frequency one behind the other, each component used."""
    network = Network(draw(st.integers(1, 5)), draw(st.integers(0, 2**32 - 1)))
    names = [f"part{index}" for index in range(draw(st.integers(1, 4)))]
    policy = network.policy(network.input, names, draw(st.sampled_from([0, 3])), True)
    unused = list(range(len(names)))
    positions, groups = draw(st.integers(0, 4)), draw(st.integers(1, 4))
    x = network.dense(network.input, max(1, positions) * groups * draw(st.integers(1, 4)))
    if positions:
        x = network.reshape(x, positions, x.channels // positions)
    while unused:
        groups = draw(st.sampled_from([n for n in range(1, 5) if x.channels % n == 0]))
        components = [draw(st.sampled_from([None, *range(len(names))])) for _ in range(groups)]
        components[draw(st.integers(0, groups - 1))] = unused.pop()
        unused = [index for index in unused if index not in components]
        axis = draw(st.sampled_from(["time", "frequency"])) if positions else "time"
        both = axis == "frequency" and draw(st.booleans())
        rules = [draw(st.sampled_from(RULES[axis])) for _ in components]
        units = groups * draw(st.integers(1, 6))
        if any(rule == "bypass" for rule, one in zip(rules, components, strict=True) if one is not None):
            both = both and (x.channels // groups) % 2 == 0
            units = x.channels // 2 if both else x.channels
        x = grouped_gru(
            network, x, policy, units, components, rules,
            axis=axis, bidirectional=both, reset_after=draw(st.booleans()), use_bias=draw(st.booleans()),
        )  # fmt: skip
    if positions:
        x = network.reshape(x, 0, positions * x.channels)
    return Drawn(network, network.graph(network.dense(x, draw(st.integers(1, 4)))))


@pytest.mark.slow
@settings(max_examples=30)
@given(grouped_graphs(), JITTERS, st.booleans(), st.integers(0, 2**31))
def test_generated_c_equals_specification(build, drawn, jitter, instrumented, seed):
    quantized = random_quantization(drawn.graph, jitter)
    native = build(plan(quantized, instrumented=instrumented))
    features = quantized_features(quantized, FRAMES, seed)
    for forced in gate_sequences(quantized, FRAMES, seed).values():
        assert_equal_runs(native, features, forced)


def three_groups(axis: str, *, on_skip: str = "zero", both: bool = False, positions: int = 4) -> Graph:
    """A static group and two dynamic ones, a dense layer behind them."""
    network = Network(8, seed=3)
    policy = network.policy(network.input, ["first", "second"], 4, recurrent=True)
    x = network.reshape(network.dense(network.input, positions * 24), positions, 24)
    units = 12 if both else 24
    x = grouped_gru(network, x, policy, units, [None, 0, 1], on_skip, axis=axis, bidirectional=both, name="memory")
    return network.graph(network.dense(network.reshape(x, 0, positions * 24), 8))


@pytest.mark.parametrize(("axis", "both"), [("time", False), ("frequency", False), ("frequency", True)])
def test_macs_of_all_gate_vectors(build, axis, both):
    graph = three_groups(axis, both=both)
    quantized = random_quantization(graph, Jitter(1, 0.5))
    layout = gate_layout(graph)
    vectors = np.array(list(itertools.product([0, 1], repeat=2)), bool)
    patterns = np.stack([layout.pack({"policy_1": vector}) for vector in vectors])
    table = count_macs(graph, patterns)
    run = build(plan(quantized)).run(quantized_features(quantized, len(vectors), 0), patterns)
    np.testing.assert_array_equal(run.macs, table)
    directions, unit = (2, 4) if both else (1, 8)
    per_group = 4 * directions * 3 * unit * (8 + unit)
    by_group = count_macs(graph, patterns) - table[0]
    assert by_group[0b01] == by_group[0b10] == per_group
    assert by_group[0b11] == 2 * per_group


@pytest.mark.parametrize("on_skip", RULES["time"])
def test_state_is_exact_after_a_thousand_closed_frames(build, on_skip):
    graph = three_groups("time", on_skip=on_skip, positions=2)
    quantized = random_quantization(graph, Jitter(5, 0.5))
    layout = gate_layout(graph)
    bits = np.zeros((1010, 2), bool)
    bits[:5] = bits[-5:] = True
    forced = np.stack([layout.pack({"policy_1": row}) for row in bits])
    features = quantized_features(quantized, len(bits), 0)
    assert_equal_runs(build(plan(quantized)), features, forced)
    trace = run_int8(quantized, features, forced=forced, record=True, record_states=True)
    states = trace.states["memory_hidden"].reshape(len(bits), 3, 2, 8)
    assert np.array_equal(states[4, 1:], states[-6, 1:])
    assert np.any(states[4, 1:])
    # The static group never stops; the dynamic ones go on as if the closed frames had not been.
    assert not np.array_equal(states[4, 0], states[-6, 0])
    without = np.concatenate([features[:5], features[-5:]])
    straight = run_int8(quantized, without, forced=layout.constant(True), record_states=True)
    assert np.array_equal(straight.states["memory_hidden"].reshape(10, 3, 2, 8)[-5:, 1:], states[-5:, 1:])


@pytest.mark.parametrize(("axis", "both"), [("time", False), ("frequency", True)])
def test_weights_of_closed_groups_are_never_read(build_folders, axis, both):
    folder, kernels = build_folders
    quantized = random_quantization(three_groups(axis, both=both), Jitter(2, 0.5))
    planned = plan(quantized)
    is_open = {"policy_1": np.array([False, True])}
    statements = poison_statements(closed_constants(quantized, is_open))
    assert statements.count("__asan") > 50
    native = build_native(emit(planned), planned, folder, kernels, poison=statements)
    forced = np.repeat(planned.gates.pack(is_open)[None], 4, 0)
    assert_equal_runs(native, quantized_features(quantized, 4, 0), forced)


def test_groups_are_branches_of_the_frame_function():
    planned = plan(random_quantization(three_groups("frequency", both=True), Jitter(0, 0.0)))
    text = emit(planned).files["model.c"]
    assert text.count("macs += slimse_gru_s8(") == 6 + 1, "two directions of three groups, and the policy's"
    assert text.count("if (slimse_is_open(&policy_1, MODEL_POLICY_1_FIRST) != 0U) {") == 1
    (memory,) = [step for step in planned.steps if step.node.name == "memory"]
    assert [call.part for call in memory.calls] == [0, 0, 1, 1, 2, 2]


def test_parts_behind_a_static_gru_leave_its_state_alone(build):
    network = Network(6, seed=1)
    policy = network.policy(network.input, ["a"])
    x = grouped_gru(network, network.input, None, 6, [None, None])
    graph = network.graph(network.dense(network.gate_parts(x, policy, [None, 0], ["zero"] * 2), 4))
    assert "gate_parts" in [node.op for node in graph.nodes]
    quantized = random_quantization(graph, Jitter(1, 0.5))
    features = quantized_features(quantized, 10, 0)
    layout = gate_layout(graph)
    runs = [
        run_int8(quantized, features, forced=layout.constant(is_open), record_states=True) for is_open in (False, True)
    ]
    np.testing.assert_array_equal(*(run.states["groupedgru_2_hidden"] for run in runs))
    assert_equal_runs(build(plan(quantized)), features, layout.constant(False)[None].repeat(10, 0))


def test_bypassed_input_is_not_cut_to_the_range_of_the_state():
    graph = three_groups("time", on_skip="bypass")
    ranges = {name: Quantization(0.1, 20) for name in graph.tensors}
    quantized = quantize_with(graph, ranges)
    chosen = quantized.quantization["memory"]
    assert chosen.scale == 0.125, "the least power of two that holds -14.8 .. 10.7"
    features = np.full((3, 8), 127, np.int8)
    trace = run_int8(quantized, features, forced=gate_layout(graph).constant(False), record=True)
    source = next(node for node in graph.nodes if node.name == "memory").bypass
    before = (trace.tensors[source].reshape(3, 4, 24)[..., 8:] - 20.0) * 0.1
    after = trace.tensors["memory"].reshape(3, 4, 24)[..., 8:] * 0.125
    assert np.max(np.abs(before)) > 4
    assert np.max(np.abs(after - before)) <= 0.0626


# ---- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axis": "channels"}, "axis='channels'"),
        ({"bidirectional": True}, "future"),
        ({"on_skip": ["hold"] * 2, "axis": "frequency"}, "no state between frames"),
        ({"on_skip": ["pass"] * 2}, "on_skip='pass'"),
        ({"groups": 3}, "3 groups"),
        ({"groups": 0}, "0 groups"),
        ({"components": [None, 7]}, "component 7"),
        ({"components": None, "groups": 1}, "weights of shapes"),
        ({"use_bias": True}, "weight arrays"),
    ],
)
def test_unfit_settings_are_refused_by_name(changes, message):
    network = Network(4)
    policy = network.policy(network.input, ["a"])
    x = network.reshape(network.dense(network.input, 8), 2, 4)
    y = grouped_gru(network, x, policy, 4, [None, 0], use_bias=False, name="memory")
    last = network.layers[-1]
    network.layers[-1] = replace(last, config={**last.config, **changes})
    with pytest.raises(ModelError, match=f"'memory'.*{message}"):
        network.graph(network.dense(network.reshape(y, 0, 8), 2))


def test_bypass_of_another_width_is_refused():
    network = Network(4)
    policy = network.policy(network.input, ["a"])
    y = grouped_gru(network, network.input, policy, 6, [None, 0], "bypass")
    with pytest.raises(ModelError, match="2 channels in and 3 out"):
        network.graph(y)


def test_frequency_without_such_an_axis_is_refused():
    network = Network(4)
    with pytest.raises(ModelError, match="without a frequency axis"):
        network.graph(grouped_gru(network, network.input, None, 4, [None], axis="frequency"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda k: k.TimeDistributed(k.SimpleRNN(4, return_sequences=True), name="wrong"), "SimpleRNN.*not supported"),
        (lambda k: k.TimeDistributed(k.GRU(4, return_sequences=True, go_backwards=True), name="wrong"), "to the first"),
        (
            lambda k: k.TimeDistributed(
                k.Bidirectional(k.GRU(4, return_sequences=True), merge_mode="sum"), name="wrong"
            ),
            "'sum'",
        ),
    ],
)  # fmt: skip
def test_wrappers_that_cannot_run_are_refused_by_name(keras, tmp_path, make, message):
    layers = keras.layers
    layer = make(layers)
    source = keras.Input((None, 8))
    output = layers.Reshape((-1, 16))(layer(layers.Reshape((-1, 4, 2))(source)))
    keras.Model(source, output).save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match=f"'wrong'.*{message}"):
        load(tmp_path / "model.keras")
