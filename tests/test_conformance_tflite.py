"""The int8 specification and the generated C against TensorFlow Lite's reference kernels, bit for bit."""

from __future__ import annotations

import importlib.util
import shutil

import numpy as np
import pytest

for package in ("tensorflow", "tflite_runtime"):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed", allow_module_level=True)

from conftest import UNSHRUNK  # noqa: E402
from hypothesis import assume, given, reject, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from networks import (  # noqa: E402
    FOLDED_KINDS,
    JITTERS,
    STATIC_ACTIVATIONS,
    Drawn,
    Network,
    features_for,
    quantized_features,
    random_quantization,
    static_graphs,
)
from numpy.typing import NDArray  # noqa: E402
from spectral_networks import KINDS, SpectralNetwork, spectral_graphs  # noqa: E402
from tflite_model import write_tflite  # noqa: E402
from tflite_reference import Reference, reference_kernels  # noqa: E402

from slimse_mcu.graph import Quantization, QuantizedGraph  # noqa: E402
from slimse_mcu.plan import plan  # noqa: E402
from slimse_mcu.quantize import quantize_with  # noqa: E402
from slimse_mcu.streaming import run_int8  # noqa: E402

FRAMES = 13
SEEDS = st.integers(0, 2**31)
#: Layers along frequency, without those of 1-D.
REFERENCE_KINDS = tuple(dict.fromkeys(KINDS))


@pytest.fixture(scope="module")
def reference():
    """The reference interpreter: ``reference(model, features)``."""
    with reference_kernels() as kernels:
        yield kernels


def left_shifts_fit(quantized: QuantizedGraph) -> bool:
    """Whether no accumulator can leave int32 when it is shifted left.

    There the reference overflows (undefined behaviour: it wraps), and ours saturates; both are far beyond int8.
    """
    for node in quantized.graph.nodes:
        own = quantized.parameters[node.name]
        shifts = np.concatenate(
            [np.atleast_1d(value).astype(int) for key, value in own.items() if key.endswith(("shift", "shifts"))]
            + [[0]]
        )
        largest = 255.0 * 255.0
        if "weights" in own:
            sums = np.abs(own["weights"].astype(float)).reshape(len(own["weights"]), -1).sum(axis=1)
            largest = float(np.max(255.0 * sums + np.abs(own["bias"].astype(float))))
        elif node.op == "add":
            largest = 255.0 * 2.0**20
        if largest * 2.0 ** max(0, shifts.max()) >= 2.0**31:
            return False
    return True


# ---- with our parameters, written as a TensorFlow Lite model -----------------------------------------------------


def reference_tensors(
    reference: Reference, quantized: QuantizedGraph, features: NDArray[np.int8], dense_as_convolution: bool = False
) -> dict[str, NDArray[np.int8]]:
    """Every tensor that the reference computes for a sequence, ``[frames of its period, elements]``."""
    model, names = write_tflite(quantized, len(features), dense_as_convolution=dense_as_convolution)
    outputs = reference(model, features)
    sizes = [quantized.graph.tensors[name].size for name in names]
    return {name: output.reshape(-1, size) for name, size, output in zip(names, sizes, outputs, strict=True)}


@settings(max_examples=150)
@given(static_graphs(), JITTERS, st.booleans(), SEEDS)
def test_random_graph_equals_reference_at_every_tensor(reference, drawn, jitter, dense_as_convolution, seed):
    quantized = random_quantization(drawn.graph, jitter)
    assume(left_shifts_fit(quantized))
    features = quantized_features(quantized, FRAMES, seed)
    trace = run_int8(quantized, features, record=True)
    for name, expected in reference_tensors(reference, quantized, features, dense_as_convolution).items():
        period = drawn.graph.tensors[name].period
        np.testing.assert_array_equal(trace.tensors[name][::period], expected, err_msg=name)


@settings(max_examples=250)
@given(static_graphs(max_layers=1), JITTERS, st.booleans(), SEEDS)
def test_random_operator_equals_reference(reference, drawn, jitter, dense_as_convolution, seed):
    quantized = random_quantization(drawn.graph, jitter)
    assume(left_shifts_fit(quantized))
    features = quantized_features(quantized, FRAMES, seed)
    graph = drawn.graph
    if graph.output == graph.input:
        return
    expected = reference_tensors(reference, quantized, features, dense_as_convolution)[graph.output]
    output = run_int8(quantized, features).output
    np.testing.assert_array_equal(output[:: graph.tensors[graph.output].period], expected)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")
