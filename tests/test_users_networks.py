"""Causal networks as users write them in plain Keras, which the project never saw: compiled, and run on boards."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from networks import quantized_features
from on_board import run_on_board

from slimse_mcu.load import load
from slimse_mcu.ops.arithmetic import dequantize_values, quantize_values
from slimse_mcu.plan import plan
from slimse_mcu.quantize import quantize
from slimse_mcu.streaming import run_int8

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")
FEATURES = 16


def users_model(kind: str):
    """A causal network as a user writes it in plain Keras."""
    keras = pytest.importorskip("keras")
    layers = keras.layers
    keras.utils.set_random_seed(1)
    body = [
        layers.Conv1D(24, 5, padding="causal", name="in"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.ZeroPadding1D((6, 0)),
        layers.DepthwiseConv1D(4, dilation_rate=2, depth_multiplier=2),
        layers.PReLU(shared_axes=[1]),
        layers.Dropout(0.2),
        layers.Dense(10, activation="tanh", name="double"),
    ]
    if kind == "sequential":
        return keras.Sequential([keras.Input((None, FEATURES)), *body], name="users own")
    if kind == "recurrent":
        body = [
            layers.Dense(16, activation="relu"),
            layers.LayerNormalization(),
            layers.GRU(14, return_sequences=True),
            layers.LSTM(11, return_sequences=True),
            layers.GRU(9, return_sequences=True, reset_after=False),
            layers.Dense(10, activation="sigmoid"),
        ]
        return keras.Sequential([keras.Input((None, FEATURES)), *body], name="users own")
    x = source = keras.Input((None, FEATURES))
    if kind == "unet":
        return keras.Model(source, u_net(layers, source), name="users own")
    for layer in body:
        x = layer(x)
    skip = layers.Dense(10, activation="sigmoid")(source)
    return keras.Model(source, layers.Multiply()([x, skip]), name="users own")


def u_net(layers, source):
    """A small causal U-Net over (time, frequency), with a recurrent layer and attention along frequency below."""
    x = layers.Reshape((-1, FEATURES, 1))(source)
    skips = []
    for depth, channels in enumerate((6, 10)):
        x = layers.ZeroPadding2D(((1, 0), (1, 1)), name=f"past{depth}")(x)
        x = layers.Conv2D(channels, (2, 3), strides=(1, 1 + depth), use_bias=False, name=f"down{depth}")(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        skips.append(x)
    x = layers.DepthwiseConv2D((1, 3), padding="same", name="local")(x)
    x = layers.TimeDistributed(layers.Bidirectional(layers.GRU(5, return_sequences=True)), name="along")(x)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 4, attention_axes=(2,), name="attention")(x, x)])
    x = layers.Concatenate()([x, skips[1]])
    x = layers.Conv2DTranspose(6, (1, 3), strides=(1, 2), padding="same", activation="relu", name="up")(x)
    x = layers.Add()([x, layers.Conv2D(6, 1, name="skip")(skips[0])])
    x = layers.AveragePooling2D((1, 2))(x)
    return layers.Dense(10, activation="sigmoid")(layers.Reshape((-1, FEATURES // 2 * 6))(x))


@pytest.fixture(scope="module", params=["functional", "sequential", "recurrent", "unet"])
def own(request, tmp_path_factory):
    """The user's model, and its plan."""
    model = users_model(request.param)
    path = tmp_path_factory.mktemp("own") / "own.keras"
    model.save(path)
    graph = load(path)
    sequence = np.random.default_rng(2).normal(size=(60, FEATURES)).astype(np.float32)
    return model, plan(quantize(graph, [sequence]))


def test_users_own_keras_network_equals_the_specification(own, build):
    _, planned = own
    native = build(planned)
    integers = quantized_features(planned.quantized, 60, 4)
    run, trace = native.run(integers), run_int8(planned.quantized, integers)
    np.testing.assert_array_equal(run.output, trace.output)
    np.testing.assert_array_equal(run.macs, trace.macs)


def test_users_own_keras_network_follows_keras(own):
    model, planned = own
    graph, quantization = planned.quantized.graph, planned.quantized.quantization
    real = np.random.default_rng(4).normal(size=(60, FEATURES)).astype(np.float32)
    output = run_int8(planned.quantized, quantize_values(real, quantization[graph.input])).output
    mine = dequantize_values(output, quantization[graph.output])
    wanted = np.asarray(model(real[None]))[0]
    assert np.sqrt(np.mean((mine - wanted) ** 2)) < 0.05 * np.sqrt(np.mean(wanted**2)) + 0.02


@pytest.mark.parametrize("name", ["host", "virtual-m3", "virtual-m4"])
def test_users_own_keras_network_on_a_board_equals_the_specification(own, tmp_path, name):
    _, planned = own
    run_on_board(planned, name, quantized_features(planned.quantized, 30, 5), tmp_path)
