"""The policy module of dynamically slimmable networks: one bit per component and frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from slimse_mcu.models.grouped_gru import gru_over_time

_TINY = 1e-7


@keras.saving.register_keras_serializable(package="slimse")
class Policy(keras.layers.Layer):
    """Decides per frame which components of a network run.

    A small network over early features ends in two logits per component; the component runs where the second is
    greater, so the output is exactly 0 or 1.  Training draws the decision with Gumbel noise and sees the gradient of
    the softmax at ``temperature`` (straight through), after DSN (Zhao, Yang, Madhu, ICASSP 2026, arXiv 2510.11395).
    A training task may let the noise fade, so that what it ends with are the decisions that will be deployed.

    Args:
        components: A name for each bit, for reports.
        hidden: Hidden units; 0 decides on the features themselves.
        recurrent: Whether the hidden units are a GRU along time (Keras's ``reset_after``), or a dense layer with ReLU.
        temperature: Of the softmax that training differentiates.
        seed: Seed of the initial weights and of the Gumbel noise.

    Attributes:
        annealed: If it is not None, gives the temperature in place of ``temperature``, and a factor for the noise;
            set by a training task.

    Input: ``[batch, time, features]``.  Output: ``[batch, time, components]``.

    Raises:
        ValueError: There are no components, a name occurs twice, or the input has a frequency axis.
    """

    def __init__(
        self,
        components: Sequence[str],
        hidden: int = 16,
        recurrent: bool = True,
        temperature: float = 1.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.component_names = tuple(components)
        if not self.component_names or len(set(self.component_names)) != len(self.component_names):
            raise ValueError(f"{self.name}: components need names, and each its own; got {self.component_names}.")
        self.hidden = hidden
        self.recurrent = recurrent
        self.temperature = temperature
        self.seed = seed
        self.annealed: Callable[[], tuple[Any, Any]] | None = None
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the hidden weights and ``decision_kernel [features, components, 2]``, ``decision_bias``."""
        if len(input_shape) != 3 or input_shape[-1] is None:
            raise ValueError(f"{self.name}: reads [batch, time, features], got {tuple(input_shape)}; reshape it.")
        features, names = input_shape[-1], self.component_names
        initializer = keras.initializers.GlorotUniform(self.seed)
        if self.hidden:
            gates = 3 if self.recurrent else 1
            self.kernel = self.add_weight(name="kernel", shape=(features, gates * self.hidden), initializer=initializer)
            if self.recurrent:
                self.recurrent_kernel = self.add_weight(
                    name="recurrent_kernel",
                    shape=(self.hidden, 3 * self.hidden),
                    initializer=keras.initializers.Orthogonal(seed=self.seed),
                )
            shape = (2, 3 * self.hidden) if self.recurrent else (self.hidden,)
            self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros")
            features = self.hidden
        self.decision_kernel = self.add_weight(
            name="decision_kernel", shape=(features, len(names), 2), initializer=initializer
        )
        self.decision_bias = self.add_weight(name="decision_bias", shape=(len(names), 2), initializer="zeros")

    def logits(self, x: Any, training: bool = False) -> Any:
        """Two per component, closed and open: ``[batch, time, components, 2]``."""
        if self.hidden and self.recurrent:
            projected = ops.transpose(ops.matmul(x, self.kernel) + self.bias[0], (1, 0, 2))[:, None]
            kernel, bias = self.recurrent_kernel[None], self.bias[1][None, None]
            unroll = training and keras.backend.backend() == "tensorflow"
            states = gru_over_time(projected, kernel, bias, reset_after=True, unroll=unroll)
            x = ops.transpose(states[:, 0], (1, 0, 2))
        elif self.hidden:
            x = ops.relu(ops.matmul(x, self.kernel) + self.bias)
        return ops.einsum("btc,ckl->btkl", x, self.decision_kernel) + self.decision_bias

    def call(self, x: Any, training: bool = False) -> Any:
        """Return 0 or 1 per component, in training with noise and the softmax's gradient."""
        logits = self.logits(x, training)
        if not training:
            return ops.cast(logits[..., 1] > logits[..., 0], logits.dtype)
        uniform = keras.random.uniform(ops.shape(logits), _TINY, 1.0 - _TINY, seed=self.seed_generator)
        temperature, noise = (self.temperature, 1.0) if self.annealed is None else self.annealed()
        noisy = logits - noise * ops.log(-ops.log(uniform))
        soft = ops.sigmoid((noisy[..., 1] - noisy[..., 0]) / temperature)
        hard = ops.cast(noisy[..., 1] > noisy[..., 0], soft.dtype)
        return soft + ops.stop_gradient(hard - soft)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """``[batch, time, components]``."""
        return (*input_shape[:-1], len(self.component_names))

    def get_config(self) -> dict[str, Any]:
        """Names, sizes and what only training uses."""
        return {
            **super().get_config(),
            "components": list(self.component_names),
            "hidden": self.hidden,
            "recurrent": self.recurrent,
            "temperature": self.temperature,
            "seed": self.seed,
        }