@settings(max_examples=12, phases=UNSHRUNK)
@given(static_graphs(), JITTERS, SEEDS)
def test_generated_c_equals_reference(reference, build, drawn, jitter, seed):
    quantized = random_quantization(drawn.graph, jitter)
    assume(left_shifts_fit(quantized))
    features = quantized_features(quantized, FRAMES, seed)
    native = build(plan(quantized))
    output = native.run(features).output
    expected = reference_tensors(reference, quantized, features)[drawn.graph.output]
    np.testing.assert_array_equal(output[:: drawn.graph.tensors[drawn.graph.output].period], expected)


@settings(max_examples=120)
@given(spectral_graphs(kinds=REFERENCE_KINDS), JITTERS, st.booleans(), SEEDS)
def test_random_graph_along_frequency_equals_reference_at_every_tensor(
    reference, drawn, jitter, dense_as_convolution, seed
):
    quantized = random_quantization(drawn.graph, jitter)
    assume(left_shifts_fit(quantized))
    features = quantized_features(quantized, FRAMES, seed)
    trace = run_int8(quantized, features, record=True)
    for name, expected in reference_tensors(reference, quantized, features, dense_as_convolution).items():
        np.testing.assert_array_equal(trace.tensors[name], expected, err_msg=name)


@pytest.mark.parametrize("kind", REFERENCE_KINDS)
@settings(max_examples=60)
@given(data=st.data(), jitter=JITTERS, seed=SEEDS)
def test_random_operator_along_frequency_equals_reference(reference, kind, data, jitter, seed):
    graph = data.draw(spectral_graphs(max_layers=1, kinds=[kind])).graph
    quantized = random_quantization(graph, jitter)
    assume(left_shifts_fit(quantized))
    if graph.output == graph.input:
        return
    features = quantized_features(quantized, FRAMES, seed)
    expected = reference_tensors(reference, quantized, features)[graph.output]
    np.testing.assert_array_equal(run_int8(quantized, features).output, expected)


#: Powers of two bring results onto ties exactly, where the order of roundings shows.
SCALES = st.one_of(
    st.integers(-10, 0).map(lambda power: 2.0**power), st.floats(1e-4, 2.0).map(lambda value: float(np.float32(value)))
)
QUANTIZATIONS = st.builds(Quantization, SCALES, st.integers(-128, 127))


@pytest.mark.parametrize("function", STATIC_ACTIVATIONS)
@settings(max_examples=60)
@given(QUANTIZATIONS, QUANTIZATIONS, SEEDS)
def test_activation_of_every_input_equals_reference(reference, function, source, output, seed):
    network = Network(1, seed)
    graph = network.graph(network.activation(network.input, function))
    quantized = quantize_with(graph, {graph.input: source, graph.output: output})
    inputs = np.arange(-128, 128, dtype=np.int8)[:, None]
    expected = reference_tensors(reference, quantized, inputs)[graph.output]
    np.testing.assert_array_equal(run_int8(quantized, inputs).output, expected)


def test_sigmoid_near_a_tie_follows_the_float32_steps_of_the_reference(reference):
    """The exact sigmoid rounds to 1 there; the reference's float32 steps fall on the other side of the tie."""
    network = Network(1)
    graph = network.graph(network.activation(network.input, "sigmoid"))
    quantized = quantize_with(graph, {graph.input: Quantization(2.0**-9, 120), graph.output: Quantization(1.0, 0)})
    inputs = np.arange(-128, 128, dtype=np.int8)[:, None]
    expected = reference_tensors(reference, quantized, inputs)[graph.output]
    assert expected[252, 0] == 0
    np.testing.assert_array_equal(run_int8(quantized, inputs).output, expected)


def test_accumulator_that_is_shifted_out_of_int32_saturates():
    """There is nothing to compare: the reference's left shift overflows."""
    network = Network(2)
    graph = network.graph(network.combine("Multiply", network.input, network.input))
    huge = {graph.input: Quantization(1500.0, 0), graph.output: Quantization(0.02, -128)}
    quantized = quantize_with(graph, huge)
    assert not left_shifts_fit(quantized)
    output = run_int8(quantized, np.array([[127, -127], [0, 1]], np.int8)).output
    np.testing.assert_array_equal(output, [[127, 127], [-128, 127]])


def test_leaky_relu_of_negative_slope_rounds_ties_as_the_reference(reference):
    network = Network(1)
    graph = network.graph(network.add("LeakyReLU", {"negative_slope": -0.25}, [network.input], 1))
    same = Quantization(0.0625, 18)
    quantized = quantize_with(graph, {graph.input: same, graph.output: Quantization(0.0625, 37)})
    inputs = np.arange(-128, 128, dtype=np.int8)[:, None]
    expected = reference_tensors(reference, quantized, inputs)[graph.output]
    np.testing.assert_array_equal(run_int8(quantized, inputs).output, expected)


