"""The streaming graph against the Keras model over whole sequences, and how a stream behaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import UNSHRUNK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import (
    MORE_ACTIVATIONS,
    Drawn,
    Jitter,
    Network,
    features_for,
    gated_graphs,
    quantized_features,
    random_quantization,
    static_graphs,
)
from numpy.typing import NDArray

from slimse_mcu.frontend import float_analyse
from slimse_mcu.graph import Graph
from slimse_mcu.load import load
from slimse_mcu.ops import operators
from slimse_mcu.ops.op import Ring
from slimse_mcu.streaming import count_macs, gate_layout, layer_macs, run_float, run_int8

TOLERANCE = 1e-5
RELAXED = settings(suppress_health_check=list(HealthCheck))
CLIPS = sorted((Path(__file__).parent / "data" / "noisy").glob("*.wav"))[:2]


def assert_close(actual: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Equal within 1e-5 of the largest magnitude."""
    assert actual.shape == expected.shape
    assert np.max(np.abs(actual - expected)) <= TOLERANCE * max(1e-3, float(np.max(np.abs(expected))))


# ---- against Keras -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras():
    """Keras with the project's layers registered."""
    module = pytest.importorskip("keras")
    import slimse_mcu.models  # noqa: F401

    return module


def trained_like(model) -> None:
    """Give every weight a value that training could have given it, normalization's statistics included."""
    rng = np.random.default_rng(7)
    for layer in model.layers:
        values = []
        for variable in layer.weights:
            shape, kind = variable.shape, variable.path.rsplit("/", 1)[-1]
            if kind in ("gamma", "moving_variance"):
                values.append(rng.uniform(0.5, 1.5, shape))
            else:
                values.append(np.asarray(variable) + (0.2 if kind == "moving_mean" else 0.05) * rng.normal(size=shape))
        layer.set_weights(values)


@pytest.mark.parametrize("clip", CLIPS, ids=[clip.stem for clip in CLIPS])
@pytest.mark.parametrize("gates", [True, False], ids=["gated", "static"])
def test_conv_fsenet_on_speech_equals_keras(keras, tmp_path, gates, clip):
    from slimse_mcu.models import conv_fsenet

    keras.utils.set_random_seed(2)
    model = conv_fsenet(bottleneck=24, hidden=40, stacks=2, dilations=(1, 2, 4), gates=gates)
    trained_like(model)
    model.save(tmp_path / "model.keras")
    graph = load(tmp_path / "model.keras")
    pcm, _ = soundfile.read(clip, dtype="int16", frames=32000)
    features, spectrum = float_analyse(graph.frontend, pcm)[:2]
    expected = np.asarray(model(np.abs(spectrum).astype(np.float32)[None]))[0]
    trace = run_float(graph, features.astype(np.float32))
    if gates:
        share = np.unpackbits(trace.gates, axis=1).mean()
        assert 0.02 < share < 0.98
    assert_close(trace.output, expected)


def test_all_kinds_of_layers_in_a_functional_model_equal_keras(keras, tmp_path):
    layers = keras.layers
    keras.utils.set_random_seed(3)
    source = keras.Input((None, 10))
    x = layers.Conv1D(12, 4, padding="causal", dilation_rate=3, activation="relu6")(source)
    x = layers.BatchNormalization()(x)
    y = layers.ZeroPadding1D((6, 0))(x)
    y = layers.DepthwiseConv1D(3, dilation_rate=3, depth_multiplier=1, activation="tanh")(y)
    y = layers.PReLU(shared_axes=[1], alpha_initializer="random_normal")(y)
    z = layers.SeparableConv1D(12, 1, depth_multiplier=2)(x)
    z = layers.LeakyReLU(negative_slope=0.2)(z)
    z = layers.Dropout(0.5)(z)
    gated = layers.Multiply()([layers.Dense(12, activation="sigmoid")(y), z, x])
    x = layers.Add()([x, y, gated])
    x = layers.Concatenate()([x, source, layers.Activation("silu")(source)])
    x = layers.Dense(9, use_bias=False)(layers.ReLU(6.0)(x))
    x = layers.ELU()(layers.BatchNormalization(scale=False, center=False)(x))
    model = keras.Model(source, layers.Reshape((-1, 9))(layers.Activation("gelu")(x)))
    trained_like(model)
    model.save(tmp_path / "model.keras")
    graph = load(tmp_path / "model.keras")
    features = features_for(graph, 50, 1)
    assert_close(run_float(graph, features).output, np.asarray(model(features[None]))[0])


