"""Where a gate closes a channel in front of a depthwise convolution over time and again behind it.

Written down as it is deployed, such a channel learns nothing while it is closed: the gradient of ``g * f(g * x)`` with
respect to ``g`` is ``f(0)`` at ``g = 0``, whatever ``x`` is, so nothing tells that opening would help, and most
channels close for good.  What opening now would show is ``f(x)`` over the past as it is gated.  As what the convolution
yields in closed frames is thrown away, its tap at the present frame may read ``x`` without the gate: all values
stay, and the gradient becomes that difference.  (Batch norm behind the convolution then sees in training what closed
channels would have shown.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import layers

from slimse_mcu.models.layers import GateChannels

_PER_CHANNEL = (layers.BatchNormalization, layers.ReLU, layers.Activation)


def gated_twice(model: keras.Model) -> dict[str, str]:
    """Name of each such convolution -> name of the :class:`GateChannels` in front of it."""
    users: dict[str, list[keras.layers.Layer]] = {}
    for layer in model.layers:
        for parent in _parents(layer):
            users.setdefault(parent.name, []).append(layer)
    for tensor in model.outputs:
        users.setdefault(tensor._keras_history.operation.name, []).append(tensor)
    found = {}
    for layer in model.layers:
        if isinstance(layer, layers.DepthwiseConv1D):
            before, behind = _source(layer), _only(users, layer)
            while isinstance(behind, _PER_CHANNEL):
                behind = _only(users, behind)
            if isinstance(before, GateChannels) and isinstance(behind, GateChannels) and _gate(before) is _gate(behind):
                found[layer.name] = before.name
    return found


def _parents(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers whose results a layer takes, wherever it stands."""
    return [parent.operation for node in layer._inbound_nodes for parent in node.parent_nodes]


def _source(layer: keras.layers.Layer) -> keras.layers.Layer | None:
    """The layer in front of a convolution, behind which the past is padded; None if there are several."""
    parents = _parents(layer)
    if len(parents) == 1 and isinstance(parents[0], layers.ZeroPadding1D):
        parents = _parents(parents[0])
    return parents[0] if len(parents) == 1 else None


def _only(users: Mapping[str, list[Any]], layer: keras.layers.Layer) -> Any:
    """What alone takes a layer's result; None if there are several."""
    found = users.get(layer.name, [])
    return found[0] if len(found) == 1 else None


def _gate(layer: GateChannels) -> Any:
    """The tensor that closes a layer's channels."""
    return layer.input[1]
