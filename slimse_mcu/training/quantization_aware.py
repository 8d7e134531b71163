"""Training with int8's rounding in the loop: weights and activations pass through the grid that they will lie on.

The compiler holds kernels symmetrically in 8 bits per output channel and activations asymmetrically per tensor.  A
batch norm behind a kernel scales its columns, and a grid per column with them, so kernels are rounded as they are,
unfolded.  Gradients pass the rounding as if it were not there, and stop where a value leaves its range.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from slimse_mcu.models import Bands, ChannelGate, GroupedGRU, Policy, SlimAttention, SpectralFrontEnd
from slimse_mcu.training.accelerate import ShiftedDepthwise, shifted

_LEVELS = 255.0
_DECAY = 0.999

#: Axes of a kernel that one grid spans: all but that of the output channels.  By class, then by the weight's name.
_SPANNED: dict[type[keras.layers.Layer], dict[str, tuple[int, ...]]] = {
    layers.Dense: {"kernel": (0,)},
    layers.Conv2D: {"kernel": (0, 1, 2)},
    layers.Conv2DTranspose: {"kernel": (0, 1, 3)},
    ShiftedDepthwise: {"kernel": (0,)},
    ChannelGate: {"kernel": (0,)},
    Policy: {"kernel": (0,), "recurrent_kernel": (0,), "decision_kernel": (0,)},
    GroupedGRU: {"kernel": (2,), "recurrent_kernel": (2,)},
    SlimAttention: {"query_kernel": (0,), "key_kernel": (0,), "value_kernel": (0,), "output_kernel": (0, 1)},
}

#: Layers whose result gets a scale of its own, unless what follows is computed in one with them.
_SCALED = (
    *(kind for kind in _SPANNED if kind not in (ChannelGate, Policy)),
    SpectralFrontEnd,
    Bands,
    layers.BatchNormalization,
    layers.ReLU,
    layers.Add,
    layers.Activation,
)


class Switch(layers.Layer):
    """Whether rounding has begun; one for all layers of a network."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.on = self.add_weight(name="on", shape=(), initializer="zeros", trainable=False)
        self.built = True


class Grid(layers.Layer):
    """Rounds an activation to 8 bits over the range that was seen: the greatest so far, slowly forgotten."""

    def __init__(self, switch: Switch, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.switch = switch
        self.low = self.add_weight(name="low", shape=(), initializer="zeros", trainable=False)
        self.high = self.add_weight(name="high", shape=(), initializer="zeros", trainable=False)
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        """``x`` on the grid, once the switch is on."""
        low, high = ops.convert_to_tensor(self.low), ops.convert_to_tensor(self.high)
        if training:
            low = ops.minimum(_DECAY * low, ops.stop_gradient(ops.min(x)))
            high = ops.maximum(_DECAY * high, ops.stop_gradient(ops.max(x)))
            self.low.assign(low)
            self.high.assign(high)
        scale = ops.maximum(high - low, 1e-6) / _LEVELS
        zero = ops.round(-low / scale)
        inside = ops.clip(x, -zero * scale, (_LEVELS - zero) * scale)
        rounded = inside + ops.stop_gradient(ops.round(inside / scale) * scale - inside)
        return ops.where(self.switch.on > 0.5, rounded, x)


class Rounded:
    """Mixin: a layer that computes with its kernels on their grids."""

    spans: dict[str, tuple[int, ...]]
    switch: Switch

    def call(self, inputs: Any, **options: Any) -> Any:
        """The layer's own result, while its kernels have other values."""
        on = ops.convert_to_tensor(self.switch.on) > 0.5
        values = [
            (one, _on_grid(one, self.spans[one.name], on) if one.name in self.spans else ops.convert_to_tensor(one))
            for one in self.variables  # type: ignore[attr-defined]
        ]
        with keras.StatelessScope(state_mapping=values) as scope:
            result = super().call(inputs, **options)  # type: ignore[misc]
        generator = getattr(self, "seed_generator", None)
        if generator is not None:
            generator.state.assign(scope.get_current_value(generator.state))
        return result


class RoundedInTraining(Rounded):
    """The same for layers that do something else in training."""

    def call(self, inputs: Any, training: bool = False) -> Any:  # type: ignore[override]
        """The layer's own result, while its kernels have other values."""
        annealed = getattr(self, "annealed", None)
        if annealed is None:
            return super().call(inputs, training=training)
        values = annealed()  # reads a variable that is none of the layer's, which JAX allows out here only
        self.annealed = lambda: values
        try:
            return super().call(inputs, training=training)
        finally:
            self.annealed = annealed


class Rounding:
    """What a twin of a model has in place of its layers, and behind them; for :func:`training_twin`.

    Args:
        model: The network that will be cloned.
        switch: Turns the rounding on.
    """

    def __init__(self, model: keras.Model, switch: Switch) -> None:
        self._switch = switch
        self._fused = _fused(model)

    def replace(self, layer: keras.layers.Layer) -> keras.layers.Layer | None:
        """A stand-in with rounded kernels; None for layers without kernels."""
        layer = shifted(layer) or layer
        spans = next((spans for kind, spans in _SPANNED.items() if isinstance(layer, kind)), None)
        if spans is None:
            return None
        kind = type(layer)
        mixin = RoundedInTraining if "training" in inspect.signature(kind.call).parameters else Rounded
        made: Any = type(f"Rounded{kind.__name__}", (mixin, kind), {"spans": spans})
        stand_in = made.from_config(layer.get_config())
        stand_in.switch = self._switch
        return stand_in

    def behind(self, layer: keras.layers.Layer) -> keras.layers.Layer | None:
        """What rounds a layer's result; None if it has no scale of its own."""
        if not isinstance(layer, _SCALED) or layer.name in self._fused:
            return None
        return Grid(self._switch, name=f"{layer.name}_grid")


def _on_grid(kernel: Any, axes: Sequence[int], on: Any) -> Any:
    """A kernel rounded symmetrically to 8 bits, one scale for each output channel."""
    values = ops.convert_to_tensor(kernel)
    scale = ops.maximum(ops.max(ops.abs(values), axis=tuple(axes), keepdims=True), 1e-9) / 127.0
    scale = ops.stop_gradient(scale)
    rounded = values + ops.stop_gradient(ops.round(values / scale) * scale - values)
    return ops.where(on, rounded, values)


def _fused(model: keras.Model) -> set[str]:
    """Names of layers whose result is never held: a batch norm, or behind one a ReLU, is computed with them."""
    consumers: dict[str, list[keras.layers.Layer]] = {}
    for layer in model.layers:
        for node in layer._inbound_nodes:
            for parent in node.parent_nodes:
                consumers.setdefault(parent.operation.name, []).append(layer)
    names = set()
    for layer in model.layers:
        users = consumers.get(layer.name, [])
        wanted = layers.ReLU if isinstance(layer, layers.BatchNormalization) else layers.BatchNormalization
        if users and all(isinstance(user, wanted) for user in users):
            names.add(layer.name)
    return names