def test_sequential_model_with_strides_equals_keras(keras, tmp_path):
    layers = keras.layers
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [
            keras.Input((None, 6)),
            layers.Conv1D(8, 3, strides=2, padding="causal"),
            layers.BatchNormalization(),
            layers.Activation("leaky_relu"),
            layers.ZeroPadding1D((1, 0)),
            layers.DepthwiseConv1D(2, strides=3),
            layers.Dense(5, activation="softplus"),
        ]
    )
    trained_like(model)
    model.save(tmp_path / "model.keras")
    graph = load(tmp_path / "model.keras")
    assert graph.period == 6
    features = features_for(graph, 50, 2)
    output = run_float(graph, features).output
    assert_close(output[::6], np.asarray(model(features[None]))[0])
    np.testing.assert_array_equal(output[:6], np.repeat(output[:1], 6, 0))


@settings(RELAXED, max_examples=50, phases=UNSHRUNK)
@given(st.one_of(static_graphs(activations=MORE_ACTIVATIONS, weight_spreads=(0.0,)), gated_graphs()))
def test_random_network_equals_keras(keras, drawn):
    from keras_twin import to_keras

    graph = drawn.graph
    features = features_for(graph, 12, 0)
    with np.errstate(over="ignore"):
        trace = run_float(graph, features, record=True)
    if near_a_threshold(drawn, trace):
        return
    expected = np.asarray(to_keras(drawn.network)(features[None]))[0]
    assert_close(trace.output[:: graph.tensors[graph.output].period], expected)


def near_a_threshold(drawn: Drawn, trace) -> bool:
    """Whether a gate's logit is so small that the order of a sum decides it."""
    for node in drawn.graph.nodes:
        if node.op == "channel_gate":
            logits = operators()[node.op].margin(node, [trace.tensors[node.inputs[0]]])
            if np.min(np.abs(logits)) < 1e-4 * np.max(np.abs(logits)):
                return True
    return False


# ---- streams -----------------------------------------------------------------------------------------------------


def delay_graph(lag: int) -> Graph:
    """One channel, delayed by ``lag`` frames."""
    network = Network(1)
    kernel = np.zeros((lag + 1, 1, 1))
    kernel[0] = 1.0
    config = {"padding": "causal", "dilation_rate": [1], "strides": [1], "activation": "linear"}
    return network.graph(network.add("Conv1D", config, [network.input], 1, [kernel, np.zeros(1)]))


@pytest.mark.parametrize("lag", [1, 2, 5])
def test_causal_convolution_delays(lag):
    features = np.arange(1, 12, dtype=np.float32)[:, None]
    output = run_float(delay_graph(lag), features).output
    np.testing.assert_array_equal(output[:, 0], [0] * lag + list(range(1, 12 - lag)))


def test_dilated_taps_look_at_every_other_frame():
    network = Network(1)
    config = {"padding": "causal", "dilation_rate": [2], "strides": [1], "activation": "linear"}
    kernel = np.array([100.0, 10.0, 1.0])[:, None, None]
    graph = network.graph(network.add("Conv1D", config, [network.input], 1, [kernel, np.zeros(1)]))
    features = np.arange(1, 8, dtype=np.float32)[:, None]
    assert run_float(graph, features).output[:, 0].tolist() == [1, 2, 13, 24, 135, 246, 357]


def test_ring_moves_an_index_and_no_value():
    ring = Ring(3, 2, -1, np.int8)
    for value in (5, 6, 7, 8):
        ring.push(np.full(2, value, np.int8))
    np.testing.assert_array_equal(ring.frames[:, 0], [8, 6, 7])
    assert [int(ring.past(lag)[0]) for lag in (1, 2, 3)] == [8, 7, 6]
    assert ring.next == 1


