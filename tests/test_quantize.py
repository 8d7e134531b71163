"""How ranges are found in calibration, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from networks import Network, features_for

from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import Graph, Quantization
from slimse_mcu.ops.arithmetic import dequantize_values, quantize_values
from slimse_mcu.quantize import quantize, quantize_with
from slimse_mcu.streaming import gate_layout, run_float, run_int8


def dense_graph(kernel, bias=None, activation: str = "linear") -> Graph:
    kernel = np.asarray(kernel, float)
    network = Network(kernel.shape[0])
    bias = np.zeros(kernel.shape[1]) if bias is None else bias
    config = {"activation": activation}
    return network.graph(network.add("Dense", config, [network.input], kernel.shape[1], [kernel, bias], name="y"))


def summing_graph(taps: int) -> Graph:
    """Sum of the last ``taps`` frames of one channel."""
    network = Network(1)
    config = {"padding": "causal", "dilation_rate": [1], "strides": [1], "activation": "linear"}
    weights = [np.ones((taps, 1, 1)), np.zeros(1)]
    return network.graph(network.add("Conv1D", config, [network.input], 1, weights, name="y"))


def gated_graph() -> Graph:
    """x is gated by its own first channel: both channels are open where it is positive."""
    network = Network(2)
    weights = [np.array([[1.0, 1.0], [0.0, 0.0]]), np.zeros(2)]
    gate = network.add("slimse>ChannelGate", {"channels": 2}, [network.input], 2, weights, name="gate")
    identity = network.add("Dense", {}, [network.input], 2, [np.eye(2), np.zeros(2)], name="y")
    return network.graph(network.close(identity, gate))


def ones(frames: int, channels: int = 1) -> np.ndarray:
    return np.ones((frames, channels), np.float32)


def test_minmax_takes_the_range_that_was_seen():
    graph = dense_graph([[2.0, -1.0]])
    features = np.array([[-1.0], [0.5], [3.0]], np.float32)
    quantized = quantize(graph, [features])
    x, y = quantized.quantization["features"], quantized.quantization["y"]
    assert (x.minimum, x.maximum) == (-1.0, 3.0)
    assert (y.minimum, y.maximum) == (-3.0, 6.0)
    assert y.scale == pytest.approx(9 / 255)
    assert quantized.method == "minmax"


def test_range_covers_all_sequences():
    graph = dense_graph([[1.0]])
    quantized = quantize(graph, [ones(3), -5 * ones(2), 2 * ones(1)])
    assert (quantized.quantization["y"].minimum, quantized.quantization["y"].maximum) == (-5.0, 2.0)


def test_range_that_never_crosses_zero_is_widened_to_it():
    quantized = quantize(dense_graph([[1.0]], bias=np.array([10.0])), [ones(4)])
    y = quantized.quantization["y"]
    assert (y.zero_point, y.scale) == (-128, pytest.approx(11 / 255))


def test_state_is_carried_on_through_a_sequence():
    quantized = quantize(summing_graph(5), [ones(20)])
    assert quantized.quantization["y"].maximum == 5.0


def test_state_starts_anew_with_each_sequence():
    quantized = quantize(summing_graph(5), [ones(1) for _ in range(20)])
    assert quantized.quantization["y"].maximum == 1.0


def test_ring_keeps_the_scale_and_the_zero_of_its_tensor():
    graph = summing_graph(3)
    quantized = quantize_with(graph, {"features": Quantization(0.1, 17), "y": Quantization(0.3, 17)})
    silence = np.full((4, 1), 17, np.int8)
    np.testing.assert_array_equal(run_int8(quantized, silence).output, np.full((4, 1), 17))


def test_percentile_cuts_outliers():
    features = np.linspace(-1, 1, 2001, dtype=np.float32)[:, None]
    features[1000] = 50.0
    wide = quantize(dense_graph([[1.0]]), [features]).quantization["y"]
    quantized = quantize(dense_graph([[1.0]]), [features], method="percentile", percentile=99.9)
    narrow = quantized.quantization["y"]
    assert wide.maximum == 50.0
    assert 0.99 < narrow.maximum <= 1.0
    assert quantized.method == "percentile 99.9"


def test_hundredth_percentile_is_minmax():
    graph, features = dense_graph([[1.0, -2.0]]), features_for(dense_graph([[1.0, -2.0]]), 50, 0)
    exact = quantize(graph, [features])
    assert quantize(graph, [features], method="percentile", percentile=100.0).quantization == exact.quantization


def test_closed_channels_do_not_count_in_a_percentile():
    """One frame in a hundred is open; zeros of the others must not hide its values."""
    features = -ones(1000, 2)
    features[::100] = 4.0
    quantized = quantize(gated_graph(), [features], method="percentile", percentile=90.0)
    assert quantized.quantization["y"].maximum == 4.0


def test_percentile_of_a_gate_that_never_opened_is_its_range():
    quantized = quantize(gated_graph(), [-ones(50, 2)], method="percentile", percentile=99.0)
    assert quantized.quantization["y"].scale == pytest.approx(1 / 127)


@pytest.mark.parametrize(
    ("function", "scale", "zero_point"), [("sigmoid", 1 / 256, -128), ("tanh", 1 / 128, 0), ("softsign", 1 / 128, 0)]
)
def test_bounded_activations_have_fixed_scales(function, scale, zero_point):
    network = Network(3)
    graph = network.graph(network.activation(network.input, function))
    chosen = quantize(graph, [features_for(graph, 20, 1)]).quantization[graph.output]
    assert (chosen.scale, chosen.zero_point) == (scale, zero_point)


@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
@pytest.mark.parametrize("is_read_elsewhere", [False, True])
def test_range_beyond_what_its_only_reader_can_tell_apart_is_cut(function, is_read_elsewhere):
    network = Network(1)
    x = network.add("Dense", {}, [network.input], 1, [np.array([[100.0]]), np.zeros(1)], name="x")
    y = network.activation(x, function)
    graph = network.graph(network.combine("Concatenate", x, y) if is_read_elsewhere else y)
    chosen = quantize(graph, [ones(2), -ones(2)]).quantization["x"]
    assert (chosen.maximum == 100.0) == is_read_elsewhere
    assert (chosen.minimum == -100.0) == is_read_elsewhere
    # At the cut the activation is one step from its end.
    real = {"sigmoid": 1 / (1 + np.exp(-chosen.maximum)), "tanh": np.tanh(chosen.maximum)}[function]
    assert real > 1 - 1 / 128


def test_gating_keeps_the_scale_of_what_it_gates():
    network = Network(4)
    x = network.dense(network.input, 4, name="x")
    gate = network.decide(network.input, 4)
    closed = network.close(x, gate)
    graph = network.graph(network.combine("Concatenate", x, closed))
    quantized = quantize(graph, [features_for(graph, 20, 1)])
    assert quantized.quantization[closed.layer].scale == quantized.quantization["x"].scale


def test_calibration_hash_travels_in_the_provenance():
    quantized = quantize(dense_graph([[1.0]]), [ones(2)], calibration_hash="ab" * 32)
    assert quantized.provenance.calibration_hash == "ab" * 32


def test_progress_is_told_of_every_frame():
    seen: list[int] = []
    quantize(dense_graph([[1.0]]), [ones(3), ones(4)], progress=seen.append)
    assert seen == [1] * 7


@pytest.mark.parametrize(
    ("features", "options", "message"),
    [
        ([], {}, "no calibration audio"),
        ([np.zeros((0, 1), np.float32)], {}, "no calibration audio"),
        ([ones(3, 2)], {}, r"shape \(3, 2\); expected \(frames, 1\)"),
        ([np.full((3, 1), np.nan, np.float32)], {}, "NaN"),
        ([ones(3)], {"method": "entropy"}, "'entropy'.*minmax, percentile"),
        ([ones(3)], {"method": "percentile", "percentile": 30.0}, "30 is out of range"),
    ],
)
def test_unfit_calibration_is_refused(features, options, message):
    with pytest.raises(QuantizeError, match=message):
        quantize(dense_graph([[1.0]]), features, **options)


def test_layer_that_overflows_is_named():
    with pytest.raises(QuantizeError, match="'y'"):
        quantize(dense_graph([[3e38, 3e38]]), [10 * ones(3)])


def test_impossible_ratio_of_scales_names_the_layer():
    graph = dense_graph([[1.0]])
    with pytest.raises(QuantizeError, match=r"Layer 'y'.*too large"):
        quantize_with(graph, {"features": Quantization(1e6, 0), "y": Quantization(1e-8, 0)})


def test_int8_follows_float_within_the_quantization_noise():
    network = Network(12, seed=3)
    x = network.activation(network.batch_norm(network.conv(network.input, 24, 3, 2)), "relu")
    x = network.depthwise(x, 3, activation="relu")
    graph = network.graph(network.dense(x, 5, name="y"))
    features = features_for(graph, 100, 1)
    quantized = quantize(graph, [features])
    real = run_float(graph, features).output
    integer = run_int8(quantized, quantize_values(features, quantized.quantization["features"])).output
    parameters = quantized.quantization["y"]
    difference = (integer.astype(float) - parameters.zero_point) * parameters.scale - real
    assert np.sqrt(np.mean(difference**2)) < 0.02 * np.sqrt(np.mean(real**2))
    assert gate_layout(graph).size == 1


@pytest.mark.parametrize("options", [{}, {"method": "percentile", "percentile": 99.9}], ids=str)
def test_bypass_that_calibration_never_shows_keeps_its_range(options):
    """The component was open in every calibration frame; on the board it closes."""
    network = Network(4, seed=1)
    policy = network.policy(network.input, ["a"])
    network.layers[-1] = replace(network.layers[-1], weights=(np.zeros((4, 1, 2)), np.array([[0.0, 9.0]])))
    wide = network.dense(network.input, 6, name="wide")
    small = network.dense(network.input, 6, name="small")
    network.layers[-1] = replace(network.layers[-1], weights=(1e-3 * np.ones((4, 6)), np.zeros(6)))
    graph = network.graph(network.dense(network.gate_parts(small, policy, [None, 0], ["bypass"] * 2, wide), 3))
    quantized = quantize(graph, [features_for(graph, 200, 0)], **options)
    layout = gate_layout(graph)
    features = quantize_values(features_for(graph, 200, 1), quantized.quantization[graph.input])
    trace = run_int8(quantized, features, forced=layout.constant(False), record=True)
    shown, bypass = (dequantize_values(trace.tensors[name], quantized.quantization[name]) for name in ("small", "wide"))
    step = quantized.quantization["small"].scale
    assert np.mean(np.abs(shown[:, 3:] - bypass[:, 3:]) <= step) > 0.95
