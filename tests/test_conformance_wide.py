"""int16 tensors against TensorFlow Lite's reference kernels for int16 activations and int8 weights, bit for bit.

Not compared: what widens an int8 tensor (TensorFlow Lite has nothing that does), and the functions of one variable for
which its arithmetic is another (all but sigmoid, tanh, relu and relu6).
"""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

for package in ("tensorflow", "tflite_runtime"):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed", allow_module_level=True)

from hypothesis import assume, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from networks import (  # noqa: E402
    JITTERS,
    STATIC_KINDS,
    Jitter,
    Network,
    quantized_features,
    random_quantization,
    static_graphs,
)
from spectral_networks import CONVOLUTIONS, spectral_graphs  # noqa: E402
from tflite_model import write_tflite  # noqa: E402
from tflite_reference import Reference, reference_kernels  # noqa: E402

from slimse_mcu.errors import QuantizeError  # noqa: E402
from slimse_mcu.graph import Graph, Quantization, QuantizedGraph  # noqa: E402
from slimse_mcu.quantize import quantize_with  # noqa: E402
from slimse_mcu.streaming import run_int8  # noqa: E402

FRAMES = 13
SEEDS = st.integers(0, 2**31)
ACTIVATIONS = ("relu", "relu6", "sigmoid", "tanh")
#: Layers along frequency that both have in 16 bits.
SPECTRAL_KINDS = (*CONVOLUTIONS, "separable", "pool", "mean", "resize", "bands", "norm", "activation", "pair", "concat")


@pytest.fixture(scope="module")
def reference():
    """The reference interpreter: ``reference(model, features)``."""
    with reference_kernels() as kernels:
        yield kernels


def int32_holds_all(quantized: QuantizedGraph) -> bool:
    """Whether no int32 overflows before it is clamped, which wraps or is undefined in the reference; ours saturates."""
    for node in quantized.graph.nodes:
        own = quantized.parameters[node.name]
        parts = own.get("parts", (own,))
        if node.attributes.get("function") in ("sigmoid", "tanh"):
            continue
        if "weights" in own:
            sums = np.abs(own["weights"].astype(float)).reshape(len(own["weights"]), -1).sum(axis=1) * 2.0**15
            scaled = (sums + np.abs(own["bias"].astype(float))) * own["multiplier"] / 2.0 ** own["shift"].astype(float)
            if scaled.max() >= 2.0**31:
                return False
            continue
        largest = 2.0**30 if node.op in ("add", "multiply", "mean") else 2.0**15
        shifts = [int(value) for part in parts for key, value in part.items() if key.endswith("shift")]
        if largest * 2.0 ** max([0, *shifts]) >= 2.0**31:
            return False
    return True


def quantized_wide(graph: Graph, jitter: Jitter, narrow: frozenset[str] = frozenset()) -> QuantizedGraph:
    """All tensors in 16 bits but ``narrow``; ranges that are refused or overflow in the reference are rejected."""
    try:
        quantized = random_quantization(graph, jitter, wide=frozenset(graph.tensors) - narrow)
    except QuantizeError as error:
        assume(not any(words in str(error) for words in ("far too small", "too large")))
        raise
    assume(int32_holds_all(quantized))
    return quantized


def assert_equals_reference(
    reference: Reference, quantized: QuantizedGraph, seed: int, dense_as_convolution: bool = False
) -> None:
    """Every tensor of a sequence."""
    features = quantized_features(quantized, FRAMES, seed)
    trace = run_int8(quantized, features, record=True)
    model, names = write_tflite(quantized, FRAMES, dense_as_convolution=dense_as_convolution)
    for name, expected in zip(names, reference(model, features), strict=True):
        tensor = quantized.graph.tensors[name]
        values = trace.tensors[name][:: tensor.period]
        np.testing.assert_array_equal(values, expected.reshape(-1, tensor.size), err_msg=name)
        assert values.dtype == expected.dtype


@settings(max_examples=120)
@given(static_graphs(activations=ACTIVATIONS), JITTERS, st.booleans(), SEEDS)
def test_random_graph_equals_reference_at_every_tensor(reference, drawn, jitter, dense_as_convolution, seed):
    assert_equals_reference(reference, quantized_wide(drawn.graph, jitter), seed, dense_as_convolution)


@pytest.mark.parametrize("kind", sorted(set(STATIC_KINDS)))
@settings(max_examples=25)
@given(data=st.data(), jitter=JITTERS, seed=SEEDS)
def test_random_operator_equals_reference(reference, kind, data, jitter, seed):
    graph = data.draw(static_graphs(max_layers=1, kinds=[kind], activations=ACTIVATIONS)).graph
    assume(graph.output != graph.input)
    assert_equals_reference(reference, quantized_wide(graph, jitter), seed)


@settings(max_examples=40)
@given(static_graphs(max_layers=1, activations=ACTIVATIONS), JITTERS, SEEDS)
def test_narrowed_output_equals_reference(reference, drawn, jitter, seed):
    """A wide layer writes int16, which is then quantized to int8."""
    graph = drawn.graph
    assume(graph.output != graph.input)
    quantized = quantized_wide(graph, jitter, frozenset({graph.output}))
    assert quantized.quantization[graph.output].bits == 8
    assert_equals_reference(reference, quantized, seed)


@settings(max_examples=80)
@given(spectral_graphs(kinds=SPECTRAL_KINDS, activations=ACTIVATIONS), JITTERS, st.booleans(), SEEDS)
def test_random_graph_along_frequency_equals_reference(reference, drawn, jitter, dense_as_convolution, seed):
    assert_equals_reference(reference, quantized_wide(drawn.graph, jitter), seed, dense_as_convolution)


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "relu", "relu6"])
@pytest.mark.parametrize("scale", [2.0**-12, 2.0**-11, 1e-4, 7.7e-4, 0.02, 1.9])
def test_activation_of_every_input_equals_reference(reference, function, scale):
    network = Network(64)
    graph = network.graph(network.activation(network.input, function))
    source = Quantization(float(np.float32(scale)), 0, bits=16)
    quantized = quantize_with(graph, {graph.input: source, graph.output: Quantization(2.0**-12, 0, bits=16)})
    inputs = np.arange(-32768, 32768).astype(np.int16).reshape(-1, 64)
    model, _ = write_tflite(quantized, len(inputs))
    (expected,) = reference(model, inputs)
    np.testing.assert_array_equal(run_int8(quantized, inputs).output, expected.reshape(-1, 64))