@settings(RELAXED, max_examples=60)
@given(gated_graphs(), st.integers(0, 2**31))
def test_closed_channels_are_exactly_zero(drawn, seed):
    graph = drawn.graph
    quantized = random_quantization(graph, Jitter(seed, 0.7))
    layout = gate_layout(graph)
    traces = [
        (run_float(graph, features_for(graph, 8, seed), record=True), dict.fromkeys(graph.tensors, 0)),
        (
            run_int8(quantized, quantized_features(quantized, 8, seed), record=True),
            {name: quantized.quantization[name].zero_point for name in graph.tensors},
        ),
    ]
    for trace, zero in traces:
        for name, tensor in graph.tensors.items():
            if tensor.gate is not None:
                closed = ~layout.unpack(trace.gates, tensor.gate)[:: tensor.period]
                assert np.all(trace.tensors[name][:: tensor.period][closed] == zero[name])


@settings(RELAXED, max_examples=60)
@given(gated_graphs(), st.integers(0, 2**31))
def test_gates_only_leave_out_what_is_zero(drawn, seed):
    """Without the gates' permission to skip columns, the int8 result is the same."""
    import dataclasses

    graph = drawn.graph
    quantized = random_quantization(graph, Jitter(seed, 0.7))
    features = quantized_features(quantized, 8, seed)
    nodes = tuple(dataclasses.replace(node, column_gate=None) for node in graph.nodes)
    dense = dataclasses.replace(quantized, graph=dataclasses.replace(graph, nodes=nodes))
    np.testing.assert_array_equal(run_int8(quantized, features).output, run_int8(dense, features).output)


@settings(RELAXED, max_examples=60)
@given(gated_graphs(), st.integers(0, 2**31))
def test_macs_of_a_frame_are_the_layers_table_at_its_gates(drawn, seed):
    graph = drawn.graph
    layout = gate_layout(graph)
    trace = run_float(graph, features_for(graph, 7, seed))
    by_hand = np.zeros(7, np.int64)
    for name, macs in layer_macs(graph).items():
        period = next(node.period for node in graph.nodes if node.name == name)
        for frame in range(0, 7, period):
            is_open = {gate: layout.unpack(trace.gates[frame], gate) for gate in layout.offsets}
            rows = macs.rows if macs.row_gate is None else int(is_open[macs.row_gate].sum())
            columns = macs.columns if macs.column_gate is None else int(is_open[macs.column_gate].sum())
            by_hand[frame] += rows * columns * macs.taps
    np.testing.assert_array_equal(trace.macs, by_hand)
    everything = count_macs(graph, layout.constant(True)[None])[0]
    assert np.all(trace.macs <= everything)


def test_forced_gates_replace_the_decision():
    network = Network(4, seed=1)
    gate = network.decide(network.input, 4)
    graph = network.graph(network.close(network.dense(network.input, 4), gate))
    layout = gate_layout(graph)
    features = features_for(graph, 5, 1)
    pattern = layout.pack({gate.layer: np.array([True, False, False, True])})
    trace = run_float(graph, features, forced=pattern)
    assert trace.gates[:, 0].tolist() == [0b1001] * 5
    assert np.all(trace.output[:, 1:3] == 0)
    assert np.all(trace.output[:, [0, 3]] != 0)


def test_gate_bits_lie_byte_by_byte_in_execution_order():
    network = Network(3, seed=1)
    first = network.decide(network.input, 10)
    second = network.decide(network.input, 3)
    x = network.close(network.dense(network.input, 10), first)
    y = network.close(network.dense(network.input, 3), second)
    graph = network.graph(network.combine("Concatenate", x, y))
    layout = gate_layout(graph)
    assert (dict(layout.offsets), layout.size) == ({first.layer: 0, second.layer: 2}, 3)
    bits = {first.layer: np.arange(10) == 9, second.layer: np.array([True, True, False])}
    packed = layout.pack(bits)
    assert packed.tolist() == [0, 2, 3]
    for name, expected in bits.items():
        np.testing.assert_array_equal(layout.unpack(packed, name), expected)


def test_progress_counts_frames():
    seen: list[int] = []
    run_float(delay_graph(1), np.zeros((4, 1), np.float32), progress=seen.append)
    assert seen == [1, 1, 1, 1]
