"""What layers with dynamic parts share: their arguments, the bits that rule them, and the held value.

A part is one of ``groups`` equal blocks of a layer's output channels: a GRU group, an attention head, a group of
convolution channels, a slice of a dense layer.  It is static or ruled by one bit of a :class:`Policy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

ZERO, HOLD, BYPASS = "zero", "hold", "bypass"


class DynamicParts:
    """Mixin of layers with static and dynamic parts.

    Attributes:
        components: For each part the bit of the policy that rules it; None is static.
        on_skip: For each part what its output is while closed: ``"zero"``; ``"hold"``, the value of the last frame in
            which it was open, zero before; ``"bypass"``, what comes in.
    """

    name: str
    components: tuple[int | None, ...]
    on_skip: tuple[str, ...]

    def set_parts(
        self,
        parts: int,
        components: Sequence[int | None] | None,
        on_skip: str | Sequence[str],
        allowed: Sequence[str],
    ) -> None:
        """Check and keep the arguments.

        Raises:
            ValueError: There is no part, there are not as many components or rules as parts, or one is unknown.
        """
        if parts < 1:
            raise ValueError(f"{self.name}: {parts} parts; at least one is needed.")
        self.components = (None,) * parts if components is None else tuple(components)
        self.on_skip = (on_skip,) * parts if isinstance(on_skip, str) else tuple(on_skip)
        if len(self.components) != parts:
            raise ValueError(f"{self.name}: {len(self.components)} components for {parts} parts; one each is needed.")
        if any(bit is not None and bit < 0 for bit in self.components):
            raise ValueError(f"{self.name}: a component is None or the number of a bit, got {self.components}.")
        if len(self.on_skip) != parts:
            raise ValueError(
                f"{self.name}: {len(self.on_skip)} on_skip rules for {parts} parts; give one, or one each."
            )
        if unknown := [rule for rule in self.on_skip if rule not in allowed]:
            raise ValueError(f"{self.name}: on_skip is one of {', '.join(allowed)} here, got {unknown[0]!r}.")

    @property
    def dynamic(self) -> bool:
        """Whether any part can close."""
        return any(bit is not None for bit in self.components)

    def parts_config(self) -> dict[str, Any]:
        """The arguments ``components`` and ``on_skip``."""
        return {"components": list(self.components), "on_skip": list(self.on_skip)}

    def check_policy(self, shapes: Sequence[tuple[int | None, ...]]) -> None:
        """Check that a policy with enough bits comes with a dynamic layer.

        Args:
            shapes: Shapes of all inputs; the second is the policy's.

        Raises:
            ValueError: It does not.
        """
        if not self.dynamic:
            return
        if len(shapes) < 2:
            raise ValueError(f"{self.name} has dynamic parts: call it on [x, policy].")
        bits, highest = shapes[1][-1], max(bit for bit in self.components if bit is not None)
        if len(shapes[1]) != 3 or bits is None or highest >= bits:
            raise ValueError(f"{self.name} reads bit {highest} of a policy of shape {tuple(shapes[1])}.")

    def opened(self, policy: Any) -> Any:
        """Bits of the policy ``[batch, time, bits]`` to one of 0 or 1 per part, ``[batch, time, parts]``."""
        static = ops.ones_like(policy[..., :1])
        return ops.concatenate(
            [static if bit is None else policy[..., bit : bit + 1] for bit in self.components], axis=-1
        )

    def rule(self, name: str) -> list[float]:
        """For each part 1 where it is dynamic and ``on_skip`` is ``name``, otherwise 0."""
        rules = zip(self.components, self.on_skip, strict=True)
        return [float(bit is not None and rule == name) for bit, rule in rules]


def input_shapes(shape: Any) -> list[tuple[int | None, ...]]:
    """The shapes of all inputs of a layer that is called on one tensor or on a list."""
    return list(shape) if isinstance(shape[0], list | tuple) else [shape]


def held(x: Any, opened: Any) -> Any:
    """What each part shows if a closed one keeps its last value.

    Args:
        x: ``[batch, time, parts, features]``.
        opened: 0 or 1, ``[batch, time, parts]``.

    Returns:
        Shape of ``x``: its value of the last frame in which the part was open, this one included; 0 before the first.
        The gradient reaches ``opened`` as that of a choice between ``x`` and the value held before.
    """
    frames = ops.shape(x)[1]
    number = ops.cast(ops.arange(1, frames + 1), "int32")[:, None, None]
    numbers = number * ops.cast(ops.transpose(opened, (1, 0, 2)) > 0.5, "int32")

    def latest(last: Any, now: Any) -> tuple[Any, Any]:
        return ops.maximum(last, now), last

    before = ops.transpose(ops.scan(latest, ops.zeros_like(numbers[0]), numbers)[1], (1, 0, 2))
    past = ops.take_along_axis(ops.pad(x, ((0, 0), (1, 0), (0, 0), (0, 0))), before[..., None], axis=1)
    return opened[..., None] * x + (1.0 - opened[..., None]) * past
