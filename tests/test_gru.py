"""The GRU: float against Keras, int8 against float, C against the specification, state over a long time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from native import build_native
from networks import Network
from numpy.typing import NDArray

from slimse_mcu.emit import emit
from slimse_mcu.errors import ModelError
from slimse_mcu.load import load
from slimse_mcu.ops.arithmetic import dequantize_values, quantize_values
from slimse_mcu.ops.gru import SIGMOID_TABLE, TANH_TABLE, interpolate
from slimse_mcu.plan import plan
from slimse_mcu.quantize import quantize
from slimse_mcu.streaming import run_float, run_int8

RELAXED = settings(deadline=None, derandomize=True, max_examples=12, suppress_health_check=list(HealthCheck))


def gru_graph(columns: int, units: int, *, reset_after: bool, seed: int, spread: float = 1.0, bias: bool = True):
    """A GRU with random weights as the compiler imports it."""
    rng = np.random.default_rng(seed)
    network = Network(columns, seed)
    weights = [
        rng.normal(0, spread / np.sqrt(columns), (columns, 3 * units)),
        rng.normal(0, spread / np.sqrt(units), (units, 3 * units)),
    ]
    if bias:
        weights.append(rng.normal(0, 0.3, (2, 3 * units) if reset_after else 3 * units))
    config = {"units": units, "return_sequences": True, "reset_after": reset_after, "use_bias": bias}
    value = network.add("GRU", config, [network.input], units, weights)
    return network.graph(value)


def features_of(columns: int, frames: int, seed: int) -> NDArray[np.float32]:
    """Slowly varying features."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.5, (frames, columns)).cumsum(axis=0)
    return np.tanh(steps / 4).astype(np.float32) * 2


@RELAXED
@given(
    columns=st.integers(1, 19),
    units=st.integers(1, 21),
    reset_after=st.booleans(),
    bias=st.booleans(),
    spread=st.sampled_from([0.0, 0.3, 1.0, 8.0]),
    seed=st.integers(0, 2**16),
)
def test_generated_c_equals_specification(tmp_path_factory, columns, units, reset_after, bias, spread, seed):
    graph = gru_graph(columns, units, reset_after=reset_after, seed=seed, spread=spread, bias=bias)
    quantized = quantize(graph, [features_of(columns, 40, seed)])
    planned = plan(quantized)
    folder = tmp_path_factory.mktemp("gru")
    model = build_native(emit(planned), planned, folder, tmp_path_factory.getbasetemp() / "kernels")
    features = np.random.default_rng(seed).integers(-128, 128, (30, columns)).astype(np.int8)
    expected, actual = run_int8(quantized, features), model.run(features)
    np.testing.assert_array_equal(actual.output, expected.output)
    np.testing.assert_array_equal(actual.macs, expected.macs)
    assert planned.macs_all_open == 3 * units * (columns + units)


@pytest.mark.parametrize("reset_after", [True, False])
def test_int8_follows_float(reset_after):
    graph = gru_graph(32, 48, reset_after=reset_after, seed=3)
    features = features_of(32, 1000, 4)
    quantized = quantize(graph, [features])
    real = run_float(graph, features).output
    integer = run_int8(quantized, quantize_values(features, quantized.quantization[graph.input])).output
    error = dequantize_values(integer, quantized.quantization[graph.output]) - real
    sqnr_db = 10 * np.log10(np.sum(real**2) / np.sum(error**2))
    assert sqnr_db > 25.0
    # The state is read back as it was written: the error of the last frames is no larger than that of the first.
    assert np.abs(error[-200:]).mean() < 1.5 * np.abs(error[:200]).mean()


def test_state_survives_closed_input_and_starts_at_zero():
    graph = gru_graph(4, 6, reset_after=True, seed=1, bias=False)
    quantized = quantize(graph, [features_of(4, 50, 0)])
    zero = quantize_values(np.zeros((3, 4), np.float32), quantized.quantization[graph.input])
    assert not run_int8(quantized, zero).output.any()


@pytest.mark.parametrize("table", [SIGMOID_TABLE, TANH_TABLE])
def test_interpolation_is_monotonic_and_close(table):
    inputs = np.arange(-32768, 32768, dtype=np.int64)
    values = interpolate(table, inputs)
    assert np.all(np.diff(values) >= 0)
    function = np.tanh if table is TANH_TABLE else lambda x: 1 / (1 + np.exp(-x))
    assert np.max(np.abs(values / 32768 - function(inputs / 4096))) < 4.5e-4


@pytest.mark.parametrize("reset_after", [True, False])
def test_float_equals_keras(tmp_path, reset_after):
    keras = pytest.importorskip("keras")
    inputs = keras.Input(shape=(None, 9))
    x = keras.layers.GRU(11, return_sequences=True, reset_after=reset_after, bias_initializer="glorot_normal")(inputs)
    x = keras.layers.GRU(7, return_sequences=True, reset_after=reset_after, use_bias=False)(x)
    model = keras.Model(inputs, keras.layers.Dense(5, activation="sigmoid")(x))
    model.save(tmp_path / "gru.keras")
    features = features_of(9, 80, 2)
    expected = np.asarray(model(features[None]))[0]
    actual = run_float(load(tmp_path / "gru.keras"), features).output
    assert np.max(np.abs(actual - expected)) <= 1e-5 * np.max(np.abs(expected))


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"return_sequences": False}, "sequence"),
        ({"go_backwards": True}, "future"),
        ({"activation": "relu"}, "relu"),
        ({"recurrent_activation": "hard_sigmoid"}, "hard_sigmoid"),
    ],
)
def test_unsupported_settings_are_refused_by_name(change, names):
    network = Network(3)
    weights = [np.zeros((3, 6)), np.zeros((2, 6)), np.zeros((2, 6))]
    config = {"units": 2, "return_sequences": True, "reset_after": True, **change}
    value = network.add("GRU", config, [network.input], 2, weights)
    with pytest.raises(ModelError, match=names):
        network.graph(value)
