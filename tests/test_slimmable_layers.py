"""Layers with static and dynamic parts: against plain NumPy loops, and against Keras's own layers where all is open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

keras = pytest.importorskip("keras")

from slimse_mcu.models import Bands, GateParts, GroupedGRU, Policy, SlimAttention, erb_merge, erb_split  # noqa: E402
from slimse_mcu.models.bands import erb_centers  # noqa: E402

Array = NDArray[np.float32]
FRAMES = 14


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def bits(pattern: str, count: int = 2) -> Array:
    """Bits of two clips: all open, all closed, alternating every frame, or drawn."""
    shape = (2, FRAMES, count)
    if pattern == "random":
        return np.random.default_rng(5).integers(0, 2, shape).astype(np.float32)
    odd = np.arange(FRAMES)[None, :, None] % 2
    return np.broadcast_to({"open": 1, "closed": 0, "alternating": odd}[pattern], shape).astype(np.float32)


def randomised(layer: Any, seed: int = 7) -> Any:
    """Give every weight of a built layer values of its own, biases too."""
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(0, 0.5, weight.shape) for weight in layer.get_weights()])
    return layer


def run(layer: Any, *inputs: Array) -> Array:
    """Build with random weights and call."""
    arguments = list(inputs) if len(inputs) > 1 else inputs[0]
    layer(arguments)
    randomised(layer)
    return np.asarray(layer(arguments))


PATTERNS = ("open", "closed", "alternating", "random")


# GateParts


def expected_gate(x: Array, policy: Array, layer: GateParts, source: Array) -> Array:
    y, width = x.copy(), x.shape[-1] // layer.groups
    for group, (bit, rule) in enumerate(zip(layer.components, layer.on_skip, strict=True)):
        block = slice(group * width, (group + 1) * width)
        for clip in range(len(x)):
            kept = np.zeros_like(x[clip, 0, ..., block])
            for frame in range(x.shape[1]):
                if bit is None or policy[clip, frame, bit]:
                    kept = x[clip, frame, ..., block]
                elif rule == "hold":
                    y[clip, frame, ..., block] = kept
                else:
                    y[clip, frame, ..., block] = source[clip, frame, ..., block] if rule == "bypass" else 0.0
    return y


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("shape", [(2, FRAMES, 12), (2, FRAMES, 3, 12)])
@pytest.mark.parametrize("rules", ["zero", "hold", "bypass", ["hold", "bypass", "zero", "hold"]])
def test_closed_blocks_show_what_their_rule_says(pattern: str, shape: tuple[int, ...], rules: Any):
    x, source, policy = normal(*shape), normal(*shape, seed=1), bits(pattern)
    layer = GateParts(4, [1, None, 0, 1] if isinstance(rules, str) else [1, 0, 0, 0], rules)
    np.testing.assert_array_equal(layer([x, policy, source]), expected_gate(x, policy, layer, source))


def test_hold_keeps_its_value_over_a_thousand_closed_frames():
    x, policy = normal(1, 1003, 2), np.zeros((1, 1003, 1), np.float32)
    policy[:, 1] = policy[:, -1] = 1
    y = np.asarray(GateParts(1, [0], "hold")([x, policy]))
    np.testing.assert_array_equal(y[:, 0], 0.0)
    np.testing.assert_array_equal(y[:, 1:-1], np.broadcast_to(x[:, 1:2], (1, 1001, 2)))
    np.testing.assert_array_equal(y[:, -1], x[:, -1])


# GroupedGRU


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)), np.float32)


def expected_gru(x: Array, policy: Array, layer: GroupedGRU) -> Array:
    """A loop over clips, frames, positions, groups and directions on ``[batch, time, positions, channels]``."""
    kernel, recurrent, *rest = layer.get_weights()
    groups, u = layer.groups, layer.units // layer.groups
    width = x.shape[-1] // groups
    bias = rest[0] if rest else np.zeros((layer.directions, groups, 2, 3 * u), np.float32)

    def step(now: Array, state: Array, d: int, g: int) -> Array:
        given = now @ kernel[d, g] + bias[d, g, 0]
        first, second = (given[i * u : (i + 1) * u] for i in (0, 1))
        if layer.reset_after:
            carried = state @ recurrent[d, g] + bias[d, g, 1]
            update, reset = sigmoid(first + carried[:u]), sigmoid(second + carried[u : 2 * u])
            candidate = np.tanh(given[2 * u :] + reset * carried[2 * u :])
        else:
            update = sigmoid(first + state @ recurrent[d, g, :, :u])
            reset = sigmoid(second + state @ recurrent[d, g, :, u : 2 * u])
            candidate = np.tanh(given[2 * u :] + (reset * state) @ recurrent[d, g, :, 2 * u :])
        return np.asarray(update * state + (1 - update) * candidate, np.float32)

    y = np.zeros((*x.shape[:3], groups, layer.directions * u), np.float32)
    for clip, g in np.ndindex(len(x), groups):
        memory = np.zeros((x.shape[2], u), np.float32)
        for frame in range(x.shape[1]):
            now = x[clip, frame, :, g * width : (g + 1) * width]
            opened = layer.components[g] is None or policy[clip, frame, layer.components[g]]
            if layer.axis == "time":
                if opened:
                    memory = np.stack([step(now[f], memory[f], 0, g) for f in range(len(now))])
                shown = memory
            else:
                shown = np.zeros((len(now), layer.directions * u), np.float32)
                for d in range(layer.directions):
                    state = np.zeros(u, np.float32)
                    for f in range(len(now))[:: -1 if d else 1]:
                        state = step(now[f], state, d, g)
                        shown[f, d * u : (d + 1) * u] = state
            if not opened and layer.on_skip[g] != "hold":
                shown = now if layer.on_skip[g] == "bypass" else 0 * shown
            y[clip, frame, :, g] = shown
    return y.reshape(*x.shape[:3], -1)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(
    "options",
    [
        {"axis": "time"},
        {"axis": "time", "on_skip": "zero", "reset_after": False},
        {"axis": "time", "on_skip": ["hold", "hold", "bypass"], "use_bias": False},
        {"axis": "frequency"},
        {"axis": "frequency", "reset_after": False, "use_bias": False},
        {"axis": "frequency", "bidirectional": True, "units": 6, "on_skip": "bypass"},
        {"axis": "frequency", "bidirectional": True, "on_skip": ["zero", "zero", "zero"], "reset_after": False},
    ],
)
def test_grouped_gru_equals_a_loop_over_frames_groups_and_positions(pattern: str, options: dict[str, Any]):
    layer = GroupedGRU(**{"units": 12, "groups": 3, "components": [None, 1, 0], **options})
    x, policy = normal(2, FRAMES, 4, 12), bits(pattern)
    y = run(layer, x, policy)
    np.testing.assert_allclose(y, expected_gru(x, policy, layer), atol=2e-6)
    if options["axis"] == "time":
        np.testing.assert_allclose(layer([x[:, :, 0], policy]), y[:, :, 0], atol=1e-6)


@pytest.mark.parametrize("reset_after", [True, False])
def test_one_open_group_equals_the_gru_of_keras_along_time(reset_after: bool):
    x = normal(2, FRAMES, 5)
    layer = GroupedGRU(4, reset_after=reset_after)
    y = run(layer, x)
    theirs = keras.layers.GRU(4, return_sequences=True, reset_after=reset_after)
    theirs(x)
    kernel, recurrent, bias = (weight[0, 0] for weight in layer.get_weights())
    theirs.set_weights([kernel, recurrent, bias if reset_after else bias[0]])
    np.testing.assert_allclose(y, theirs(x), atol=2e-6)


@pytest.mark.parametrize("reset_after", [True, False])
def test_one_open_group_equals_the_bidirectional_gru_of_keras_along_frequency(reset_after: bool):
    x = normal(2, 3, 6, 5)
    layer = GroupedGRU(4, axis="frequency", bidirectional=True, reset_after=reset_after)
    y = run(layer, x)
    theirs = keras.layers.Bidirectional(keras.layers.GRU(4, return_sequences=True, reset_after=reset_after))
    flat = x.reshape(6, 6, 5)
    theirs(flat)
    kernel, recurrent, bias = (weight[:, 0] for weight in layer.get_weights())
    bias = bias if reset_after else bias[:, 0]
    theirs.set_weights([kernel[0], recurrent[0], bias[0], kernel[1], recurrent[1], bias[1]])
    np.testing.assert_allclose(y.reshape(6, 6, 8), theirs(flat), atol=2e-6)


# SlimAttention


def expected_attention(x: Array, policy: Array, layer: SlimAttention) -> Array:
    """A loop over clips, frames, positions and heads, with rings of keys and values."""
    qk, qb, kk, kb, vk, vb, ok, ob = layer.get_weights()
    y = np.zeros_like(x)
    positions, heads, width = x.shape[2], layer.heads, layer.key_dim

    def attend(query: Array, keys: Array, values: Array) -> Array:
        score = np.exp(keys @ query / np.sqrt(width))
        return np.asarray((score / score.sum()) @ values, np.float32)

    for clip in range(len(x)):
        rings = np.zeros((2, heads, positions, layer.window or 1, width), np.float32)
        given = np.zeros((heads, positions, width), np.float32)
        for frame in range(x.shape[1]):
            for h, bit in enumerate(layer.components):
                opened = bit is None or policy[clip, frame, bit]
                now = x[clip, frame]
                query, key, value = (
                    (now @ kernel[:, h] + bias[h]) * (1.0 if opened else 0.0)
                    for kernel, bias in ((qk, qb), (kk, kb), (vk, vb))
                )
                rings[:, h, :, frame % rings.shape[3]] = key, value
                if opened and layer.axis == "time":
                    given[h] = [attend(query[f], *rings[:, h, f]) for f in range(positions)]
                elif opened:
                    given[h] = [attend(query[f], key, value) for f in range(positions)]
                elif layer.on_skip[h] == "zero":
                    given[h] = 0.0
            y[clip, frame] = np.einsum("hfd,hdc->fc", given, ok) + ob
    return y


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(
    "options",
    [
        {"axis": "frequency"},
        {"axis": "time", "window": 1},
        {"axis": "time", "window": 5},
        {"axis": "time", "window": 5, "on_skip": ["hold", "zero", "hold"]},
        {"axis": "time", "window": 30, "on_skip": "hold"},
    ],
)
def test_attention_equals_a_loop_over_frames_heads_and_positions(pattern: str, options: dict[str, Any]):
    layer = SlimAttention(3, 4, components=[None, 1, 0], **options)
    x, policy = normal(2, FRAMES, 5, 6), bits(pattern)
    y = run(layer, x, policy)
    np.testing.assert_allclose(y, expected_attention(x, policy, layer), atol=1e-5)
    if options["axis"] == "time":
        np.testing.assert_allclose(layer([x[:, :, 0], policy]), y[:, :, 0], atol=1e-5)


def test_open_heads_equal_the_attention_of_keras_along_frequency():
    x = normal(2, 3, 6, 5)
    layer = SlimAttention(2, 4)
    y = run(layer, x)
    theirs = keras.layers.MultiHeadAttention(2, 4, attention_axes=(2,))
    theirs(x, x)
    theirs.set_weights(layer.get_weights())
    np.testing.assert_allclose(y, theirs(x, x), atol=5e-6)


def test_attention_along_time_equals_that_of_keras_once_the_window_is_full():
    x, window = normal(1, FRAMES, 5), 4
    layer = SlimAttention(2, 3, "time", window=window)
    y = run(layer, x)
    theirs = keras.layers.MultiHeadAttention(2, 3)
    theirs(x, x)
    theirs.set_weights(layer.get_weights())
    lag = np.arange(FRAMES)[:, None] - np.arange(FRAMES)
    expected = theirs(x, x, attention_mask=((lag >= 0) & (lag < window))[None])
    np.testing.assert_allclose(y[:, window - 1 :], np.asarray(expected)[:, window - 1 :], atol=5e-6)


# Policy


def test_policy_opens_where_the_second_logit_is_greater():
    layer, x = Policy(["a", "b", "c"], hidden=0), normal(2, FRAMES, 6)
    y = run(layer, x)
    kernel, bias = layer.get_weights()
    logits = np.einsum("btc,ckl->btkl", x, kernel) + bias
    np.testing.assert_array_equal(y, logits[..., 1] > logits[..., 0])
    assert 0 < y.mean() < 1


def test_policy_with_a_dense_hidden_layer():
    layer, x = Policy(["a", "b"], hidden=5, recurrent=False), normal(2, FRAMES, 6)
    run(layer, x)
    kernel, bias, decision, decision_bias = layer.get_weights()
    expected = np.einsum("btc,ckl->btkl", np.maximum(x @ kernel + bias, 0), decision) + decision_bias
    np.testing.assert_allclose(layer.logits(x), expected, atol=1e-5)


def test_recurrent_policy_equals_the_gru_of_keras():
    layer, x = Policy(["a", "b"], hidden=5), normal(2, FRAMES, 6)
    run(layer, x)
    *gru, decision, decision_bias = layer.get_weights()
    theirs = keras.layers.GRU(5, return_sequences=True)
    theirs(x)
    theirs.set_weights(gru)
    expected = np.einsum("btc,ckl->btkl", theirs(x), decision) + decision_bias
    np.testing.assert_allclose(layer.logits(x), expected, atol=1e-5)


def test_training_draws_each_decision_with_the_probability_of_the_softmax():
    layer = Policy(["a"], hidden=0)
    x = np.ones((1, 4000, 1), np.float32)
    layer(x)
    layer.set_weights([np.zeros((1, 1, 2)), np.array([[0.0, 1.0]])])
    drawn = np.asarray(layer(x, training=True))
    np.testing.assert_allclose(drawn, np.round(drawn), atol=1e-6)
    assert drawn.mean() == pytest.approx(1 / (1 + np.exp(-1)), abs=0.03)
    np.testing.assert_array_equal(layer(x), 1.0)


def test_without_noise_training_decides_as_deployed():
    x = normal(2, 40, 3)
    layer = Policy(["a", "b"], hidden=4, seed=3)
    layer.annealed = lambda: (0.5, 1.0)
    deployed = np.asarray(layer(x))
    assert not np.array_equal(np.round(layer(x, training=True)), deployed)
    layer.annealed = lambda: (0.5, 0.0)
    np.testing.assert_allclose(layer(x, training=True), deployed, atol=1e-6)


def test_colder_softmax_has_the_same_decisions_and_another_gradient():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are taken with TensorFlow here")
    x, results = normal(1, 50, 3), []
    for temperature in (1.0, 0.2):
        layer = Policy(["a", "b"], hidden=4, seed=3)
        layer.annealed = lambda temperature=temperature: (temperature, 1.0)
        layer(x)
        with tf.GradientTape() as tape:
            y = layer(x, training=True)
        results.append((np.round(y), tape.gradient(y, layer.kernel).numpy()))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert np.abs(results[0][1]).max() > 0
    assert not np.allclose(results[0][1], results[1][1])


# Bands


def test_bands_multiply_the_frequency_axis():
    matrix = normal(4, 9)
    for x in (normal(2, FRAMES, 9), normal(2, FRAMES, 9, 3)):
        layer = Bands(4, matrix)
        expected = np.moveaxis(np.tensordot(x, matrix, (2, 1)), -1, 2)
        np.testing.assert_allclose(layer(x), expected, atol=1e-5)
        assert layer.trainable_weights == []


@pytest.mark.parametrize(("bins", "bands"), [(257, 64), (257, 32), (129, 48), (17, 17), (9, 2)])
def test_bands_cover_all_bins_in_contiguous_runs(bins: int, bands: int):
    merge, split = erb_merge(bins, bands, 16000), erb_split(bands, bins, 16000)
    assert merge.shape == (bands, bins)
    assert split.shape == (bins, bands)
    np.testing.assert_allclose(merge.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(split.sum(axis=1), 1, atol=1e-6)
    for row in (*merge, *split):
        used = np.flatnonzero(row)
        assert len(used) == used[-1] - used[0] + 1
    assert np.count_nonzero(split) <= 2 * bins


def test_bands_are_single_bins_below_and_widen_above():
    centers = erb_centers(257, 64, 16000)
    assert np.diff(centers).min() >= 1.0
    np.testing.assert_array_equal(centers[:12], np.arange(12))
    assert np.diff(centers)[-1] > 8
    assert centers[-1] == 256


# All of them


LAYERS: dict[str, Callable[[], Any]] = {
    "policy": lambda: Policy(["a", "b"], hidden=3, temperature=0.5, seed=4),
    "dense_policy": lambda: Policy(["a", "b"], hidden=3, recurrent=False),
    "gate": lambda: GateParts(4, [None, 0, 1, 1], ["zero", "hold", "bypass", "hold"]),
    "gru_time": lambda: GroupedGRU(8, 4, components=[None, 0, 1, 1], on_skip="bypass", reset_after=False),
    "gru_frequency": lambda: GroupedGRU(4, 2, "frequency", bidirectional=True, components=[None, 1], use_bias=False),
    "attention_frequency": lambda: SlimAttention(2, 3, components=[None, 1]),
    "attention_time": lambda: SlimAttention(2, 3, "time", window=4, components=[None, 1], on_skip="hold"),
    "bands": lambda: Bands(3, normal(3, 5)),
}


def network(name: str) -> Any:
    """A model of one layer on ``[time, 5, 8]`` and two bits, with random weights."""
    x, policy = keras.Input((None, 5, 8)), keras.Input((None, 2))
    layer = LAYERS[name]()
    if isinstance(layer, Policy):
        y = layer(keras.layers.Reshape((-1, 40))(x))
    elif isinstance(layer, Bands):
        y = layer(x)
    else:
        y = layer([x, policy, keras.layers.ReLU()(x)] if isinstance(layer, GateParts) else [x, policy])
    randomised(layer)
    return keras.Model([x, policy], y)


@pytest.mark.parametrize("name", LAYERS)
def test_saved_layer_loads_and_computes_the_same(tmp_path: Path, name: str):
    model = network(name)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    inputs = [normal(2, FRAMES, 5, 8), bits("random")]
    np.testing.assert_array_equal(model.predict(inputs, verbose=0), again.predict(inputs, verbose=0))
    for one, other in zip(model.layers, again.layers, strict=True):
        assert one.get_config() == other.get_config()
        assert tuple(one.output.shape) == tuple(other.output.shape)


@pytest.mark.parametrize("name", LAYERS)
def test_later_frames_never_change_earlier_outputs(name: str):
    model, changed = network(name), bits("random")
    x, policy = normal(2, FRAMES, 5, 8), changed.copy()
    before = model.predict([x, policy], verbose=0)
    changed[:, 9:] = 1 - changed[:, 9:]
    after = model.predict([np.concatenate([x[:, :9], -3 * x[:, 9:]], axis=1), changed], verbose=0)
    np.testing.assert_allclose(before[:, :9], after[:, :9], atol=1e-6)
    assert np.any(before[:, 9:] != after[:, 9:])


@pytest.mark.parametrize("name", ["gate", "gru_time", "gru_frequency", "attention_frequency", "attention_time"])
def test_gradient_reaches_the_bits(name: str):
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are taken with TensorFlow here")
    model, policy = network(name), tf.constant(bits("alternating"))
    with tf.GradientTape() as tape:
        tape.watch(policy)
        loss = tf.reduce_sum(tf.square(model([tf.constant(normal(2, FRAMES, 5, 8)), policy])))
    assert np.abs(tape.gradient(loss, policy).numpy()).max() > 0


X4, X3, P = (None, 10, 4, 6), (None, 10, 6), (None, 10, 2)


@pytest.mark.parametrize(
    ("make", "shape", "message"),
    [
        (lambda: GateParts(0), [X3, P], "at least one"),
        (lambda: GateParts(2, [0]), [X3, P], "1 components for 2 parts"),
        (lambda: GateParts(2, [0, -1]), [X3, P], "number of a bit"),
        (lambda: GateParts(2, [0, 1], ["zero"]), [X3, P], "1 on_skip rules for 2 parts"),
        (lambda: GateParts(2, [0, 1], "keep"), [X3, P], "on_skip is one of zero, hold, bypass"),
        (lambda: GateParts(4, [0, 0, 0, 0]), [X3, P], "4 equal groups"),
        (lambda: GateParts(2, [0, 2]), [X3, P], "reads bit 2"),
        (lambda: GateParts(2, [0, 1], "bypass"), [X3, P], "needs a source"),
        (lambda: GroupedGRU(4, axis="channels"), X4, "axis is"),
        (lambda: GroupedGRU(4, axis="time", bidirectional=True), X4, "need the future"),
        (lambda: GroupedGRU(4, 3), X4, "3 equal groups"),
        (lambda: GroupedGRU(4, 4), X4, "4 equal groups"),
        (lambda: GroupedGRU(4, axis="frequency"), X3, "cannot run over"),
        (lambda: GroupedGRU(4, axis="frequency", components=[0], on_skip="hold"), [X4, P], "on_skip is one of"),
        (lambda: GroupedGRU(4, components=[0], on_skip="bypass"), [X4, P], "cannot be bypassed"),
        (lambda: GroupedGRU(4, components=[0]), X4, "call it on"),
        (lambda: SlimAttention(2, 3, "time"), X4, "needs a window"),
        (lambda: SlimAttention(2, 3, "frequency", window=3), X4, "needs a window"),
        (lambda: SlimAttention(2, 3, "channels"), X4, "axis is"),
        (lambda: SlimAttention(2, 3), X3, "cannot attend"),
        (lambda: SlimAttention(2, 3, components=[None, 0], on_skip="hold"), [X4, P], "on_skip is one of zero"),
        (lambda: Policy([]), X3, "need names"),
        (lambda: Policy(["a", "a"]), X3, "each its own"),
        (lambda: Policy(["a"]), X4, "reshape it"),
        (lambda: Bands(3, np.zeros((3, 5), np.float32)), X3, "where"),
        (lambda: Bands(3), (None, 10, None), "cannot merge"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(make: Callable[[], Any], shape: Any, message: str):
    with pytest.raises(ValueError, match=message):
        make().build(shape)


@pytest.mark.parametrize(("bins", "bands"), [(9, 10), (9, 1)])
def test_bands_that_cannot_cover_the_bins_are_refused(bins: int, bands: int):
    with pytest.raises(ValueError, match="cannot cover"):
        erb_merge(bins, bands, 16000)
