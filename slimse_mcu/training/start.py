"""Weights of one network for another: a static starting point for its gated and its static successors."""

from __future__ import annotations

from pathlib import Path

import keras

from slimse_mcu.errors import SlimseError
from slimse_mcu.training.gating import gate_layers


def take_over(model: keras.Model, start: Path) -> tuple[str, ...]:
    """Set the weights of all layers that a starting point has, too, by name.

    Args:
        model: Built; layers that the starting point lacks keep their weights.
        start: A ``.keras`` file.

    Returns:
        Names of the layers with weights that it lacks: the gates.

    Raises:
        SlimseError: The file cannot be read, a layer has other shapes there, or one is missing that decides no gate.
    """
    try:
        given = {layer.name: layer for layer in keras.models.load_model(start, compile=False).layers}
    except (OSError, ValueError, TypeError) as error:
        raise SlimseError(f"{start} is no Keras model to start from: {error}", hint="Name a .keras file.") from error
    deciding = _deciding(model)
    new = []
    for layer in model.layers:
        if not layer.weights:
            continue
        if layer.name not in given and layer.name in deciding:
            new.append(layer.name)
            continue
        shapes = [tuple(weight.shape) for weight in layer.weights]
        other = [tuple(weight.shape) for weight in given[layer.name].weights] if layer.name in given else None
        if shapes != other:
            said = "is missing" if other is None else f"has the shapes {other}, not {shapes}"
            raise SlimseError(
                f"{start} does not fit to start from: its layer {layer.name} {said}.",
                hint="Start from a network of the same sizes.",
            )
        layer.set_weights(given[layer.name].get_weights())
    return tuple(new)


def _deciding(model: keras.Model) -> set[str]:
    """Names of the layers that decide gates, and of the dense layers in front that serve nothing else."""
    names = {layer.name for layer in gate_layers(model)}
    grown = True
    while grown:
        consumers: dict[str, set[str]] = {}
        for layer in model.layers:
            for node in layer._inbound_nodes:
                for parent in node.parent_nodes:
                    consumers.setdefault(parent.operation.name, set()).add(layer.name)
        more = {name for name, users in consumers.items() if name not in names and users and users <= names}
        names |= more
        grown = bool(more)
    return names
