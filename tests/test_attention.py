"""Attention: float against Keras, int8 against float, generated C against the specification with heads gated."""

from __future__ import annotations

import itertools
import re
from typing import Any

import h5py
import numpy as np
import pytest
from gated_layers import slim_attention
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_file import functional_config, save, weights_store, write_archive
from native import build_native
from native.gated import assert_equal_runs, closed_constants, gate_sequences, poison_statements
from networks import JITTERS, Drawn, Jitter, Network, quantized_features, random_quantization
from on_board import run_on_board

from slimse_mcu.emit import emit
from slimse_mcu.errors import ModelError
from slimse_mcu.load import load
from slimse_mcu.ops import operators
from slimse_mcu.ops.arithmetic import dequantize_values, quantize_values
from slimse_mcu.plan import plan
from slimse_mcu.quantize import quantize
from slimse_mcu.streaming import count_macs, gate_layout, run_float, run_int8

FRAMES = 24
SMALL = st.sampled_from([1, 2, 3, 4, 5, 8, 9])


@st.composite
def attentive_graphs(draw: st.DrawFn) -> Drawn:
    """One to three attention layers along frequency and time with static and dynamic heads."""
    network = Network(draw(SMALL), draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0.0, 0.0, 1.0])))
    names = [f"head{index}" for index in range(draw(st.integers(1, 4)))]
    policy = network.policy(network.input, names, draw(st.sampled_from([0, 3])), draw(st.booleans()))
    positions, channels = draw(st.integers(0, 6)), draw(st.integers(1, 9))
    x = network.dense(network.input, channels * max(1, positions))
    x = network.reshape(x, positions, channels) if positions else x
    unused = list(range(len(names)))
    while unused:
        heads = draw(st.integers(1, 4))
        window = draw(st.integers(1, 9)) if not positions or draw(st.booleans()) else 0
        components = [draw(st.sampled_from([None, *range(len(names))])) for _ in range(heads)]
        components[draw(st.integers(0, heads - 1))] = unused.pop()
        unused = [index for index in unused if index not in components]
        rules = [draw(st.sampled_from(["zero", "hold"] if window else ["zero"])) for _ in components]
        gain = draw(st.sampled_from([0.1, 1.5, 8.0]))
        y = slim_attention(network, x, policy, components, draw(st.integers(1, 6)), window, rules, gain)
        x = network.combine("Add", x, y) if draw(st.booleans()) else y
    x = network.reshape(x, 0, channels * positions) if positions else x
    return Drawn(network, network.graph(network.dense(x, draw(SMALL))))


@pytest.mark.slow
@settings(max_examples=30)
@given(attentive_graphs(), JITTERS, st.booleans(), st.integers(0, 2**31))
def test_generated_c_equals_specification(build, drawn, jitter, instrumented, seed):
    quantized = random_quantization(drawn.graph, jitter)
    native = build(plan(quantized, instrumented=instrumented))
    features = quantized_features(quantized, FRAMES, seed)
    for forced in gate_sequences(quantized, FRAMES, seed).values():
        assert_equal_runs(native, features, forced)


def attentive(window: int, on_skip: str = "zero", positions: int = 5, seed: int = 3) -> Network:
    """A static and three dynamic heads, two of which share a component."""
    network = Network(8, seed)
    policy = network.policy(network.input, ["a", "b"], 4)
    x = network.reshape(network.dense(network.input, positions * 8), positions, 8)
    x = slim_attention(network, x, policy, [None, 0, 1, 1], 4, window, on_skip)
    network.output = network.dense(network.reshape(x, 0, positions * 8), 8)
    return network


@pytest.mark.parametrize("on_skip", ["zero", "hold"])
def test_a_thousand_closed_frames_then_open(build, on_skip):
    graph = _graph(attentive(6, on_skip))
    quantized = random_quantization(graph, Jitter(5, 0.5))
    layout = gate_layout(graph)
    frames = 1012
    bits = np.zeros((frames, 2), bool)
    bits[:6] = bits[-6:] = True
    forced = np.stack([layout.pack({"policy_1": row}) for row in bits])
    features = quantized_features(quantized, frames, 0)
    assert_equal_runs(build(plan(quantized)), features, forced)
    heads = run_int8(quantized, features, forced=forced, record=True).tensors["slimattention_4_heads"]
    closed = heads.reshape(frames, 5, 16)[6:-6, :, 4:]
    shown = heads.reshape(frames, 5, 16)[5, :, 4:]
    zero = quantized.quantization["slimattention_4_heads"].zero_point
    assert np.all(closed == (shown if on_skip == "hold" else zero))


