"""Static and dynamic groups of the channels that any layer puts out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from slimse_mcu.models.parts import BYPASS, HOLD, ZERO, DynamicParts, held


@keras.saving.register_keras_serializable(package="slimse")
class GateParts(DynamicParts, keras.layers.Layer):
    """Closes groups of channels of a dense layer, a convolution, or what follows one.

    Args:
        groups: Number of equal blocks of the last axis.
        components: For each block the bit of the policy that rules it; None is static.
        on_skip: What a closed block shows, one for all or one each: ``"zero"``; ``"hold"``, its value of the last frame
            in which it was open, zero before; ``"bypass"``, the same block of ``source``.

    Inputs: ``[x, policy]``, with bypass ``[x, policy, source]``; ``x`` is ``[batch, time, channels]`` or
    ``[batch, time, positions, channels]``, ``policy`` ``[batch, time, bits]``, ``source`` like ``x``.
    Output: shape of ``x``.

    Raises:
        ValueError: The arguments do not fit each other or the inputs.
    """

    def __init__(
        self,
        groups: int,
        components: Sequence[int | None] | None = None,
        on_skip: str | Sequence[str] = ZERO,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.groups = groups
        self.set_parts(groups, components, on_skip, (ZERO, HOLD, BYPASS))

    def build(self, input_shape: list[tuple[int | None, ...]]) -> None:
        """Check the shapes; there are no weights."""
        self.check_policy(input_shape)
        x = tuple(input_shape[0])
        if len(x) not in (3, 4) or x[-1] is None or x[-1] % self.groups:
            raise ValueError(f"{self.name}: cannot split the channels of {x} into {self.groups} equal groups.")
        if any(self.rule(BYPASS)) and (len(input_shape) < 3 or tuple(input_shape[2]) != x):
            raise ValueError(f"{self.name}: bypass needs a source of the shape {x}: call it on [x, policy, source].")

    def call(self, inputs: list[Any]) -> Any:
        """Return ``x`` with its closed blocks replaced."""
        if not self.dynamic:
            return inputs[0]
        x = self._blocks(inputs[0])
        opened = self.opened(inputs[1])
        y = opened[:, :, None, :, None] * x
        if any(self.rule(HOLD)):
            frames, flat = ops.shape(x)[1], ops.transpose(x, (0, 1, 3, 2, 4))
            shape = (-1, frames, self.groups, x.shape[2] * x.shape[4])
            kept = ops.reshape(held(ops.reshape(flat, shape), opened), ops.shape(flat))
            y = self._replace(y, HOLD, ops.transpose(kept, (0, 1, 3, 2, 4)))
        if any(self.rule(BYPASS)):
            source = self._blocks(inputs[2])
            y = self._replace(y, BYPASS, y + (1.0 - opened[:, :, None, :, None]) * source)
        return ops.reshape(y, ops.shape(inputs[0]))

    def _blocks(self, x: Any) -> Any:
        """``[batch, time, positions, groups, channels of a group]``."""
        positions = x.shape[2] if len(x.shape) == 4 else 1
        return ops.reshape(x, (-1, ops.shape(x)[1], positions, self.groups, x.shape[-1] // self.groups))

    def _replace(self, y: Any, rule: str, other: Any) -> Any:
        """``other`` in the blocks with this rule, ``y`` elsewhere."""
        chosen = ops.convert_to_tensor(self.rule(rule), dtype=y.dtype)[:, None]
        return chosen * other + (1.0 - chosen) * y

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """The shape of ``x``."""
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        """The groups, their bits and what they do when closed."""
        return {**super().get_config(), "groups": self.groups, **self.parts_config()}
