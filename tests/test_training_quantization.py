"""Rounding in the loop: what it computes, and that training goes through it."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training_data import StopsAfter, tiny_config, tiny_data  # noqa: E402

from slimse_mcu.load import load  # noqa: E402
from slimse_mcu.models import conv_fsenet, dsn_ftf  # noqa: E402
from slimse_mcu.training.accelerate import copy_weights, training_twin  # noqa: E402
from slimse_mcu.training.quantization_aware import Grid, Rounding, Switch  # noqa: E402
from slimse_mcu.training.train import train  # noqa: E402

NETWORKS = {
    "convfsenet": lambda: conv_fsenet(
        bottleneck=8, hidden=12, stacks=1, dilations=(1, 2), gating_width=4, gate_noise=0.1
    ),
    "dsn_ftf": lambda: dsn_ftf(bands=8, encoder=4, channels=6, key_dim=2, policy_features=4, policy_hidden=4),
}


def rounded_twin(model):
    switch = Switch()
    rounding = Rounding(model, switch)
    return training_twin(model, rounding.replace, rounding.behind), switch


@pytest.mark.parametrize("name", NETWORKS)
def test_twin_computes_the_same_until_rounding_begins_and_nearly_the_same_after(name: str):
    model = NETWORKS[name]()
    rng = np.random.default_rng(1)
    for layer in model.layers:  # batch norms that do something
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([one + rng.uniform(0, 0.3, one.shape) for one in layer.get_weights()])
    twin, switch = rounded_twin(model)
    x = np.abs(rng.normal(size=(2, 9, 257))).astype(np.float32)
    expected = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(twin(x)), expected, atol=1e-5)
    before = [np.array(one) for one in model.get_weights()]
    twin(x, training=True)  # measures the ranges
    for layer in twin.layers:
        if isinstance(layer, keras.layers.BatchNormalization):  # and moves these
            own = model.get_layer(layer.name).get_weights()
            layer.set_weights([*own, *layer.get_weights()[len(own) :]])
    switch.on.assign(1.0)
    rounded = keras.ops.convert_to_numpy(twin(x))
    assert 1e-5 < np.abs(rounded - expected).mean() < 0.05
    copy_weights(twin, model)  # kernels stay what they were, off the grid
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_kernels_lie_on_a_grid_per_output_channel_and_results_on_one_per_tensor():
    inputs = keras.Input((None, 5))
    model = keras.Model(inputs, keras.layers.Dense(3, name="dense")(inputs))
    twin, switch = rounded_twin(model)
    switch.on.assign(1.0)
    x = np.random.default_rng(2).normal(size=(4, 6, 5)).astype(np.float32)
    result = keras.ops.convert_to_numpy(twin(x, training=True))
    kernel, bias = model.get_weights()
    scale = np.abs(kernel).max(axis=0) / 127
    exact = x @ (np.round(kernel / scale) * scale) + bias
    low, high = min(exact.min(), 0), max(exact.max(), 0)
    step = (high - low) / 255
    zero = np.round(-low / step)
    expected = (np.clip(np.round(exact / step) + zero, 0, 255) - zero) * step
    np.testing.assert_allclose(result, expected, atol=1.01 * step)  # one that lies between two grid points may differ
    assert np.mean(np.abs(result - expected) < 1e-5) > 0.97
    assert len(np.unique(np.round(result / step))) <= 256


def test_range_follows_what_is_seen_and_forgets_slowly():
    grid = Grid(Switch())
    for peak in (4.0, 1.0, 1.0):
        grid(np.array([-peak / 2, peak], np.float32), training=True)
    assert float(grid.high) == pytest.approx(4.0 * 0.999**2)
    assert float(grid.low) == pytest.approx(-2.0 * 0.999**2)
    grid(np.array([9.0], np.float32))
    assert float(grid.high) == pytest.approx(4.0 * 0.999**2)


@pytest.mark.parametrize("name", NETWORKS)
def test_only_results_that_the_device_holds_are_rounded(name: str):
    model = NETWORKS[name]()
    twin, _ = rounded_twin(model)
    held = {layer.name.removesuffix("_grid") for layer in twin.layers if isinstance(layer, Grid)}
    norms = {layer.name for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)}
    relus = {layer.name for layer in model.layers if isinstance(layer, keras.layers.ReLU)}
    assert relus <= held
    assert not {name.replace("_relu", "_norm") for name in relus} & held
    assert {"front_end", "mask", "mask_logits"} <= held
    assert held & norms  # those in front of a sum


@pytest.mark.slow
def test_training_goes_through_the_rounding_and_resumes_exactly(tmp_path: Path):
    data = tiny_data(tmp_path / "data")
    config = tiny_config(network={"gate_noise": 0.1}, quantization_aware={"from_step": 2})
    whole = train(config, data, tmp_path / "whole")
    train(config, data, tmp_path / "parts", watch=StopsAfter(3, signal.SIGTERM))
    parts = train(config, data, tmp_path / "parts", resume=True)
    assert parts.history == whole.history
    plain = train(tiny_config(network={"gate_noise": 0.1}), data, tmp_path / "plain")
    assert plain.history[0] == whole.history[0]
    assert plain.history[1] != whole.history[1]
    for folder in ("whole", "parts"):
        assert load(tmp_path / folder / "model.keras").gates
    one, two = (keras.models.load_model(tmp_path / name / "model.keras").get_weights() for name in ("whole", "parts"))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