@pytest.mark.parametrize("window", [0, 3])
def test_macs_of_all_gate_vectors(build, window):
    graph = _graph(attentive(window))
    quantized = random_quantization(graph, Jitter(1, 0.5))
    layout = gate_layout(graph)
    vectors = np.array(list(itertools.product([0, 1], repeat=2)), bool)
    patterns = np.stack([layout.pack({"policy_1": vector}) for vector in vectors])
    table = count_macs(graph, patterns)
    run = build(plan(quantized)).run(quantized_features(quantized, len(vectors), 0), patterns)
    np.testing.assert_array_equal(run.macs, table)
    a, b = vectors.T.astype(int)
    heads = 1 + a + 2 * b
    rest = 8 * 4 + 4 * 2 + 8 * 40 + 40 * 8
    np.testing.assert_array_equal(table, rest + heads * 5 * (4 * 8 * 4 + (window or 5) * 2 * 4))


@pytest.mark.parametrize("name", ["virtual-m3", "virtual-m4"])
@pytest.mark.parametrize("window", [0, 7])
def test_boards_equal_specification(tmp_path, name, window):
    quantized = random_quantization(_graph(attentive(window, "hold" if window else "zero")), Jitter(4, 0.5))
    run_on_board(plan(quantized), name, quantized_features(quantized, FRAMES, 1), tmp_path)


def test_weights_of_closed_heads_are_never_read(tmp_path_factory, build_folders):
    _, kernels = build_folders
    quantized = random_quantization(_graph(attentive(3)), Jitter(2, 0.7))
    planned = plan(quantized)
    is_open = {"policy_1": np.array([0, 1], bool)}
    statements = poison_statements(closed_constants(quantized, is_open))
    assert statements.count("__asan") > 10
    folder = tmp_path_factory.mktemp("poisoned")
    native = build_native(emit(planned), planned, folder, kernels, poison=statements)
    features = quantized_features(quantized, FRAMES, 0)
    assert_equal_runs(native, features, np.repeat(planned.gates.pack(is_open)[None], FRAMES, 0))
    with pytest.raises(AssertionError, match="use-after-poison"):
        native.run(features[:1], planned.gates.pack({"policy_1": np.array([1, 1], bool)})[None])


def test_a_closed_head_is_not_in_the_output_projection():
    nodes = {node.name: node for node in _graph(attentive(0)).nodes}
    assert [node.op for node in nodes.values()].count("gate_parts") == 0
    assert [block.channels for block in nodes["slimattention_4"].column_blocks] == [4, 4, 8]
    assert [part.channels for part in nodes["slimattention_4_heads"].parts] == [4, 4, 8]


@pytest.mark.parametrize(
    ("window", "gain", "least_db"),
    [(0, 0.5, 30), (0, 1.5, 28), (0, 4.0, 22), (20, 0.5, 33), (20, 1.5, 33), (20, 4.0, 27)],
)
def test_int8_follows_float(window, gain, least_db):
    """From nearly even weights to nearly one key alone, where the rounding of query and key shows."""
    rng = np.random.default_rng(0)
    network = Network(16 * 24, 1)
    x = network.reshape(network.input, 16, 24)
    graph = network.graph(slim_attention(network, x, None, [None] * 3, 8, window, gain=gain))
    # Neighbouring frames are alike, as in audio.
    features = rng.normal(size=(200, 16, 24)).cumsum(axis=0)
    features = (features - features.mean(axis=0)) / features.std(axis=0) + 0.3 * rng.normal(size=features.shape)
    features = features.reshape(200, -1).astype(np.float32)
    quantized = quantize(graph, [features])
    real = run_float(graph, features).output
    integer = run_int8(quantized, quantize_values(features, quantized.quantization[graph.input])).output
    error = dequantize_values(integer, quantized.quantization[graph.output]) - real
    assert 10 * np.log10(np.sum(real**2) / np.sum(error**2)) > least_db


