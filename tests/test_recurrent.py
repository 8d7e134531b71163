"""GRU and LSTM: float against Keras, int8 against float, C against the specification, state over a long time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import Network
from numpy.typing import NDArray

from slimse_mcu.errors import ModelError
from slimse_mcu.frontend import float_analyse
from slimse_mcu.graph import FrontEnd
from slimse_mcu.load import load
from slimse_mcu.ops import operators
from slimse_mcu.ops.arithmetic import dequantize_values, quantize_values
from slimse_mcu.ops.recurrent import SIGMOID_TABLE, TANH_TABLE, interpolate
from slimse_mcu.plan import plan
from slimse_mcu.quantize import quantize
from slimse_mcu.streaming import run_float, run_int8

DATA = Path(__file__).resolve().parent / "data"
RELAXED = settings(max_examples=12, suppress_health_check=list(HealthCheck))


KINDS = {"gru": (3, {"reset_after": True}), "gru_before": (3, {"reset_after": False}), "lstm": (4, {})}


def recurrent_graph(kind: str, columns: int, units: int, *, seed: int, spread: float = 1.0, bias: bool = True):
    """A recurrent layer with random weights as the compiler imports it."""
    gates, settings_ = KINDS[kind]
    rng = np.random.default_rng(seed)
    network = Network(columns, seed)
    weights = [
        rng.normal(0, spread / np.sqrt(columns), (columns, gates * units)),
        rng.normal(0, spread / np.sqrt(units), (units, gates * units)),
    ]
    if bias:
        shape = (2, gates * units) if settings_.get("reset_after") else (gates * units,)
        weights.append(rng.normal(0, 0.3, shape))
    config = {"units": units, "return_sequences": True, "use_bias": bias, **settings_}
    value = network.add(kind.partition("_")[0].upper(), config, [network.input], units, weights)
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
    kind=st.sampled_from(sorted(KINDS)),
    bias=st.booleans(),
    spread=st.sampled_from([0.0, 0.3, 1.0, 8.0]),
    seed=st.integers(0, 2**16),
)
def test_generated_c_equals_specification(build, kind, columns, units, bias, spread, seed):
    graph = recurrent_graph(kind, columns, units, seed=seed, spread=spread, bias=bias)
    quantized = quantize(graph, [features_of(columns, 40, seed)])
    planned = plan(quantized)
    model = build(planned)
    features = np.random.default_rng(seed).integers(-128, 128, (30, columns)).astype(np.int8)
    expected, actual = run_int8(quantized, features), model.run(features)
    np.testing.assert_array_equal(actual.output, expected.output)
    np.testing.assert_array_equal(actual.macs, expected.macs)
    assert planned.macs_all_open == KINDS[kind][0] * units * (columns + units)


@pytest.mark.parametrize("kind", KINDS)
def test_int8_follows_float(kind):
    graph = recurrent_graph(kind, 32, 48, seed=3)
    features = features_of(32, 1000, 4)
    quantized = quantize(graph, [features])
    real = run_float(graph, features).output
    integer = run_int8(quantized, quantize_values(features, quantized.quantization[graph.input])).output
    error = dequantize_values(integer, quantized.quantization[graph.output]) - real
    sqnr_db = 10 * np.log10(np.sum(real**2) / np.sum(error**2))
    assert sqnr_db > 25.0
    # The state is read back as it was written: the error of the last frames is no larger than that of the first.
    assert np.abs(error[-200:]).mean() < 1.5 * np.abs(error[:200]).mean()


def minute_of_audio(bands: int) -> NDArray[np.float32]:
    """Noisy speech of one minute, 3,750 frames, as compressed magnitudes of ``bands`` bands."""
    front_end = FrontEnd()
    clips = [soundfile.read(path, dtype="int16")[0] for path in sorted((DATA / "noisy").glob("*.wav"))]
    features = float_analyse(front_end, np.concatenate(clips))[0]
    merged = np.stack([part.mean(axis=1) for part in np.array_split(features, bands, axis=1)], axis=1)
    return np.resize(merged, (3750, bands)).astype(np.float32)


def test_error_of_the_states_does_not_grow_over_ten_minutes(build):
    network = Network(8, seed=2)
    x, rng = network.input, network.rng
    for kind, (gates, settings_) in KINDS.items():
        rows = gates * 8
        bias = rng.normal(0, 0.3, (2, rows) if settings_.get("reset_after") else (rows,))
        weights = [rng.normal(0, 1 / np.sqrt(8), (8, rows)) for _ in range(2)] + [bias]
        config = {"units": 8, "return_sequences": True, "use_bias": True, **settings_}
        x = network.add(kind.partition("_")[0].upper(), config, [x], 8, weights, name=kind)
    graph = network.graph(x)
    minute = minute_of_audio(8)
    quantized = quantize(graph, [minute])
    planned = plan(quantized)
    integers = np.tile(quantize_values(minute, quantized.quantization[graph.input]), (10, 1))
    run = build(planned).run(integers)
    # Every minute is the same, and the float states forget what was before one: the second minute is all later ones.
    real = run_float(graph, np.tile(minute, (2, 1)), record_states=True)
    for member in planned.state:
        node = next(node for node in graph.nodes if f"{node.name}_hidden" == member.name)
        raw = run.state[:, member.offset : member.offset + member.bytes]
        states = raw.copy().view("<i2") * np.broadcast_to(operators()[node.op].hidden_scale(node), member.elements)
        wanted = np.split(real.states[member.name], 2)
        minutes = np.split(states, 10)
        by_minute = [np.abs(part - wanted[min(number, 1)]).mean() for number, part in enumerate(minutes)]
        assert 0 < by_minute[-1] <= 1.01 * by_minute[0], "the first minute starts at the exact state, zero"
        assert np.ptp(by_minute[1:]) == 0, "each minute leaves the states as the minute before did"


@pytest.mark.parametrize("kind", KINDS)
def test_without_bias_and_input_the_state_stays_zero(kind):
    graph = recurrent_graph(kind, 4, 6, seed=1, bias=False)
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


@pytest.mark.parametrize("kind", KINDS)
def test_float_equals_keras(tmp_path, kind):
    keras = pytest.importorskip("keras")
    layer = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM}[kind.partition("_")[0]]
    settings_ = {"return_sequences": True, **KINDS[kind][1]}
    inputs = keras.Input(shape=(None, 9))
    x = layer(11, bias_initializer="glorot_normal" if kind == "gru" else "uniform", **settings_)(inputs)
    x = layer(7, use_bias=False, **settings_)(x)
    model = keras.Model(inputs, keras.layers.Dense(5, activation="sigmoid")(x))
    model.save(tmp_path / "model.keras")
    features = features_of(9, 80, 2)
    expected = np.asarray(model(features[None]))[0]
    actual = run_float(load(tmp_path / "model.keras"), features).output
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
@pytest.mark.parametrize("kind", KINDS)
def test_unsupported_settings_are_refused_by_name(kind, change, names):
    gates, settings_ = KINDS[kind]
    network = Network(3)
    weights = [np.zeros((3, 2 * gates)), np.zeros((2, 2 * gates))]
    config = {"units": 2, "return_sequences": True, "use_bias": False, **settings_, **change}
    value = network.add(kind.partition("_")[0].upper(), config, [network.input], 2, weights)
    with pytest.raises(ModelError, match=names):
        network.graph(value)
