"""Layers along frequency: streams equal Keras, generated C equals the specification, and what is refused."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import UNSHRUNK
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_file import functional_config, weights_store, write_archive
from native import build_native
from native.gated import assert_equal_runs, closed_constants, gate_sequences, poison_statements
from networks import JITTERS, Jitter, Value, features_for, quantized_features, random_quantization
from spectral_networks import SpectralNetwork, spectral_graphs
from test_load import JSON, load_or_refuse, places

from slimse_mcu.emit import emit
from slimse_mcu.errors import ModelError
from slimse_mcu.load import load
from slimse_mcu.plan import plan
from slimse_mcu.streaming import count_macs, layer_macs, run_float, run_int8

FRAMES = 12
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")


def assert_equals_keras(drawn) -> None:
    pytest.importorskip("keras")
    from keras_twin import to_keras

    features = features_for(drawn.graph, FRAMES, 0)
    expected = np.asarray(to_keras(drawn.network)(features[None]))[0].reshape(FRAMES, -1)
    actual = run_float(drawn.graph, features).output
    assert np.max(np.abs(actual - expected)) <= 1e-5 * max(1e-3, float(np.max(np.abs(expected))))


@settings(max_examples=60, phases=UNSHRUNK)
@given(spectral_graphs(weight_spreads=(0.0,), strided_depthwise=False))
def test_random_stream_equals_keras(drawn):
    assert_equals_keras(drawn)


@settings(max_examples=25, phases=UNSHRUNK)
@given(spectral_graphs(weight_spreads=(0.0,), strided_depthwise=False, gated=True))
def test_random_gated_stream_equals_keras(drawn):
    assert_equals_keras(drawn)


@needs_gcc
@settings(max_examples=40, phases=UNSHRUNK)
@given(spectral_graphs(), JITTERS, st.integers(0, 2**31))
def test_generated_c_equals_specification(build, drawn, jitter, seed):
    quantized = random_quantization(drawn.graph, jitter)
    assert_equal_runs(build(plan(quantized)), quantized_features(quantized, FRAMES, seed), None)


@pytest.mark.slow
@needs_gcc
@settings(max_examples=40, phases=UNSHRUNK)
@given(spectral_graphs(gated=True), JITTERS, st.booleans(), st.integers(0, 2**31))
def test_generated_c_with_parts_equals_specification(build, drawn, jitter, instrumented, seed):
    quantized = random_quantization(drawn.graph, jitter)
    native = build(plan(quantized, instrumented=instrumented))
    features = quantized_features(quantized, FRAMES, seed)
    for forced in gate_sequences(quantized, FRAMES, seed).values():
        assert_equal_runs(native, features, forced)


# ---- a model as Keras saves it -----------------------------------------------------------------------------------


def test_saved_encoder_and_decoder_equal_keras(tmp_path):
    keras = pytest.importorskip("keras")
    from slimse_mcu.models import Bands

    layers = keras.layers
    keras.utils.set_random_seed(5)
    rng = np.random.default_rng(5)
    source = keras.Input((None, 13, 3))
    x = layers.ZeroPadding2D(((2, 0), (1, 2)))(source)
    x = layers.Conv2D(6, (3, 5), (1, 2), use_bias=False)(layers.Dropout(0.1)(x))
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    y = layers.Conv2D(5, (1, 3), padding="same", activation="tanh")(x)
    y = layers.ZeroPadding2D(((4, 0), (2, 2)))(y)
    y = layers.DepthwiseConv2D((3, 3), dilation_rate=2, depth_multiplier=2)(y)
    y = layers.PReLU(shared_axes=[1, 2], alpha_initializer="random_normal")(y)
    y = layers.BatchNormalization()(layers.Concatenate()([y, x]))
    y = layers.Conv2DTranspose(4, (3, 4), (1, 2), activation="elu")(y)
    y = layers.BatchNormalization()(layers.Cropping2D(((0, 2), (1, 0)))(y))
    high = layers.MaxPooling2D((1, 3), (1, 2), padding="same")(y)
    mean = layers.AveragePooling2D((1, 3), (1, 2), padding="same")(y)
    y = layers.UpSampling2D((1, 3))(layers.Add()([high, mean]))
    y = layers.ZeroPadding2D((0, (2, 1)))(y)
    y = layers.Multiply()([y, layers.Activation("sigmoid")(y)])
    y = Bands(7, rng.normal(size=(7, 24)).astype(np.float32))(y)
    y = layers.SeparableConv2D(4, (1, 3), padding="same", depth_multiplier=2)(y)
    y = layers.Conv2DTranspose(2, (1, 5), (1, 2), padding="same", activation="relu")(y)
    model = keras.Model(source, layers.ZeroPadding2D(((0, 0), (1, 1)))(y))
    for layer in model.layers:
        layer.set_weights([value + 0.1 * np.abs(rng.normal(size=value.shape)) for value in layer.get_weights()])
    model.save(tmp_path / "model.keras")
    graph = load(tmp_path / "model.keras")
    assert [node.op for node in graph.nodes].count("depthwise_conv2d") == 4, "two norms are folded, two are not"
    features = features_for(graph, 20, 1)
    expected = np.asarray(model(features.reshape(1, 20, 13, 3)))[0].reshape(20, -1)
    actual = run_float(graph, features).output
    assert np.max(np.abs(actual - expected)) <= 1e-5 * np.max(np.abs(expected))


def test_strides_along_time_equal_keras(tmp_path):
    keras = pytest.importorskip("keras")
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((None, 7, 2)),
            layers.ZeroPadding2D(((2, 0), (1, 1))),
            layers.Conv2D(3, 3, (2, 1)),
            layers.Conv2D(4, (1, 3), (3, 1), padding="same"),
            layers.ZeroPadding2D(((1, 0), (0, 0))),
            layers.DepthwiseConv2D((2, 1)),
        ]
    )
    model.save(tmp_path / "model.keras")
    graph = load(tmp_path / "model.keras")
    assert graph.period == 6
    features = features_for(graph, 24, 1)
    expected = np.asarray(model(features.reshape(1, 24, 7, 2)))[0].reshape(4, -1)
    actual = run_float(graph, features).output
    assert np.max(np.abs(actual[::6] - expected)) <= 1e-5 * np.max(np.abs(expected))


def test_layers_inside_time_distributed_equal_keras(tmp_path):
    keras = pytest.importorskip("keras")
    layers = keras.layers
    keras.utils.set_random_seed(6)
    source = keras.Input((None, 12, 3))
    x = layers.TimeDistributed(layers.Conv1D(4, 5, strides=2, padding="same", activation="relu"))(source)
    x = layers.TimeDistributed(layers.Conv1D(5, 2, dilation_rate=3, bias_initializer="uniform"))(x)
    x = layers.TimeDistributed(layers.Dense(6, activation="tanh", bias_initializer="uniform"))(x)
    mean = layers.TimeDistributed(layers.GlobalAveragePooling1D(keepdims=True))(x)
    x = layers.Concatenate(axis=2)([x, layers.LeakyReLU()(mean)])
    x = layers.TimeDistributed(layers.GlobalAveragePooling1D())(x)
    model = keras.Model(source, layers.TimeDistributed(layers.Dense(4))(x))
    model.save(tmp_path / "model.keras")
    graph = load(tmp_path / "model.keras")
    assert [node.op for node in graph.nodes].count("mean") == 2
    assert graph.tensors[graph.output].shape == (4,)
    features = features_for(graph, 20, 1)
    expected = np.asarray(model(features.reshape(1, 20, 12, 3)))[0]
    actual = run_float(graph, features).output
    assert np.max(np.abs(actual - expected)) <= 1e-5 * np.max(np.abs(expected))


# ---- what is counted, shared and skipped -------------------------------------------------------------------------


def test_taps_beside_the_input_are_not_counted():
    network = SpectralNetwork(5, 2)
    graph = network.graph(network.conv2d(network.spectrum, 3, (2, 3), padding=(1, 1)))
    assert layer_macs(graph)[graph.nodes[0].name].all_open == (2 + 3 + 3 + 3 + 2) * 2 * 2 * 3
    network = SpectralNetwork(4, 2)
    graph = network.graph(network.transposed(network.spectrum, 3, (1, 3), 2))
    assert layer_macs(graph)[graph.nodes[0].name].all_open == (4 * 3) * 2 * 3


def test_matrix_costs_its_non_zeros():
    network = SpectralNetwork(6, 2)
    matrix = np.zeros((4, 6))
    matrix[0, 1:4] = matrix[2, 5] = 1.0
    value = network.add("slimse>Bands", {"rows": 4}, [network.spectrum], 2, [matrix], positions=4)
    graph = network.graph(value)
    assert layer_macs(graph)[graph.nodes[0].name].all_open == (3 + 1) * 2


def test_padding_that_several_layers_read_is_copied_once():
    network = SpectralNetwork(5, 2)
    padded = network.pad(network.spectrum, 0, (1, 1))
    x, y = network.activation(padded, "tanh"), network.activation(padded, "sigmoid")
    graph = network.graph(network.combine("Add", x, network.combine("Multiply", padded, y)))
    assert [node.op for node in graph.nodes] == ["resize", "lookup", "lookup", "multiply", "add"]


def slimmable(taps: int = 1) -> SpectralNetwork:
    """A gated convolution, one that reads it, and their transposed counterparts, all of two parts."""
    network = SpectralNetwork(4, 8, seed=2)
    policy = network.policy(network.input, ["a", "b", "c", "d"])
    x = network.conv2d(network.spectrum, 16, (2, 3), 2, padding=(1, 1), name="first")
    x = network.gate_parts(x, policy, [None, 0], ["zero"] * 2)
    x = network.conv2d(x, 16, (taps, 3), padding=(1, 1), name="second")
    x = network.gate_parts(x, policy, [None, 1], ["zero"] * 2)
    x = network.gate_parts(network.transposed(x, 16, (1, 3), 2, "same"), policy, [None, 2], ["zero"] * 2)
    x = network.repeat(network.pool(network.bands(x, 6), "Max", 2, 2), 2)
    x = network.gate_parts(network.transposed(x, 16, (1, 3), 2), policy, [3, None], ["zero"] * 2)
    network.output = network.dense(x, 3)
    return network


def test_closed_channels_are_not_read_behind_bands_and_pools():
    network = slimmable()
    graph = network.graph(network.output)
    blocks = {node.name: [block.channels for block in node.column_blocks] for node in graph.nodes}
    assert blocks["second"] == [8, 8]
    assert [sizes for sizes in blocks.values() if sizes] == [[8, 8]] * 4
    # Of a ring's frames some were written with the block open.
    network = slimmable(taps=2)
    assert not next(node for node in network.graph(network.output).nodes if node.name == "second").column_blocks


def test_closed_channels_are_not_read_behind_a_mean():
    network = SpectralNetwork(4, 2)
    policy = network.policy(network.input, ["a"])
    x = network.gate_parts(network.dense(network.spectrum, 6), policy, [None, 0], ["zero"] * 2)
    graph = network.graph(network.dense(network.mean(x, keepdims=False), 3))
    assert [block.channels for block in graph.nodes[-1].column_blocks] == [3, 3]
    quantized = random_quantization(graph, Jitter(1, 0.5))
    closed = plan(quantized).gates.pack({graph.nodes[-1].column_blocks[1].component.gate: np.zeros(1, bool)})
    trace = run_int8(quantized, quantized_features(quantized, 5, 0), forced=np.repeat(closed[None], 5, 0), record=True)
    mean = graph.nodes[-1].inputs[0]
    assert np.all(trace.tensors[mean][:, 3:] == quantized.quantization[mean].zero_point)


def pooled(network: SpectralNetwork, x: Value) -> Value:
    return network.pool(x, "Max", 2, 2)


def cropped(network: SpectralNetwork, x: Value) -> Value:
    return network.crop(x, 0, (1, 1))


def averaged(network: SpectralNetwork, x: Value) -> Value:
    return network.mean(x, keepdims=True)


@needs_gcc
@pytest.mark.parametrize("between", [pooled, cropped, averaged])
def test_closed_parts_end_where_a_reshape_mixes_their_channels(build, between):
    network = SpectralNetwork(2, 2)
    policy = network.policy(network.input, ["a"])
    x = network.gate_parts(network.dense(network.input, 16), policy, [None, 0], ["zero"] * 2)
    x = between(network, network.reshape(x, 4, 4))
    graph = network.graph(network.conv2d(x, 3, (1, 1)))
    assert not graph.nodes[-1].column_blocks
    quantized = random_quantization(graph, Jitter(1, 0.5))
    assert_equal_runs(build(plan(quantized)), quantized_features(quantized, FRAMES, 0), None)


@needs_gcc
@pytest.mark.parametrize("activation", ["linear", "tanh"])
@pytest.mark.parametrize("is_behind", [True, False])
def test_channel_gate_ends_where_a_reshape_mixes_its_channels(build, activation, is_behind):
    network = SpectralNetwork(4, 4)
    gate = network.decide(network.input, 16)

    def gated(x: Value) -> Value:
        return network.add("slimse>GateChannels", {"channels": 16}, [x, gate], 16)

    if is_behind:
        x = network.reshape(gated(network.dense(network.input, 16)), 4, 4)
        x = network.dense(network.activation(x, activation), 3)
    else:
        x = network.activation(network.dense(network.spectrum, 4), activation)
        x = network.dense(gated(network.reshape(x, 0, 16)), 3)
    quantized = random_quantization(network.graph(x), Jitter(1, 0.5))
    assert_equal_runs(build(plan(quantized)), quantized_features(quantized, FRAMES, 0), None)


@needs_gcc
def test_macs_of_all_gate_vectors_and_weights_of_closed_parts(build_folders, tmp_path):
    network = slimmable()
    graph = network.graph(network.output)
    quantized = random_quantization(graph, Jitter(1, 0.5))
    planned = plan(quantized)
    (gate,) = graph.gates
    features = quantized_features(quantized, 16, 0)
    vectors = np.array(list(itertools.product([0, 1], repeat=4)), bool)
    patterns = np.stack([planned.gates.pack({gate: vector}) for vector in vectors])
    native = build_native(emit(planned), planned, *build_folders)
    assert_equal_runs(native, features, patterns)
    np.testing.assert_array_equal(native.run(features, patterns).macs, count_macs(graph, patterns))
    is_open = {gate: np.array([0, 1, 0, 1], bool)}
    statements = poison_statements(closed_constants(quantized, is_open))
    assert statements.count("__asan") > 50
    native = build_native(emit(planned), planned, tmp_path, build_folders[1], poison=statements)
    assert_equal_runs(native, features, np.repeat(planned.gates.pack(is_open)[None], 16, 0))
    with pytest.raises(AssertionError, match="use-after-poison"):
        native.run(features[:1], planned.gates.pack({gate: np.array([0, 1, 1, 1], bool)})[None])


# ---- what is refused ---------------------------------------------------------------------------------------------


def conv(network: SpectralNetwork, x: Value, kernel: tuple[int, int] = (1, 3), **config: Any) -> Value:
    weights = [np.ones((*kernel, x.channels, 2)), np.zeros(2)]
    config = {"padding": "valid", "strides": [1, 1], "dilation_rate": [1, 1], **config}
    return network.add("Conv2D", config, [x], 2, weights, name="bad")


def turned(network: SpectralNetwork, kernel: tuple[int, int] = (1, 3), name: str = "bad", **config: Any) -> Value:
    weights = [np.ones((*kernel, 2, network.spectrum.channels)), np.zeros(2)]
    config = {"padding": "valid", "strides": [1, 1], "dilation_rate": [1, 1], "output_padding": None, **config}
    return network.add("Conv2DTranspose", config, [network.spectrum], 2, weights, name=name)


def plain(kind: str, **config: Any) -> Callable[[SpectralNetwork], Value]:
    return lambda network: network.add(kind, config, [network.spectrum], 3, name="bad")


def read_without_crop(network: SpectralNetwork) -> Value:
    return network.add("ReLU", {}, [turned(network, (3, 1), name="up")], 2, name="bad")


def matrix(network: SpectralNetwork) -> Value:
    return network.add("slimse>Bands", {"rows": 4}, [network.spectrum], 3, [np.ones((4, 7))], name="bad")


def depthwise(network: SpectralNetwork) -> Value:
    config = {"padding": "valid", "strides": [1, 1], "dilation_rate": [1, 1]}
    return network.add(
        "DepthwiseConv2D", config, [network.spectrum], 6, [np.ones((1, 1, 6, 1)), np.zeros(6)], name="bad"
    )


REFUSED: dict[str, tuple[Callable[[SpectralNetwork], Value], str]] = {
    "same along time": (lambda n: conv(n, n.spectrum, (2, 1), padding="same"), "not causal.*ZeroPadding2D"),
    "no padding": (lambda n: conv(n, n.spectrum, (3, 1)), r"reaches back 2 frames.*ZeroPadding2D\(\(\(2, 0\)"),
    "too little padding": (lambda n: conv(n, n.pad(n.spectrum, 1, (0, 0)), (3, 1)), "behind 1 frames"),
    "too much padding": (lambda n: conv(n, n.pad(n.spectrum, 1, (0, 0))), "behind 1 frames.*reaches back 0"),
    "right padding": (plain("ZeroPadding2D", padding=[[1, 1], [0, 0]]), "pads 1 future frames: not causal"),
    "padding of one side": (plain("ZeroPadding2D", padding=[[1, 1, 1], [0, 0]]), "expected"),
    "padding behind padding": (
        lambda n: n.add("ReLU", {}, [n.pad(n.spectrum, 2, (0, 1))], 3, name="bad"),
        "zero-padded.*may follow the ZeroPadding2D",
    ),
    "groups": (lambda n: conv(n, n.spectrum, groups=3), "groups.*DepthwiseConv2D"),
    "channels first": (lambda n: conv(n, n.spectrum, data_format="channels_first"), "channels_first"),
    "kernel of more positions": (lambda n: conv(n, n.spectrum, (1, 9)), "spans 9 of 5 positions"),
    "kernel of too many frames": (lambda n: conv(n, n.pad(n.spectrum, 32, (0, 0)), (33, 1)), "33 frames; at most 32"),
    "padding of another kind": (lambda n: conv(n, n.spectrum, padding="full"), "'full'"),
    "strides of three axes": (lambda n: conv(n, n.spectrum, strides=[1, 1, 1]), "strides"),
    "endless stride": (lambda n: conv(n, n.spectrum, strides=[1, 10**9]), "at most 65535"),
    "endless padding": (lambda n: conv(n, n.pad(n.spectrum, 0, (10**9, 0))), "at most"),
    "vector": (lambda n: conv(n, n.input), r"shape \(time, 15\).*Reshape\(\(-1, frequencies, channels\)\)"),
    "weights for fewer channels": (depthwise, r"weights of shape \(1, 1, 6, 1\), its input has 3 channels"),
    "transposed along time": (lambda n: turned(n, strides=[2, 1]), r"multiplies the frames by 2"),
    "transposed and dilated": (lambda n: turned(n, dilation_rate=[1, 2]), "dilation"),
    "transposed with more padding": (lambda n: turned(n, output_padding=[0, 1]), "output padding"),
    "transposed same": (lambda n: turned(n, (3, 1), padding="same"), r"not causal.*Cropping2D\(\(\(0, 2\)"),
    "transposed and not cropped": (read_without_crop, r"reads 2 frames that 'up' yields.*Cropping2D\(\(\(0, 2\)"),
    "transposed at the end": (lambda n: turned(n, (3, 1)), "frames too many"),
    "cropped by too little": (lambda n: n.crop(turned(n, (3, 1)), 1, (0, 0)), r"crops 0 .* 1 behind.*0, 2"),
    "frames cropped": (plain("Cropping2D", cropping=1), "crops 1 frames before"),
    "all cropped": (plain("Cropping2D", cropping=[[0, 0], [3, 2]]), "crops 5 of 5 positions"),
    "pooling of frames": (plain("MaxPooling2D", pool_size=[2, 2]), "pools 2 frames"),
    "default pooling": (plain("AveragePooling2D"), "pools 2 frames"),
    "pooling of more positions": (plain("MaxPooling2D", pool_size=[1, 6], padding="valid"), "spans 6 of 5"),
    "repeated frames": (plain("UpSampling2D", size=[2, 2]), "repeats frames 2 times"),
    "interpolation": (plain("UpSampling2D", size=[1, 2], interpolation="bilinear"), "bilinear"),
    "matrix of another size": (matrix, r"\(4, 7\), its input has 5 positions"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused_layer_is_named_with_a_way_out(case):
    build_network, message = REFUSED[case]
    network = SpectralNetwork(5, 3)
    with pytest.raises(ModelError) as caught:
        network.graph(build_network(network))
    text = str(caught.value) + " " + caught.value.hint
    assert re.search(message, text, flags=re.DOTALL), text
    assert caught.value.hint
    assert "at the end" in case or re.match(r"Layer '(bad|zeropadding2d_2|cropping2d_\d)' ", caught.value.message)


def usual_network() -> SpectralNetwork:
    """Every kind of layer along frequency once."""
    network = SpectralNetwork(6, 2, seed=1)
    x = network.conv2d(network.spectrum, 4, (2, 3), 2, padding=(1, 1))
    x = network.activation(network.batch_norm(x), "prelu")
    x = network.depthwise2d(x, (2, 3), 2, dilation=(2, 1), padding=(1, 1), activation="relu")
    x = network.transposed(network.separable2d(x, 3, (1, 2)), 3, (2, 4), 2, crop=(1, 1))
    x = network.combine("Add", network.pool(x, "Max", 2, 1, "same"), network.pool(x, "Average", 3, 1, "same"))
    x = network.bands(network.crop(network.pad(network.repeat(x, 2), 0, (1, 2)), 0, (2, 0)), 5)
    network.output = network.reshape(x, 0, 15)
    return network


def test_usual_network_loads(tmp_path):
    network = usual_network()
    graph = load(write_archive(tmp_path / "model.keras", functional_config(network), weights_store(network.layers)))
    assert {node.op for node in graph.nodes} >= {"conv2d", "depthwise_conv2d", "conv2d_transpose", "bands", "resize"}


@settings(max_examples=200)
@given(st.data())
def test_changed_configuration_gives_a_model_or_a_model_error(tmp_path_factory, data):
    network = usual_network()
    config = functional_config(network)
    for _ in range(data.draw(st.integers(1, 2))):
        target = config
        *parents, key = data.draw(st.sampled_from([path for path in places(config) if "layers" in path]))
        for parent in parents:
            target = target[parent]
        target[key] = data.draw(st.one_of(JSON, st.integers(-2, 9), st.lists(st.integers(-1, 4), max_size=3)))
    path = tmp_path_factory.getbasetemp() / "fuzzed_config.keras"
    load_or_refuse(write_archive(path, config, weights_store(network.layers)))
