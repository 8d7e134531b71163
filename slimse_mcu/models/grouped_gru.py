"""A GRU in groups that a policy opens and closes, along time or along frequency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from slimse_mcu.models.parts import BYPASS, HOLD, ZERO, DynamicParts, input_shapes

TIME, FREQUENCY = "time", "frequency"


@keras.saving.register_keras_serializable(package="slimse")
class GroupedGRU(DynamicParts, keras.layers.Layer):
    """GRU whose input channels and units are split into groups that know nothing of each other.

    Along time every position has a state of its own and all share the weights.  Along frequency the recurrence runs
    over the positions of a frame and starts at zero in every frame.  Gates are those of :class:`keras.layers.GRU`, in
    its order (update, reset, candidate).  While a group is closed its state stays as it is.

    Args:
        units: Units of all groups together, per direction.
        groups: Number of groups; divides units and input channels.
        axis: ``"time"`` or ``"frequency"``.
        bidirectional: Whether a second recurrence runs from the last position to the first; along frequency only.
        reset_after: Whether the reset gate is applied after the product with the recurrent kernel, see Keras.
        components: For each group the bit of the policy that rules it; None is static; all static by default.
        on_skip: What a closed group shows, one for all or one each: ``"hold"``, its state, along time only; ``"zero"``;
            ``"bypass"``, its slice of the input, which must be as wide as its output.  By default hold along time, zero
            along frequency.
        use_bias: Whether there are biases.
        seed: Seed of the initial weights.

    Input: ``x`` or ``[x, policy]``; ``x`` is ``[batch, time, positions, channels]``, along time also
    ``[batch, time, channels]``; ``policy`` is ``[batch, time, bits]``.  Output: the channels of ``x`` replaced by
    ``units * directions``, per group those forward and then those backward.

    Raises:
        ValueError: The arguments do not fit each other or the input.
    """

    def __init__(
        self,
        units: int,
        groups: int = 1,
        axis: str = TIME,
        bidirectional: bool = False,
        reset_after: bool = True,
        components: Sequence[int | None] | None = None,
        on_skip: str | Sequence[str] | None = None,
        use_bias: bool = True,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if axis not in (TIME, FREQUENCY):
            raise ValueError(f"{self.name}: axis is {TIME!r} or {FREQUENCY!r}, got {axis!r}.")
        if bidirectional and axis == TIME:
            raise ValueError(f"{self.name}: bidirectional along time would need the future; use axis={FREQUENCY!r}.")
        if groups < 1 or units < 1 or units % groups:
            raise ValueError(f"{self.name}: cannot split {units} units into {groups} equal groups.")
        self.units = units
        self.groups = groups
        self.axis = axis
        self.bidirectional = bidirectional
        self.reset_after = reset_after
        self.use_bias = use_bias
        self.seed = seed
        self.directions = 2 if bidirectional else 1
        along_time = axis == TIME
        default = HOLD if along_time else ZERO
        allowed = (ZERO, HOLD, BYPASS) if along_time else (ZERO, BYPASS)
        self.set_parts(groups, components, default if on_skip is None else on_skip, allowed)

    def build(self, input_shape: Any) -> None:
        """Create ``kernel``, ``recurrent_kernel`` and ``bias``, each with direction and group in front."""
        shapes = input_shapes(input_shape)
        self.check_policy(shapes)
        x, groups, unit = shapes[0], self.groups, self.units // self.groups
        if len(x) != 4 and not (len(x) == 3 and self.axis == TIME):
            raise ValueError(f"{self.name}: along {self.axis} it cannot run over {tuple(x)}.")
        if x[-1] is None or x[-1] % groups or (len(x) == 4 and x[2] is None):
            raise ValueError(f"{self.name}: cannot split the channels of {tuple(x)} into {groups} equal groups.")
        inputs = x[-1] // groups
        if any(self.rule(BYPASS)) and inputs != unit * self.directions:
            raise ValueError(
                f"{self.name}: a group of {inputs} channels in and {unit * self.directions} out cannot be bypassed."
            )
        front, biases = (self.directions, groups), 2 if self.reset_after else 1
        glorot = keras.initializers.GlorotUniform(self.seed)
        orthogonal = keras.initializers.Orthogonal(seed=self.seed)
        self.kernel = self._stacked("kernel", (inputs, 3 * unit), glorot)
        self.recurrent_kernel = self._stacked("recurrent_kernel", (unit, 3 * unit), orthogonal)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(*front, biases, 3 * unit), initializer="zeros")

    def _stacked(self, name: str, shape: tuple[int, int], initializer: Any) -> Any:
        """A weight ``[directions, groups, *shape]``, each matrix initialised on its own."""
        front = (self.directions, self.groups)
        base = initializer.get_config()
        count = front[0] * front[1]

        def initial(shape_: Any, dtype: Any = None) -> Any:
            seeds = [{**base, "seed": self.seed * 1000 + i} for i in range(count)]
            matrices = [type(initializer).from_config(config)(shape, dtype=dtype) for config in seeds]
            return ops.reshape(ops.stack(matrices), shape_)

        return self.add_weight(name=name, shape=(*front, *shape), initializer=initial)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Run over all frames, from zero states."""
        x, policy = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        opened = self.opened(policy) if self.dynamic and policy is not None else None
        flat = x if len(x.shape) == 4 else x[:, :, None]
        y = self._along_time(flat, opened, training) if self.axis == TIME else self._along_frequency(flat)
        if opened is not None:
            y = self._skip(y, flat, opened)
        return ops.reshape(y, (*ops.shape(x)[:-1], self.units * self.directions))

    def _projected(self, x: Any, direction: int) -> Any:
        """Products with the input kernel and its bias: ``[groups, n, inputs]`` to ``[groups, n, 3 * units]``."""
        y = ops.matmul(x, self.kernel[direction])
        return y + self.bias[direction, :, :1] if self.use_bias else y

    def _recurrent_bias(self) -> Any:
        """``[directions, groups, 1, 3 * units]``, or None."""
        return self.bias[:, :, 1:] if self.use_bias and self.reset_after else None

    def _along_time(self, x: Any, opened: Any, training: bool) -> Any:
        """``[batch, time, positions, channels]`` to ``[batch, time, positions, groups, units]``."""
        batch, frames = ops.shape(x)[0], ops.shape(x)[1]
        positions, groups, width = x.shape[2], self.groups, x.shape[-1] // self.groups
        unit = self.units // groups
        split = ops.transpose(ops.reshape(x, (batch, frames, positions, groups, width)), (3, 1, 0, 2, 4))
        projected = self._projected(ops.reshape(split, (groups, -1, width)), 0)
        projected = ops.reshape(projected, (groups, frames, batch * positions, 3 * unit))
        bias = self._recurrent_bias()
        if opened is not None:
            opened = ops.repeat(ops.transpose(opened, (1, 2, 0)), positions, axis=-1)[..., None]
        states = gru_over_time(
            ops.transpose(projected, (1, 0, 2, 3)),
            self.recurrent_kernel[0],
            None if bias is None else bias[0],
            reset_after=self.reset_after,
            opened=opened,
            # A loop written out trains twice as fast with TensorFlow; JAX compiles a scan, and hardly that.
            unroll=training and keras.backend.backend() == "tensorflow",
        )
        states = ops.reshape(states, (frames, groups, batch, positions, unit))
        return ops.transpose(states, (2, 0, 3, 1, 4))

    def _along_frequency(self, x: Any) -> Any:
        """``[batch, time, positions, channels]`` to ``[batch, time, positions, groups, directions * units]``."""
        batch, frames, positions = ops.shape(x)[0], ops.shape(x)[1], x.shape[2]
        groups, width, unit = self.groups, x.shape[-1] // self.groups, self.units // self.groups
        split = ops.transpose(ops.reshape(x, (batch * frames, positions, groups, width)), (2, 1, 0, 3))
        flat = ops.reshape(split, (groups, -1, width))
        shape = (groups, positions, batch * frames, 3 * unit)
        # Unstacked, not sliced: the gradient of a slice is a whole tensor of zeros, once per position.
        projected = [
            ops.unstack(ops.reshape(self._projected(flat, d), shape), positions, axis=1) for d in range(self.directions)
        ]
        bias = self._recurrent_bias()
        kernel = ops.reshape(self.recurrent_kernel, (-1, unit, 3 * unit))
        bias = None if bias is None else ops.reshape(bias, (-1, 1, 3 * unit))
        state = ops.zeros((self.directions * groups, batch * frames, unit), dtype=x.dtype)
        states = []
        for step in range(positions):
            at = (step, positions - 1 - step)
            now = ops.concatenate([p[at[d]] for d, p in enumerate(projected)], axis=0)
            state = gru_step(now, state, kernel, bias, reset_after=self.reset_after)
            states.append(state)
        stacked = ops.reshape(ops.stack(states), (positions, self.directions, groups, -1, unit))
        both = [stacked[:, 0], ops.flip(stacked[:, 1], axis=0)] if self.bidirectional else [stacked[:, 0]]
        y = ops.transpose(ops.concatenate(both, axis=-1), (2, 0, 1, 3))
        return ops.reshape(y, (batch, frames, positions, groups, self.directions * unit))

    def _skip(self, y: Any, x: Any, opened: Any) -> Any:
        """Closed groups show what their rule says; along time ``y`` holds already."""
        show = opened[:, :, None, :, None]
        kept = ops.convert_to_tensor(self.rule(HOLD), dtype=y.dtype)[:, None]
        result = y * (kept + (1.0 - kept) * show)
        if any(self.rule(BYPASS)):
            passing = ops.convert_to_tensor(self.rule(BYPASS), dtype=y.dtype)[:, None]
            result = result + passing * (1.0 - show) * ops.reshape(x, ops.shape(y))
        return result

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The channels become ``units * directions``."""
        return (*input_shapes(input_shape)[0][:-1], self.units * self.directions)

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "groups": self.groups,
            "axis": self.axis,
            "bidirectional": self.bidirectional,
            "reset_after": self.reset_after,
            "use_bias": self.use_bias,
            "seed": self.seed,
            **self.parts_config(),
        }


def gru_step(projected: Any, state: Any, kernel: Any, bias: Any, *, reset_after: bool) -> Any:
    """One step of independent GRUs, after Keras's equations.

    Args:
        projected: Input times input kernel, with bias: ``[groups, n, 3 * units]``; update, reset, candidate.
        state: ``[groups, n, units]``.
        kernel: Recurrent kernel, ``[groups, units, 3 * units]``.
        bias: Recurrent bias, ``[groups, 1, 3 * units]``, or None.
        reset_after: Whether the reset gate comes after the product.

    Returns:
        The new state.
    """
    units = state.shape[-1]
    given_gates, given = ops.split(projected, [2 * units], axis=-1)
    if reset_after:
        recurrent = ops.matmul(state, kernel)
        recurrent_gates, recurrent = ops.split(recurrent if bias is None else recurrent + bias, [2 * units], axis=-1)
        update, reset = ops.split(ops.sigmoid(given_gates + recurrent_gates), 2, axis=-1)
        candidate = ops.tanh(given + reset * recurrent)
    else:
        gate_kernel, kernel = ops.split(kernel, [2 * units], axis=-1)
        update, reset = ops.split(ops.sigmoid(given_gates + ops.matmul(state, gate_kernel)), 2, axis=-1)
        candidate = ops.tanh(given + ops.matmul(reset * state, kernel))
    return candidate + update * (state - candidate)


def gru_over_time(
    projected: Any, kernel: Any, bias: Any, *, reset_after: bool, opened: Any = None, unroll: bool = False
) -> Any:
    """Independent GRUs over all frames, from zero states.

    Args:
        projected: ``[time, groups, n, 3 * units]``, see :func:`gru_step`.
        kernel: ``[groups, units, 3 * units]``.
        bias: ``[groups, 1, 3 * units]``, or None.
        reset_after: See :func:`gru_step`.
        opened: ``[time, groups, n, 1]``: where it is 0 the state stays; None is always 1.
        unroll: Whether to write all frames out, if their number is known: trains twice as fast as a loop.

    Returns:
        The states, ``[time, groups, n, units]``.
    """
    shape = ops.shape(projected)
    initial = ops.zeros((kernel.shape[0], shape[2], kernel.shape[1]), dtype=projected.dtype)

    width = projected.shape[-1]
    # One sequence, not two: Keras 3.15 cannot scan over two of unknown length with TensorFlow.
    frames = projected if opened is None else ops.concatenate([projected, opened], axis=-1)

    def step(state: Any, frame: Any) -> tuple[Any, Any]:
        if opened is None:
            new = gru_step(frame, state, kernel, bias, reset_after=reset_after)
        else:
            now, run = ops.split(frame, [width], axis=-1)
            new = gru_step(now, state, kernel, bias, reset_after=reset_after)
            new = run * new + (1.0 - run) * state
        return new, new

    if not unroll or frames.shape[0] is None:
        return ops.scan(step, initial, frames)[1]
    state, states = initial, []
    for frame in ops.unstack(frames):
        state, _ = step(state, frame)
        states.append(state)
    return ops.stack(states)
