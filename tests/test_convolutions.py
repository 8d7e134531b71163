"""Layers along frequency: streams equal Keras, generated C equals the specification, and what is refused."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from native.gated import assert_equal_runs, gate_sequences
from networks import JITTERS, features_for, quantized_features, random_quantization
from spectral_networks import spectral_graphs

from slimse_mcu.plan import plan
from slimse_mcu.streaming import run_float

RELAXED = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
FRAMES = 12
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")


def assert_equals_keras(drawn) -> None:
    pytest.importorskip("keras")
    from keras_twin import to_keras

    features = features_for(drawn.graph, FRAMES, 0)
    expected = np.asarray(to_keras(drawn.network)(features[None]))[0].reshape(FRAMES, -1)
    actual = run_float(drawn.graph, features).output
    assert np.max(np.abs(actual - expected)) <= 1e-5 * max(1e-3, float(np.max(np.abs(expected))))


@settings(RELAXED, max_examples=60, phases=[Phase.explicit, Phase.generate])
@given(spectral_graphs(weight_spreads=(0.0,), strided_depthwise=False))
def test_random_stream_equals_keras(drawn):
    assert_equals_keras(drawn)


@settings(RELAXED, max_examples=25, phases=[Phase.explicit, Phase.generate])
@given(spectral_graphs(weight_spreads=(0.0,), strided_depthwise=False, gated=True))
def test_random_gated_stream_equals_keras(drawn):
    assert_equals_keras(drawn)


@needs_gcc
@settings(RELAXED, max_examples=40, phases=[Phase.explicit, Phase.generate])
@given(spectral_graphs(), JITTERS, st.integers(0, 2**31))
def test_generated_c_equals_specification(build, drawn, jitter, seed):
    quantized = random_quantization(drawn.graph, jitter)
    assert_equal_runs(build(plan(quantized)), quantized_features(quantized, FRAMES, seed), None)


@needs_gcc
@settings(RELAXED, max_examples=40, phases=[Phase.explicit, Phase.generate])
@given(spectral_graphs(gated=True), JITTERS, st.booleans(), st.integers(0, 2**31))
def test_generated_c_with_parts_equals_specification(build, drawn, jitter, instrumented, seed):
    quantized = random_quantization(drawn.graph, jitter)
    native = build(plan(quantized, instrumented=instrumented))
    features = quantized_features(quantized, FRAMES, seed)
    for forced in gate_sequences(quantized, FRAMES, seed).values():
        assert_equal_runs(native, features, forced)
