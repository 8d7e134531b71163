"""The learning rate over a training."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Rises in a straight line from 0, then falls along half a cosine to 0.

    Keras's ``CosineDecay`` gives the same, but branches, and AdamW asks for the rate once for every variable: its
    update of 104 variables is built in 6.8 s with branches, and in 3.5 s without.

    Args:
        peak: Highest rate.
        steps: Of the whole training.
        warmup_steps: Until the peak; 0 begins there.
    """

    def __init__(self, peak: float, steps: int, warmup_steps: int = 0) -> None:
        super().__init__()
        self._peak = peak
        self._steps = steps
        self._warmup_steps = warmup_steps

    def __call__(self, step: Any) -> Any:
        """The rate at a step, counted from 0."""
        step = ops.cast(step, "float32")
        fallen = ops.clip((step - self._warmup_steps) / (self._steps - self._warmup_steps), 0.0, 1.0)
        share = 0.5 + 0.5 * ops.cos(math.pi * fallen)
        if self._warmup_steps:
            share = ops.minimum(share, step / self._warmup_steps)  # one of both is always 1
        return self._peak * share