def test_int8_core_adds_no_error_of_its_own():
    """From the same integers, attention in integers is as good as float attention rounded to the output's scale."""
    rng = np.random.default_rng(0)
    graph = _graph(attentive(0, positions=16))
    (node,) = [node for node in graph.nodes if node.op == "attention"]
    features = rng.normal(size=(100, 8)).astype(np.float32)
    quantized = quantize(graph, [features])
    values = quantize_values(features, quantized.quantization[graph.input])
    trace = run_int8(quantized, values, forced=gate_layout(graph).constant(True), record=True)
    inputs = [dequantize_values(trace.tensors[name], quantized.quantization[name]) for name in node.inputs]
    real = np.stack([operators()["attention"].step(node, frame, ()) for frame in zip(*inputs, strict=True)])
    output = quantized.quantization[node.output]
    integer, rounded = (
        np.sum((dequantize_values(values, output) - real) ** 2)
        for values in (trace.tensors[node.output], quantize_values(real, output))
    )
    assert integer < 1.02 * rounded


# ---- against Keras -----------------------------------------------------------------------------------------------


def assert_equals_keras(tmp_path, inputs: Any, output: Any, frames: int = 40) -> Any:
    """The graph of a Keras model with random weights, after comparing it with the model over a sequence."""
    import keras

    model = keras.Model(inputs, output)
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.6, weight.shape) for weight in model.get_weights()])
    model.save(tmp_path / "model.keras")
    features = rng.normal(size=(1, frames, *inputs.shape[2:])).astype(np.float32)
    expected = np.asarray(model(features)).reshape(frames, -1)
    graph = load(tmp_path / "model.keras")
    trace = run_float(graph, features.reshape(frames, -1))
    assert np.max(np.abs(trace.output - expected)) <= 1e-5 * np.max(np.abs(expected))
    if graph.gates:
        assert len(np.unique(trace.gates)) > 1
    return graph


@pytest.mark.parametrize(
    ("axis", "shape", "window", "on_skip"),
    [
        ("frequency", (6, 8), None, "zero"),
        ("time", (6, 8), 5, "zero"),
        ("time", (6, 8), 4, ["zero", "hold", "hold"]),
        ("time", (8,), 50, "hold"),
        ("time", (8,), 1, "zero"),
    ],
)
def test_slim_attention_equals_keras(tmp_path, axis, shape, window, on_skip):
    layers = pytest.importorskip("keras").layers
    from slimse_mcu.models.attention import SlimAttention
    from slimse_mcu.models.policy import Policy

    inputs = layers.Input((None, *shape))
    policy = Policy(["a", "b"], hidden=0)(layers.Reshape((-1, int(np.prod(shape))))(inputs))
    x = SlimAttention(3, 4, axis, window=window, components=[None, 0, 1], on_skip=on_skip)([inputs, policy])
    x = layers.Add()([inputs, x])
    assert_equals_keras(tmp_path, inputs, SlimAttention(2, 3, axis, window=window)(x))


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("value_dim", [None, 3])
def test_multi_head_attention_equals_keras(tmp_path, use_bias, value_dim):
    layers = pytest.importorskip("keras").layers
    inputs = layers.Input((None, 6, 8))
    own = {"use_bias": use_bias, "value_dim": value_dim, "attention_axes": (2,), "dropout": 0.1}
    other = layers.Dense(5)(inputs)
    x = layers.MultiHeadAttention(2, 4, **own)(inputs, inputs)
    x = layers.MultiHeadAttention(3, 2, output_shape=7, **own)(x, other, inputs)
    assert_equals_keras(tmp_path, inputs, layers.MultiHeadAttention(1, 5, **own)(x, other))


def test_multi_head_attention_over_other_positions_equals_keras(tmp_path):
    layers = pytest.importorskip("keras").layers
    inputs = layers.Input((None, 6, 8))
    fewer = layers.Reshape((-1, 3, 16))(inputs)
    graph = assert_equals_keras(tmp_path, inputs, layers.MultiHeadAttention(2, 4, attention_axes=2)(inputs, fewer))
    (core,) = [node for node in graph.nodes if node.op == "attention"]
    assert (core.attributes["positions"], core.attributes["keys"]) == (6, 3)


@pytest.mark.parametrize("kind", ["Softmax", "Activation", "Dense"])
def test_softmax_equals_keras(tmp_path, kind):
    layers = pytest.importorskip("keras").layers
    inputs = layers.Input((None, 6, 8))
    made = {
        "Softmax": lambda: layers.Softmax(),
        "Activation": lambda: layers.Activation("softmax"),
        "Dense": lambda: layers.Dense(5, activation="softmax"),
    }
    assert_equals_keras(tmp_path, inputs, made[kind]()(inputs))


