"""The gated Keras layers and the reference architectures."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from slimse_mcu.models import (  # noqa: E402
    Bands,
    ChannelGate,
    GateChannels,
    GateParts,
    GroupedGRU,
    Policy,
    SlimAttention,
    SpectralFrontEnd,
    conv_fsenet,
    dsn_ftf,
)
from slimse_mcu.models.dsn_ftf import COMPONENTS, TIME_COMPONENTS  # noqa: E402

BINS = 33
EXAMPLES = Path(__file__).parent.parent / "docs" / "models.md"


def small(*, gates: bool = True, **options):
    model = conv_fsenet(
        bins=BINS,
        bottleneck=12,
        hidden=20,
        stacks=2,
        dilations=(1, 2),
        gates=gates,
        gating_width=5,
        **options,
    )
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            mean, spread = rng.normal(0, 0.3, layer.gamma.shape), rng.uniform(0.5, 1.5, layer.gamma.shape)
            layer.set_weights([spread, mean, -mean, 1 / spread])
    return model


def magnitudes(frames: int = 30, seed: int = 1) -> np.ndarray:
    return np.abs(np.random.default_rng(seed).normal(size=(1, frames, BINS))).astype(np.float32)


def tap(model, *names: str):
    return keras.Model(model.input, [model.get_layer(name).output for name in names])


@pytest.mark.parametrize("gates", [True, False])
def test_saved_model_loads_and_computes_the_same(tmp_path: Path, gates: bool):
    model = small(gates=gates, gate_noise=0.1, gate_bias=0.5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = magnitudes()
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
    for one, other in zip(model.layers, again.layers, strict=True):
        assert type(one) is type(other)
        if isinstance(one, SpectralFrontEnd | ChannelGate | GateChannels):
            assert one.get_config() == other.get_config()


def test_front_end_travels_in_the_configuration():
    layer = SpectralFrontEnd(sample_rate_hz=8000, fft=256, hop=128, exponent=0.5, epsilon=1e-6)
    again = SpectralFrontEnd.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    np.testing.assert_allclose(again(np.full((1, 1, 2), 4.0, np.float32)), 2.0, rtol=1e-5)


def test_mask_lies_between_zero_and_one_with_the_shape_of_the_input():
    mask = small().predict(magnitudes(), verbose=0)
    assert mask.shape == (1, 30, BINS)
    assert mask.min() >= 0.0
    assert mask.max() <= 1.0


def test_gates_are_zero_or_one_and_differ_between_frames():
    gates = np.concatenate([gate[0] for gate in tap(small(), "s0b0_gate", "s1b1_gate").predict(magnitudes())], 1)
    assert set(np.unique(gates)) == {0.0, 1.0}
    assert np.any(gates.min(axis=0) < gates.max(axis=0))


@pytest.mark.parametrize("block", ["s0b0", "s0b1", "s1b1"])
def test_closed_channels_are_exactly_zero_before_and_after_the_depthwise_convolution(block: str):
    observed = tap(small(), f"{block}_gate", f"{block}_expand_gated", f"{block}_depthwise_gated")
    gate, before, after = observed.predict(magnitudes(), verbose=0)
    assert 0.0 < gate.mean() < 1.0
    assert not before[gate == 0].any()
    assert not after[gate == 0].any()
    assert before[gate == 1].any()
    assert after[gate == 1].any()


@pytest.mark.parametrize("gates", [True, False])
def test_later_frames_never_change_earlier_outputs(gates: bool):
    model = small(gates=gates)
    x = magnitudes()
    changed = x.copy()
    changed[:, 17:] *= 3.0
    before, after = model.predict(x, verbose=0), model.predict(changed, verbose=0)
    np.testing.assert_array_equal(before[:, :17], after[:, :17])
    assert np.any(before[:, 17] != after[:, 17])


def test_static_twin_has_the_same_sizes_and_no_gating():
    twin, gated = small(gates=False), small()
    assert not any(isinstance(layer, ChannelGate | GateChannels) for layer in twin.layers)
    assert not any("gate" in layer.name for layer in twin.layers)
    sizes = {layer.name: [w.shape for w in layer.get_weights()] for layer in gated.layers}
    for layer in twin.layers:
        assert [w.shape for w in layer.get_weights()] == sizes[layer.name]


def test_straight_through_gradient_reaches_the_gating_subnet():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are taken with TensorFlow here")
    model = small()
    variables = [model.get_layer(name).kernel for name in ("s0b0_gate", "s0b0_gate_hidden", "s1b0_gate")]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(magnitudes(), training=True))
    for gradient in tape.gradient(loss, variables):
        assert np.abs(gradient.numpy()).max() > 0.0


def test_surrogate_leaves_the_decision_as_it_is():
    tf = pytest.importorskip("tensorflow")
    gate = ChannelGate(7)
    x = np.random.default_rng(3).normal(size=(2, 9, 4)).astype(np.float32)
    np.testing.assert_allclose(gate(x, training=True), gate(x, training=False), atol=1e-6)
    logits = tf.matmul(x, gate.kernel) + gate.bias
    np.testing.assert_array_equal(gate(x), (logits.numpy() > 0).astype(np.float32))


def test_one_decision_opens_a_group_of_neighbours():
    gate = ChannelGate(12, group=4)
    x = np.random.default_rng(5).normal(size=(2, 9, 5)).astype(np.float32)
    decided = np.asarray(gate(x))
    assert decided.shape == gate.compute_output_shape(x.shape) == (2, 9, 12)
    assert gate.kernel.shape == (5, 3)
    np.testing.assert_array_equal(decided, np.repeat(decided[..., ::4], 4, axis=-1))
    np.testing.assert_allclose(gate(x, training=True), decided, atol=1e-6)
    assert ChannelGate.from_config(gate.get_config()).group == 4
    with pytest.raises(ValueError, match="10 channels are no groups of 4"):
        ChannelGate(10, group=4)


def test_noise_is_added_in_training_only():
    gate = ChannelGate(50, noise=5.0)
    x = np.random.default_rng(4).normal(size=(1, 20, 4)).astype(np.float32)
    quiet = np.asarray(gate(x))
    np.testing.assert_array_equal(quiet, gate(x))
    assert np.any(np.round(np.asarray(gate(x, training=True))) != quiet)


def test_same_seed_gives_the_same_weights_and_another_seed_others():
    one, same, other = (conv_fsenet(bins=9, bottleneck=4, hidden=6, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


# The dynamically slimmable network


def slim(*, gates: bool = True, window: int = 0, seed: int = 0):
    """A small one, whose policy decides differently from frame to frame."""
    model = dsn_ftf(bins=BINS, bands=16, encoder=4, channels=12, key_dim=4, gates=gates, window=window, seed=seed)
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, Policy):
            weights = layer.get_weights()
            layer.set_weights([*weights[:-2], rng.normal(0, 3, weights[-2].shape), 0.3 * weights[-1]])
    return model


def dynamic_layers(model):
    return [layer for layer in model.layers if isinstance(layer, GateParts | GroupedGRU | SlimAttention)]


def ruled(layer):
    """The layer whose MACs the components of a dynamic layer switch."""
    while isinstance(layer, GateParts | keras.layers.ReLU | keras.layers.BatchNormalization):
        layer = (layer.input[0] if isinstance(layer.input, list) else layer.input)._keras_history.operation
    return layer


def macs(layer) -> int:
    """Multiply-accumulates of a layer per frame, all open; taps in the padding are counted, too."""
    if not layer.weights:
        return 0
    x = (layer.input[0] if isinstance(layer.input, list) else layer.input).shape
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return int(np.prod(layer.kernel.shape)) * x[2]
    if isinstance(layer, keras.layers.Conv2D):
        return int(np.prod(layer.kernel.shape)) * layer.output.shape[2]
    if isinstance(layer, keras.layers.Dense):
        return int(np.prod(layer.kernel.shape) * np.prod(x[2:-1], initial=1))
    if isinstance(layer, GroupedGRU):
        return int(np.prod(layer.kernel.shape) + np.prod(layer.recurrent_kernel.shape)) * x[2]
    if isinstance(layer, SlimAttention):
        width, seen = layer.heads * layer.key_dim, layer.window or x[2]
        return (4 * width * x[-1] + 2 * seen * width) * x[2]
    if isinstance(layer, Policy):
        return sum(weight.size for weight in layer.get_weights() if weight.ndim > 1 and weight.shape[0] != 2)
    return int(np.count_nonzero(layer.matrix)) if isinstance(layer, Bands) else 0


def test_default_stays_within_35_million_macs_a_second_and_150_thousand_parameters():
    model = dsn_ftf()
    total = sum(macs(layer) for layer in model.layers)
    behind = sum(
        macs(ruled(layer)) * np.mean([bit is not None for bit in layer.components]) for layer in dynamic_layers(model)
    )
    assert 500_000 < total <= 560_000  # 62.5 frames a second
    assert model.count_params() <= 150_000
    assert behind >= total / 2
    assert sum(macs(layer) for layer in dsn_ftf(gates=False).layers) <= total


@pytest.mark.parametrize("window", [0, 4])
def test_every_component_rules_something(window: int):
    model = slim(window=window)
    names = model.get_layer("policy").component_names
    assert names == COMPONENTS + (TIME_COMPONENTS if window else ())
    used = {bit for layer in dynamic_layers(model) for bit in layer.components}
    assert used == {None, *range(len(names))}


def test_policy_reads_none_of_the_layers_that_it_rules():
    model = slim()
    features = keras.Model(model.input, model.get_layer("policy").output)
    assert dynamic_layers(features) == []


@pytest.mark.parametrize(("gates", "window"), [(True, 0), (True, 3), (False, 0)])
def test_saved_slimmable_network_loads_and_computes_the_same(tmp_path: Path, gates: bool, window: int):
    model = slim(gates=gates, window=window)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = magnitudes()
    mask = model.predict(x, verbose=0)
    np.testing.assert_array_equal(mask, again.predict(x, verbose=0))
    assert mask.shape == (1, 30, BINS)
    assert 0.0 <= mask.min() < mask.max() <= 1.0


@pytest.mark.parametrize("window", [0, 3])
def test_slimmable_network_is_causal_and_its_policy_decides_per_frame(window: int):
    model = slim(window=window)
    observed = keras.Model(model.input, [model.output, model.get_layer("policy").output])
    x = magnitudes()
    changed = x.copy()
    changed[:, 17:] *= 3.0
    (before, gates), (after, _) = observed.predict(x, verbose=0), observed.predict(changed, verbose=0)
    np.testing.assert_allclose(before[:, :17], after[:, :17], atol=1e-6)
    assert np.abs(before[:, 17] - after[:, 17]).max() > 1e-4
    assert set(np.unique(gates)) == {0.0, 1.0}
    assert np.any(gates.min(axis=1) < gates.max(axis=1))


def test_slimmable_twin_has_the_same_sizes_and_equals_the_network_with_all_gates_open():
    network, twin = slim(), slim(gates=False)
    decision = network.get_layer("policy").decision_bias
    decision.assign(np.tile([-1e3, 1e3], (len(COMPONENTS), 1)))
    weights = {layer.name: layer.get_weights() for layer in network.layers}
    assert not any(isinstance(layer, Policy | GateParts) for layer in twin.layers)
    for layer in twin.layers:
        assert [w.shape for w in layer.get_weights()] == [w.shape for w in weights[layer.name]]
        layer.set_weights(weights[layer.name])
    np.testing.assert_allclose(network.predict(magnitudes()), twin.predict(magnitudes()), atol=1e-5)


@pytest.mark.parametrize("sizes", [{"bands": 66}, {"encoder": 5}, {"channels": 15}])
def test_sizes_that_do_not_divide_are_refused(sizes: dict[str, int]):
    with pytest.raises(ValueError, match="multiples of 4, 4 and 6"):
        dsn_ftf(**sizes)


@pytest.mark.parametrize("words", ["ChannelGate", "Policy"])
def test_example_of_the_documentation_builds_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str):
    (example,) = (
        block
        for block in re.findall(r"```python\n(.*?)```", EXAMPLES.read_text(encoding="utf-8"), flags=re.DOTALL)
        if words in block
    )
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    (saved,) = tmp_path.glob("*.keras")
    assert keras.models.load_model(saved).predict(np.ones((1, 7, 257)), verbose=0).shape == (1, 7, 257)
