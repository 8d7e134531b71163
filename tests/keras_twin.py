"""The Keras model of a network that was written down layer by layer."""

from __future__ import annotations

from typing import Any

import keras
from networks import Network

from slimse_mcu import models
from slimse_mcu.keras_archive import KerasLayer


def to_keras(network: Network, *, frames: int | None = None) -> Any:
    """A built Keras model with the network's weights, over batches of one sequence.

    Args:
        network: Its ``graph`` has been called.
        frames: Length of the sequence; None: any.
    """
    tensors: dict[str, Any] = {}
    for layer in network.layers:
        if layer.kind == "InputLayer":
            tensors[layer.name] = keras.Input(batch_shape=(1, frames, network.input.channels))
            continue
        made = _layer(layer)
        sources = [tensors[name] for call in layer.calls for name, _ in call]
        tensors[layer.name] = made(sources if len(sources) > 1 else sources[0])
        made.set_weights(layer.weights)
    assert network.output is not None
    return keras.Model(tensors[network.layers[0].name], tensors[network.output.layer])


def _layer(layer: KerasLayer) -> Any:
    config = dict(layer.config)
    match layer.kind:
        case "Dense":
            config["units"] = layer.weights[0].shape[1]
        case "Conv1D":
            config.update(filters=layer.weights[0].shape[2], kernel_size=layer.weights[0].shape[0])
        case "DepthwiseConv1D":
            config["kernel_size"] = layer.weights[0].shape[0]
        case "SeparableConv1D":
            kernel, _, multiplier = layer.weights[0].shape
            config.update(filters=layer.weights[1].shape[2], kernel_size=kernel, depth_multiplier=multiplier)
        case kind if kind.startswith("slimse>"):
            return getattr(models, kind.removeprefix("slimse>"))(**config)
        case "TimeDistributed":
            inside = config["layer"]
            return keras.layers.TimeDistributed(getattr(keras.layers, inside["class_name"])(**inside["config"]))
        case "Add" | "Multiply":
            config.pop("axis")
    return getattr(keras.layers, layer.kind)(**config)
