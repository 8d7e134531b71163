"""Registered Keras layers that gated speech enhancers are made of.

Only ``keras.ops`` is used, so any Keras backend trains them.  The compiler reads their configuration from the
``.keras`` archive; nothing of Keras is needed to compile a model that holds them.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="slimse")
class SpectralFrontEnd(keras.layers.Layer):
    """Compresses STFT magnitudes and carries the front end's parameters inside the ``.keras`` file.

    The input is ``|X|`` with ``X = rfft(window * x)``: ``x`` is audio in [-1, 1), ``window`` the periodic
    square-root Hann window of ``fft`` samples, and nothing is normalised.  Frame ``t`` covers the samples of
    the hops ``t - 1`` and ``t``.

    Args:
        sample_rate_hz: Sampling rate of the audio.
        fft: Window and transform length in samples.
        hop: Step between frames in samples.
        window: ``"sqrt_hann"``, used for analysis and synthesis.
        exponent: The output is ``(|X| + epsilon) ** exponent``.
        epsilon: Added before compression; positive, so that silence has a finite gradient.
        mask: What the model's output means: ``"magnitude"`` is one real gain in [0, 1] per bin.

    Input and output: ``[batch, time, fft // 2 + 1]``.
    """

    def __init__(
        self,
        sample_rate_hz: int = 16000,
        fft: int = 512,
        hop: int = 256,
        window: str = "sqrt_hann",
        exponent: float = 0.3,
        epsilon: float = 1e-9,
        mask: str = "magnitude",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sample_rate_hz = sample_rate_hz
        self.fft = fft
        self.hop = hop
        self.window = window
        self.exponent = exponent
        self.epsilon = epsilon
        self.mask = mask

    def call(self, magnitude: Any) -> Any:
        """Return the compressed magnitude."""
        return ops.power(magnitude + self.epsilon, self.exponent)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape does not change."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Everything that the device needs to turn audio into features and a mask into audio."""
        return {
            **super().get_config(),
            "sample_rate_hz": self.sample_rate_hz,
            "fft": self.fft,
            "hop": self.hop,
            "window": self.window,
            "exponent": self.exponent,
            "epsilon": self.epsilon,
            "mask": self.mask,
        }


@keras.saving.register_keras_serializable(package="slimse")
class ChannelGate(keras.layers.Layer):
    """Decides per frame which channels of a block run: the last layer of a gating subnet.

    The output is ``step(x @ kernel + bias > 0)``, exactly 0 or 1.  Training sees the gradient of
    ``sigmoid(slope * logit)`` instead of the step's (straight through), and may add noise to ``x`` so that
    decisions keep a distance from the threshold and survive int8.

    Args:
        channels: Number of gates.
        slope: Steepness of the surrogate gradient; training only.
        noise: Standard deviation of the noise on the input; training only, 0 is none.
        seed: Seed of the initial kernel and of that noise.
        bias_initializer: Positive values start with more than half of the gates open.

    Input: ``[batch, time, features]``.  Output: ``[batch, time, channels]``.
    """

    def __init__(
        self,
        channels: int,
        slope: float = 1.0,
        noise: float = 0.0,
        seed: int = 0,
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.channels = channels
        self.slope = slope
        self.noise = noise
        self.seed = seed
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.seed_generator = keras.random.SeedGenerator(seed) if noise > 0.0 else None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create ``kernel [features, channels]`` and ``bias [channels]``."""
        shape = (input_shape[-1], self.channels)
        initializer = keras.initializers.GlorotUniform(self.seed)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=initializer)
        self.bias = self.add_weight(name="bias", shape=(self.channels,), initializer=self.bias_initializer)

    def call(self, x: Any, training: bool = False) -> Any:
        """Return 0 or 1 per channel, with the surrogate's gradient."""
        if training and self.seed_generator is not None:
            x = x + self.noise * keras.random.normal(ops.shape(x), seed=self.seed_generator)
        logit = ops.matmul(x, self.kernel) + self.bias
        surrogate = ops.sigmoid(self.slope * logit)
        hard = ops.cast(logit > 0.0, surrogate.dtype)
        if not training:
            return hard
        return surrogate + ops.stop_gradient(hard - surrogate)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """``[..., channels]``."""
        return (*input_shape[:-1], self.channels)

    def get_config(self) -> dict[str, Any]:
        """The number of channels and what only training uses."""
        return {
            **super().get_config(),
            "channels": self.channels,
            "slope": self.slope,
            "noise": self.noise,
            "seed": self.seed,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


@keras.saving.register_keras_serializable(package="slimse")
class GateChannels(keras.layers.Layer):
    """Closes channels: ``x * gate``.  A closed channel is exactly zero.

    Input: ``[x, gate]``, both ``[batch, time, channels]``.  Output: ``[batch, time, channels]``.
    """

    def call(self, inputs: list[Any]) -> Any:
        """Return ``x`` where the gate is open and zero elsewhere."""
        x, gate = inputs
        return x * gate

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """The shape of ``x``."""
        return input_shape[0]
