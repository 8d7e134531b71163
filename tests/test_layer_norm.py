"""Layer normalization: float against Keras, int8 against float, C against the specification."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import Network

from slimse_mcu.errors import ModelError
from slimse_mcu.load import load
from slimse_mcu.ops.arithmetic import dequantize_values, quantize_values
from slimse_mcu.plan import plan
from slimse_mcu.quantize import quantize
from slimse_mcu.streaming import run_float, run_int8

RELAXED = settings(max_examples=10, suppress_health_check=list(HealthCheck))


def norm_graph(channels: int, *, seed: int = 0, epsilon: float = 1e-3, spread: float = 0.3, offset: float = 0.3):
    rng = np.random.default_rng(seed)
    network = Network(channels)
    weights = [1 + spread * rng.normal(size=channels), offset * rng.normal(size=channels)]
    config = {"axis": -1, "epsilon": epsilon, "center": True, "scale": True}
    return network.graph(network.add("LayerNormalization", config, [network.input], channels, weights))


@RELAXED
@given(
    channels=st.integers(1, 300),
    epsilon=st.sampled_from([1e-7, 1e-3, 1.0]),
    level=st.sampled_from([1e-3, 1.0, 1e3]),
    offset=st.sampled_from([0.0, 0.3, 1e4]),
    seed=st.integers(0, 2**16),
    is_wide=st.booleans(),
)
def test_generated_c_equals_specification(build, channels, epsilon, level, offset, seed, is_wide):
    rng = np.random.default_rng(seed)
    graph = norm_graph(channels, seed=seed, epsilon=epsilon, offset=offset)
    features = (level * rng.normal(size=(30, channels))).astype(np.float32)
    quantized = quantize(graph, [features], wide=graph.tensors if is_wide else ())
    planned = plan(quantized)
    model = build(planned)
    source = quantized.quantization[graph.input]
    low, high = source.lowest, source.highest
    frames = rng.integers(low, high + 1, (20, channels)).astype(source.dtype)
    frames[0], frames[1], frames[2] = high, low, np.arange(channels) % 2 * (high - low) + low
    frames[3], frames[4] = 0, np.arange(channels) == 0
    np.testing.assert_array_equal(model.run(frames).output, run_int8(quantized, frames).output)


@pytest.mark.parametrize(("is_wide", "least_db"), [(False, 30.0), (True, 45.0)])
def test_integers_follow_float(is_wide, least_db):
    rng = np.random.default_rng(0)
    graph = norm_graph(96)
    features = (rng.normal(size=(400, 96)) * rng.uniform(0.3, 1.0, (400, 1))).astype(np.float32)
    quantized = quantize(graph, [features], wide=graph.tensors if is_wide else ())
    real = run_float(graph, features).output
    integer = run_int8(quantized, quantize_values(features, quantized.quantization[graph.input])).output
    error = dequantize_values(integer, quantized.quantization[graph.output]) - real
    assert 10 * np.log10(np.sum(real**2) / np.sum(error**2)) > least_db


def test_float_equals_keras(tmp_path):
    keras = pytest.importorskip("keras")
    inputs = keras.Input(shape=(None, 12))
    x = keras.layers.LayerNormalization(gamma_initializer="uniform", beta_initializer="normal")(inputs)
    x = keras.layers.LayerNormalization(scale=False, epsilon=1e-5)(x)
    model = keras.Model(inputs, keras.layers.Dense(4)(x))
    model.save(tmp_path / "norm.keras")
    features = np.random.default_rng(1).normal(size=(50, 12)).astype(np.float32)
    expected = np.asarray(model(features[None]))[0]
    actual = run_float(load(tmp_path / "norm.keras"), features).output
    assert np.max(np.abs(actual - expected)) <= 1e-5 * np.max(np.abs(expected))


def test_normalizing_over_time_is_refused_by_name():
    network = Network(3)
    value = network.add("LayerNormalization", {"axis": [1, 2]}, [network.input], 3, [np.ones(3), np.zeros(3)])
    with pytest.raises(ModelError, match="layernormalization"):
        network.graph(value)