# ---- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["causal", "all of time", "all axes", "mask", "scores", "window"])
def test_keras_attention_without_a_bound_or_with_a_mask_is_refused(tmp_path, case):
    layers = pytest.importorskip("keras").layers
    inputs = layers.Input((None, 8) if case in ("causal", "all of time") else (None, 6, 8))
    axes = None if case in ("causal", "all of time", "all axes") else (2,)
    layer = layers.MultiHeadAttention(2, 4, attention_axes=axes, name="attending")
    called = {
        "mask": {"use_causal_mask": True},
        "causal": {"use_causal_mask": True},
        "scores": {"return_attention_scores": True},
    }
    if case == "window":
        layer._sliding_window = 3
    output = layer(inputs, inputs, **called.get(case, {}))
    output = output[0] if case == "scores" else output
    model = pytest.importorskip("keras").Model(inputs, output)
    model.save(tmp_path / "model.keras")
    expected = {"mask": "use_causal_mask", "scores": "return_attention_scores", "window": "sliding_window"}
    with pytest.raises(ModelError, match=expected.get(case, "attends over all of time: no bound")) as refused:
        load(tmp_path / "model.keras")
    assert "'attending'" in refused.value.message
    assert "SlimAttention" in refused.value.hint


def _refused(change: str) -> Network:
    network = Network(8)
    policy = network.policy(network.input, ["a"])
    x = network.reshape(network.dense(network.input, 24), 3, 8)
    window = 600 if change == "window" else 4 if change in ("bypass", "time") else 0
    rule = change if change in ("bypass", "hold") else "zero"
    x = network.reshape(x, 0, 24) if change == "vector" else x
    y = slim_attention(network, x, policy, [None, 5 if change == "component" else 0], 4, window, rule)
    layer = network.layers[-1]
    if change == "heads":
        layer.config["heads"] = 3
    if change == "axis":
        layer.config["axis"] = "depth"
    if change == "shapes":
        layer.weights[2].resize((8, 2, 3), refcheck=False)
    network.output = network.dense(y, 3)
    return network


REFUSED = {
    "window": "attends over 600 keys; at most 510",
    "bypass": "has on_skip='bypass' along time",
    "hold": "has on_skip='hold' along frequency",
    "vector": "attends along frequency, its input has none",
    "component": "names component 5 of a policy of 1",
    "heads": "has weights of 2 heads, not 3",
    "axis": "attends along 'depth'",
    "shapes": "has weights of shapes",
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_layers_name(case):
    with pytest.raises(ModelError, match=re.escape(REFUSED[case])) as refused:
        _graph(_refused(case))
    assert "slimattention" in refused.value.message


def test_attention_weights_outside_of_the_file_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with h5py.File("secret.h5", "w") as secret:
        secret["secret"] = np.zeros((8, 2, 4), np.float32)
    network = Network(8)
    network.output = network.add("MultiHeadAttention", {}, [network.input, network.input], 8)

    def link(file: h5py.File) -> None:
        file["layers/multi_head_attention/query_dense/vars/0"] = h5py.ExternalLink("secret.h5", "/secret")

    path = write_archive(tmp_path / "m.keras", functional_config(network), weights_store(network.layers, link))
    with pytest.raises(ModelError, match="not stored in the file itself"):
        load(path)


def test_attention_without_its_weights_is_refused(tmp_path):
    network = Network(12)
    x = network.reshape(network.input, 3, 4)
    config = {"attention_axes": [2], "use_bias": True}
    network.output = network.add("MultiHeadAttention", config, [x, x], 4)
    with pytest.raises(ModelError, match="has 0 weight arrays"):
        load(save(network, tmp_path / "m.keras"))


@pytest.mark.parametrize(("channels", "axis", "message"), [(512, -1, "512 channels"), (4, 1, "over axis 1")])
def test_softmax_that_cannot_be_computed_is_refused(channels, axis, message):
    network = Network(channels)
    with pytest.raises(ModelError, match=message):
        network.graph(network.add("Softmax", {"axis": axis}, [network.input], channels))


def _graph(network: Network):
    return network.graph(network.output)
