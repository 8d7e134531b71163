"""Registered Keras layers that gated speech enhancers are made of.

Only ``keras.ops`` is used, so any Keras backend trains them.  The compiler reads their configuration from the
``.keras`` archive; nothing of Keras is needed to compile a model that holds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="slimse")
class SpectralFrontEnd(keras.layers.Layer):
    """Compresses an STFT and carries the front end's parameters inside the ``.keras`` file.

    The input is made of ``X = rfft(window * x)``: ``x`` is audio in [-1, 1), ``window`` the periodic
    square-root Hann window of ``fft`` samples, and nothing is normalised.  Frame ``t`` covers the samples of
    the hops ``t - 1`` and ``t``.

    Args:
        sample_rate_hz: Sampling rate of the audio.
        fft: Window and transform length in samples.
        hop: Step between frames in samples.
        window: ``"sqrt_hann"``, used for analysis and synthesis.
        exponent: A bin's magnitude becomes ``|X| ** exponent``.
        epsilon: Added before compression; positive, so that silence has a finite gradient.
        mask: What the model's output means: ``"magnitude"`` is one real gain per bin, ``[batch, time, bins]``;
            ``"complex"`` is a complex one, (re, im) in ``[batch, time, bins, 2]``.
        features: ``"magnitude"``: from ``|X|`` to ``(|X| + epsilon) ** exponent``; ``"complex"``: from (re, im) of
            ``X`` to those of ``X * (|X| ** 2 + epsilon ** 2) ** ((exponent - 1) / 2)``, which has the same phase.

    Input and output: ``[batch, time, bins]`` of magnitudes, ``[batch, time, bins, 2]`` of (re, im), with
    ``bins = fft // 2 + 1``.
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
        features: str = "magnitude",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("mask", mask), ("features", features)):
            if value not in ("magnitude", "complex"):
                raise ValueError(f"{name} is {value!r}, expected 'magnitude' or 'complex'.")
        self.sample_rate_hz = sample_rate_hz
        self.fft = fft
        self.hop = hop
        self.window = window
        self.exponent = exponent
        self.epsilon = epsilon
        self.mask = mask
        self.features = features

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Check that the input is what ``features`` says."""
        if self.features == "complex" and (len(input_shape) != 4 or input_shape[-1] != 2):
            raise ValueError(f"{self.name}: complex features need [batch, time, bins, 2], not {tuple(input_shape)}.")
        if self.features == "magnitude" and len(input_shape) != 3:
            raise ValueError(f"{self.name}: magnitudes are [batch, time, bins], not {tuple(input_shape)}.")

    def call(self, spectrum: Any) -> Any:
        """Return the compressed magnitude, or the compressed real and imaginary parts."""
        if self.features == "magnitude":
            return ops.power(spectrum + self.epsilon, self.exponent)
        power = ops.sum(ops.square(spectrum), axis=-1, keepdims=True) + self.epsilon**2
        return spectrum * ops.power(power, (self.exponent - 1.0) / 2.0)

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
            "features": self.features,
        }


@keras.saving.register_keras_serializable(package="slimse")
class ChannelGate(keras.layers.Layer):
    """Decides per frame which channels of a block run: the last layer of a gating subnet.

    The output is ``step(x @ kernel + bias > 0)``, exactly 0 or 1.  Training sees the gradient of
    ``sigmoid(slope * logit)`` instead of the step's (straight through), and may add noise to ``x`` so that
    decisions keep a distance from the threshold and survive int8.

    Channels may be opened in groups of ``group`` neighbours: kernels then read whole blocks of weights, and the subnet
    decides, and costs, that much less.

    Args:
        channels: Number of gates, a multiple of ``group``.
        slope: Steepness of the surrogate gradient; training only.
        noise: Standard deviation of the noise on the input; training only, 0 is none.
        seed: Seed of the initial kernel and of that noise.
        bias_initializer: Positive values start with more than half of the gates open.
        group: Neighbouring channels that one decision opens.

    Raises:
        ValueError: ``group`` does not divide ``channels``.

    Input: ``[batch, time, features]``.  Output: ``[batch, time, channels]``.
    """

    def __init__(
        self,
        channels: int,
        slope: float = 1.0,
        noise: float = 0.0,
        seed: int = 0,
        bias_initializer: Any = "zeros",
        group: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if group < 1 or channels % group:
            raise ValueError(f"{self.name}: {channels} channels are no groups of {group}.")
        self.channels = channels
        self.group = group
        self.slope = slope
        self.noise = noise
        self.seed = seed
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.seed_generator = keras.random.SeedGenerator(seed) if noise > 0.0 else None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create ``kernel [features, channels / group]`` and ``bias [channels / group]``."""
        shape = (input_shape[-1], self.channels // self.group)
        initializer = keras.initializers.GlorotUniform(self.seed)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=initializer)
        self.bias = self.add_weight(name="bias", shape=shape[1:], initializer=self.bias_initializer)

    def call(self, x: Any, training: bool = False) -> Any:
        """Return 0 or 1 per channel, with the surrogate's gradient."""
        if training and self.seed_generator is not None:
            x = x + self.noise * keras.random.normal(ops.shape(x), seed=self.seed_generator)
        logit = ops.matmul(x, self.kernel) + self.bias
        surrogate = ops.sigmoid(self.slope * logit)
        hard = ops.cast(logit > 0.0, surrogate.dtype)
        decided = surrogate + ops.stop_gradient(hard - surrogate) if training else hard
        return decided if self.group == 1 else ops.repeat(decided, self.group, axis=-1)

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
            "group": self.group,
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


def noisy(x: Any, deviation: float, name: str, seeds: Iterator[int]) -> Any:
    """Add Gaussian noise in training, and nothing where ``deviation`` is 0."""
    return keras.layers.GaussianNoise(deviation, seed=next(seeds), name=name)(x) if deviation > 0.0 else x
