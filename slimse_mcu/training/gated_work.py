"""How much of what gates rule is open in a frame: each decision weighs as much as the MACs that it saves."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from slimse_mcu.load import load
from slimse_mcu.streaming import count_macs, gate_layout
from slimse_mcu.training.gating import gate_layers

Weights = Mapping[str, NDArray[np.float32]]
"""Weight of each decision ``[channels]`` by the name of the layer that decides; all weights together are 1."""


def gate_weights(model: keras.Model) -> Weights:
    """What closing each channel or component alone saves, as a share of all such savings.

    Where one closed part makes another's work less, what both save together is a little less than the sum.

    Args:
        model: A network that compiles; its weights do not matter.

    Raises:
        ModelError: It does not compile.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        graph = load(path)
    layout = gate_layout(graph)
    if not layout.channels:
        return {}
    channels = sum(layout.channels.values())
    # One frame for each decision, in which it alone is closed, and one with everything open.
    bits = np.vstack([~np.eye(channels, dtype=bool), np.ones((1, channels), bool)])
    ends = np.cumsum(list(layout.channels.values()))
    by_gate = dict(zip(layout.channels, np.split(bits, ends[:-1], axis=1), strict=True))
    packed = np.repeat(layout.pack(by_gate), graph.period, axis=0)  # layers that pause count as in a whole period
    macs = count_macs(graph, packed).reshape(-1, graph.period).sum(axis=1)
    saved = (macs[-1] - macs[:-1]).astype(np.float64)
    weights = np.split((saved / max(1.0, saved.sum())).astype(np.float32), ends[:-1])
    return {graph.gates[gate].node: one for gate, one in zip(layout.channels, weights, strict=True)}


def in_order(network: keras.Model, weights: Weights | None) -> tuple[NDArray[np.float32], ...]:
    """The weights of each of a network's :func:`gate_layers`; without any, all decisions count alike."""
    layers = gate_layers(network)
    if weights is None:
        channels = sum(layer.output.shape[2] for layer in layers)
        weights = {layer.name: np.full(layer.output.shape[2], 1.0 / channels, np.float32) for layer in layers}
    return tuple(weights[layer.name] for layer in layers)


def open_share(gates: Sequence[Any], weights: Sequence[Any]) -> Any:
    """Share of the gated MACs that is open in each frame, ``[batch, time]``.

    Args:
        gates: 0 or 1, ``[batch, time, channels]`` each.
        weights: Of each gate's decisions.
    """
    parts = [ops.sum(gate * weight, axis=2) for gate, weight in zip(gates, weights, strict=True)]
    return ops.sum(ops.stack(parts), axis=0)