@settings(max_examples=200)
@given(
    st.one_of(st.integers(1, 40), st.sampled_from([64, 257, 511])),
    st.one_of(st.integers(-12, 6).map(lambda power: 2.0**power), st.floats(1e-4, 40.0)),
    st.integers(0, 255),
    SEEDS,
)
def test_softmax_equals_reference(reference, channels, scale, spread, seed):
    network = Network(channels)
    graph = network.graph(network.add("Softmax", {"axis": -1}, [network.input], channels))
    quantized = quantize_with(graph, {graph.input: Quantization(float(np.float32(scale)), 3)})
    rng = np.random.default_rng(seed)
    lowest = rng.integers(-128, 128 - spread, (FRAMES, 1))
    features = (lowest + rng.integers(0, spread + 1, (FRAMES, channels))).astype(np.int8)
    features[:2] = lowest[:2]
    expected = reference_tensors(reference, quantized, features)[graph.output]
    np.testing.assert_array_equal(run_int8(quantized, features).output, expected)


@settings(max_examples=200)
@given(
    st.one_of(st.integers(1, 40), st.sampled_from([64, 128, 255, 257, 1024])),
    st.integers(1, 5),
    QUANTIZATIONS,
    QUANTIZATIONS,
    SEEDS,
)
def test_mean_equals_reference(reference, positions, channels, source, output, seed):
    network = SpectralNetwork(positions, channels)
    graph = network.graph(network.mean(network.spectrum, keepdims=False))
    quantized = quantize_with(graph, {graph.input: source, graph.output: output})
    # Sums around zero, where neither end saturates, and small ones, which meet ties.
    rng = np.random.default_rng(seed)
    spread = int(rng.choice([1, 8, 128]))
    centred = source.zero_point + rng.integers(-spread, spread + 1, (FRAMES, positions * channels))
    features = np.clip(centred, -128, 127).astype(np.int8)
    expected = reference_tensors(reference, quantized, features)[graph.output]
    np.testing.assert_array_equal(run_int8(quantized, features).output, expected)


# ---- with the parameters of TensorFlow Lite's converter ----------------------------------------------------------


def assert_converted_model_equals(reference: Reference, drawn: Drawn) -> None:
    """Convert the network's Keras twin, take its parameters over, compare every tensor.

    Raises:
        UnmappableError: The converter gave the model another structure.
        ConverterError: The converter refused the model.
    """
    from keras_twin import to_keras
    from tflite_converted import adopt, convert

    graph = drawn.graph
    model = to_keras(drawn.network, frames=FRAMES)
    converted = adopt(graph, convert(model, [features_for(graph, FRAMES, seed) for seed in range(6)]))
    # The converter folds in float32 in its own order, which moves few weights over a tie.
    assert converted.differing <= 1 + converted.weights // 50
    features = quantized_features(converted.quantized, FRAMES, 0)
    trace = run_int8(converted.quantized, features, record=True)
    for name, output in zip(converted.names, reference(converted.model, features), strict=True):
        expected = output.reshape(-1, graph.tensors[name].channels)
        np.testing.assert_array_equal(trace.tensors[name][:: graph.tensors[name].period], expected, err_msg=name)


@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs")
@settings(max_examples=12, phases=UNSHRUNK)
@given(static_graphs(max_layers=8, weight_spreads=(0.0, 0.5), kinds=FOLDED_KINDS))
def test_random_model_converted_by_tensorflow_lite_equals_reference(reference, drawn):
    from tensorflow.lite.python.convert_phase import ConverterError
    from tflite_converted import UnmappableError

    try:
        assert_converted_model_equals(reference, drawn)
    except (UnmappableError, ConverterError):
        reject()


@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs")
def test_temporal_convolutional_network_converted_by_tensorflow_lite_equals_reference(reference):
    network = Network(33, 1)
    x = network.activation(network.batch_norm(network.dense(network.input, 16)), "relu")
    for dilation in (1, 2, 4):
        hidden = network.activation(network.batch_norm(network.conv(x, 24, 1)), "relu")
        hidden = network.depthwise(hidden, 3, dilation)
        hidden = network.activation(network.batch_norm(hidden), "relu")
        x = network.combine("Add", x, network.batch_norm(network.conv(hidden, 16, 1)))
    graph = network.graph(network.dense(x, 33, "sigmoid"))
    assert_converted_model_equals(reference, Drawn(network, graph))
