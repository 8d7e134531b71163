"""Int8 against float: what every tensor and state loses, what saturates, whether it grows over time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from networks import Network, features_for
from test_recurrent import features_of, recurrent_graph

from slimse_mcu import side_by_side
from slimse_mcu.fidelity import Drift
from slimse_mcu.graph import FrontEnd, Quantization
from slimse_mcu.quantize import quantize, quantize_with
from slimse_mcu.screen import print_quantization
from slimse_mcu.side_by_side import quantization_errors
from slimse_mcu.streaming import Stream, run_float, run_int8

TINY = FrontEnd(sample_rate_hz=1000, fft=64, hop=32)


def test_every_tensor_and_gate_is_compared() -> None:
    network = Network(6, seed=2)
    x = network.dense(network.input, 16, "relu", name="x")
    gate = network.decide(x, 16)
    graph = network.graph(network.dense(network.close(x, gate), 3, "sigmoid", name="y"))
    features = [features_for(graph, 140, seed) for seed in range(2)]
    errors = quantization_errors(quantize(graph, features), features)
    assert errors.frames == 280
    assert errors.tensors[0].tensor == "features"
    assert all(entry.sqnr_db > 25.0 for entry in errors.tensors)
    assert all(entry.saturated_values == 0 for entry in errors.tensors)
    assert set(errors.gate_flips) == set(graph.gates)
    assert all(0.0 <= rate < 0.2 for rate in errors.gate_flips.values())
    assert errors.states == ()
    assert errors.drift is None


def test_values_beyond_the_range_are_counted() -> None:
    network = Network(1)
    graph = network.graph(network.dense(network.input, 1, name="y"))
    quantized = quantize_with(graph, dict.fromkeys(("features", "y"), Quantization(1 / 127, 0)))
    louder = quantization_errors(quantized, [np.array([[0.5], [4.0], [-4.0], [1.0]], np.float32)])
    assert (louder.tensors[0].saturated_values, louder.tensors[0].saturated) == (2, 0.5)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_a_hidden_state_is_compared_with_the_float_models(kind: str) -> None:
    graph = recurrent_graph(kind, 6, 8, seed=1)
    features = features_of(6, 150, 1)
    quantized = quantize(graph, [features])
    (state,) = quantization_errors(quantized, [features]).states
    (float_state,) = run_float(graph, features, record_states=True).states.values()
    assert state.sqnr_db > 25.0
    assert state.limit == (16.0 if kind == "lstm" else 1.0)
    assert state.max_abs == pytest.approx(np.abs(float_state).max(), abs=0.05)
    assert state.saturated_values == 0


def test_a_saturated_state_is_counted() -> None:
    graph = recurrent_graph("lstm", 2, 3, seed=0, spread=0.0)
    weights = dict(graph.nodes[0].weights)
    weights["input_bias"] = np.full_like(weights["input_bias"], 20.0)  # everything enters, nothing is forgotten
    graph = dataclasses.replace(graph, nodes=(dataclasses.replace(graph.nodes[0], weights=weights), *graph.nodes[1:]))
    features = features_of(2, 100, 0)
    (state,) = quantization_errors(quantize(graph, [features[:8]]), [features]).states
    assert state.max_abs == pytest.approx(16.0, abs=1e-3)
    assert state.saturated_values > 200  # three cells, from about the sixteenth frame on
    assert state.sqnr_db < 20.0  # the float model counts on


def test_drift_compares_the_first_minute_with_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    graph = dataclasses.replace(recurrent_graph("gru", 4, 5, seed=3), frontend=TINY)
    minute = round(60 * 1000 / 32)
    features = features_of(4, 2 * minute, 3)
    quantized = quantize(graph, [features[:200]])
    errors = quantization_errors(quantized, [features[:50], features])
    drift = errors.drift
    assert drift is not None
    assert drift.frames == 2 * minute
    assert set(drift.first_db) == {graph.output, errors.states[0].state}
    assert all(abs(loss) < 3.0 for loss in drift.lost_db.values())
    assert errors.to_json()["drift"]["worst_db"] == max(drift.lost_db.values())
    assert quantization_errors(quantized, [features[: 2 * minute - 1]]).drift is None
    print_quantization(errors)
    text = capsys.readouterr().out
    assert "state, int16" in text
    assert "in the first minute" in text


def test_drift_says_who_lost_most() -> None:
    first = {"mask": 30.0, "gru_hidden": 31.0, "exact": np.inf}
    drift = Drift(9000, first, {"mask": 29.0, "gru_hidden": 20.0, "exact": 9.0})
    assert drift.lost_db == {"mask": 1.0, "gru_hidden": 11.0}
    assert "gru_hidden" in drift.describe()
    assert "No error" in Drift(9000, {"mask": np.inf}, {"mask": np.inf}).describe()


def test_pieces_of_a_stream_make_the_whole() -> None:
    graph = recurrent_graph("gru", 4, 5, seed=4)
    features = features_of(4, 50, 4)
    quantized = quantize(graph, [features])
    integers = np.random.default_rng(0).integers(-128, 128, (50, 4)).astype(np.int8)
    for stream, whole, given in (
        (Stream.real(graph), run_float(graph, features), features),
        (Stream.integer(quantized), run_int8(quantized, integers), integers),
    ):
        parts = [stream.run(piece) for piece in np.split(given, [1, 7, 30])]
        for name in ("output", "gates", "macs"):
            np.testing.assert_array_equal(np.concatenate([getattr(one, name) for one in parts]), getattr(whole, name))


def test_comparison_in_pieces_equals_comparison_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = recurrent_graph("gru", 4, 5, seed=5)
    features = features_of(4, 200, 5)
    quantized = quantize(graph, [features])
    parts = quantization_errors(quantized, [features])
    monkeypatch.setattr(side_by_side, "pieces", lambda sequence, period: [sequence])
    whole = quantization_errors(quantized, [features])
    assert [one.saturated_values for one in parts.tensors] == [one.saturated_values for one in whole.tensors]
    assert parts.states[0].sqnr_db == pytest.approx(whole.states[0].sqnr_db)
