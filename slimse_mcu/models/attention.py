"""Multi-head attention whose heads a policy opens and closes, within a frame or over a window of the past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from slimse_mcu.models.grouped_gru import FREQUENCY, TIME
from slimse_mcu.models.parts import HOLD, ZERO, DynamicParts, held, input_shapes

_NEVER = -1e9


@keras.saving.register_keras_serializable(package="slimse")
class SlimAttention(DynamicParts, keras.layers.Layer):
    """Self-attention with static and dynamic heads.

    Along frequency each position of a frame attends to all positions of that frame.  Along time each frame attends to
    the last ``window`` frames, itself included, of its own position.  Frames before the start, and frames in which the
    head was closed, have keys and values of exactly zero and take part with a score of 0, as a ring buffer has them.

    Args:
        heads: Number of heads.
        key_dim: Channels of query, key and value of a head; scores are scaled by ``1 / sqrt(key_dim)``.
        axis: ``"frequency"`` or ``"time"``.
        window: Frames that attention along time sees; None along frequency.
        components: For each head the bit of the policy that rules it; None is static; all static by default.
        on_skip: What a closed head gives to the output projection, one for all or one each: ``"zero"``; ``"hold"``,
            what it gave in the last frame in which it was open, along time only.
        seed: Seed of the initial weights.

    Input: ``x`` or ``[x, policy]``; ``x`` is ``[batch, time, positions, channels]``, along time also
    ``[batch, time, channels]``; ``policy`` is ``[batch, time, bits]``.  Output: shape of ``x``.

    Raises:
        ValueError: The arguments do not fit each other or the input.
    """

    def __init__(
        self,
        heads: int,
        key_dim: int,
        axis: str = FREQUENCY,
        window: int | None = None,
        components: Sequence[int | None] | None = None,
        on_skip: str | Sequence[str] = ZERO,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if axis not in (TIME, FREQUENCY):
            raise ValueError(f"{self.name}: axis is {TIME!r} or {FREQUENCY!r}, got {axis!r}.")
        if (axis == TIME) != (window is not None) or (window is not None and window < 1):
            raise ValueError(f"{self.name}: attention along time needs a window of frames, along frequency none.")
        self.heads = heads
        self.key_dim = key_dim
        self.axis = axis
        self.window = window
        self.seed = seed
        self.set_parts(heads, components, on_skip, (ZERO, HOLD) if axis == TIME else (ZERO,))

    def build(self, input_shape: Any) -> None:
        """Create kernel and bias of query, key, value and output."""
        shapes = input_shapes(input_shape)
        self.check_policy(shapes)
        x = shapes[0]
        if (len(x) != 4 and not (len(x) == 3 and self.axis == TIME)) or x[-1] is None:
            raise ValueError(f"{self.name}: along {self.axis} it cannot attend over {tuple(x)}.")
        channels, heads, width = x[-1], self.heads, self.key_dim
        for number, name in enumerate(("query", "key", "value")):
            kernel = self._matrix(f"{name}_kernel", (channels, heads, width), channels, number)
            setattr(self, f"{name}_kernel", kernel)
            setattr(
                self, f"{name}_bias", self.add_weight(name=f"{name}_bias", shape=(heads, width), initializer="zeros")
            )
        self.output_kernel = self._matrix("output_kernel", (heads, width, channels), heads * width, 3)
        self.output_bias = self.add_weight(name="output_bias", shape=(channels,), initializer="zeros")

    def _matrix(self, name: str, shape: tuple[int, ...], fan_in: int, number: int) -> Any:
        """A weight with Glorot's limits for the matrix that it is, which Keras cannot read off three axes."""
        size = 1
        for extent in shape:
            size *= extent
        limit = (6.0 / (fan_in + size // fan_in)) ** 0.5
        initializer = keras.initializers.RandomUniform(-limit, limit, seed=self.seed * 1000 + number)
        return self.add_weight(name=name, shape=shape, initializer=initializer)

    def call(self, inputs: Any) -> Any:
        """Attend over all frames."""
        x, policy = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        opened = self.opened(policy) if self.dynamic and policy is not None else None
        flat = x if len(x.shape) == 4 else x[:, :, None]
        query, key, value = (self._projected(flat, name, opened) for name in ("query", "key", "value"))
        y = self._within_frame(query, key, value) if self.axis == FREQUENCY else self._over_past(query, key, value)
        if opened is not None:
            y = self._skip(y, opened)
        return ops.reshape(self._output(y), ops.shape(x))

    def _projected(self, x: Any, name: str, opened: Any) -> Any:
        """``[batch, time, positions, heads, key_dim]``; zero where the head is closed."""
        kernel, bias = getattr(self, f"{name}_kernel"), getattr(self, f"{name}_bias")
        y = ops.matmul(x, ops.reshape(kernel, (-1, self.heads * self.key_dim)))
        y = ops.reshape(y, (*ops.shape(x)[:-1], self.heads, self.key_dim)) + bias
        return y if opened is None else opened[:, :, None, :, None] * y

    def _output(self, y: Any) -> Any:
        """``[batch, time, positions, heads, key_dim]`` to ``[batch, time, positions, channels]``."""
        merged = ops.reshape(y, (*ops.shape(y)[:3], self.heads * self.key_dim))
        return ops.matmul(merged, ops.reshape(self.output_kernel, (self.heads * self.key_dim, -1))) + self.output_bias

    def _within_frame(self, query: Any, key: Any, value: Any) -> Any:
        """Attention over the positions of each frame."""
        query, key, value = (ops.transpose(one, (0, 1, 3, 2, 4)) for one in (query, key, value))
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 2, 4, 3))) * self.key_dim**-0.5
        return ops.transpose(ops.matmul(ops.softmax(scores, axis=-1), value), (0, 1, 3, 2, 4))

    def _over_past(self, query: Any, key: Any, value: Any) -> Any:
        """Attention over the last ``window`` frames of each position; zeros stand before the start."""
        assert self.window is not None
        frames, past = ops.shape(query)[1], self.window - 1
        query, key, value = (ops.transpose(one, (0, 2, 3, 1, 4)) for one in (query, key, value))
        before = ((0, 0), (0, 0), (0, 0), (past, 0), (0, 0))
        key, value = ops.pad(key, before), ops.pad(value, before)
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 2, 4, 3))) * self.key_dim**-0.5
        lag = ops.arange(frames + past)[None, :] - ops.arange(frames)[:, None]
        scores = ops.where((lag >= 0) & (lag <= past), scores, _NEVER)
        return ops.transpose(ops.matmul(ops.softmax(scores, axis=-1), value), (0, 3, 1, 2, 4))

    def _skip(self, y: Any, opened: Any) -> Any:
        """Closed heads give zero or what they gave last."""
        shown = opened[:, :, None, :, None] * y
        if not any(self.rule(HOLD)):
            return shown
        flat = ops.transpose(y, (0, 1, 3, 2, 4))
        frames, features = ops.shape(y)[1], y.shape[2] * self.key_dim
        kept = ops.reshape(held(ops.reshape(flat, (-1, frames, self.heads, features)), opened), ops.shape(flat))
        chosen = ops.convert_to_tensor(self.rule(HOLD), dtype=y.dtype)[:, None]
        return chosen * ops.transpose(kept, (0, 1, 3, 2, 4)) + (1.0 - chosen) * shown

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The shape of ``x``."""
        return tuple(input_shapes(input_shape)[0])

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {
            **super().get_config(),
            "heads": self.heads,
            "key_dim": self.key_dim,
            "axis": self.axis,
            "window": self.window,
            "seed": self.seed,
            **self.parts_config(),
        }
