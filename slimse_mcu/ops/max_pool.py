"""Greatest of neighbouring positions along frequency; int8 and int16: TensorFlow Lite MAX_POOL_2D."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.ops.frequency import window_of
from slimse_mcu.ops.op import FloatArray, Import, Integers, Memories, Parameters
from slimse_mcu.ops.pools import Pool, read_pool


class MaxPool(Pool):
    """Positions beside the input do not count."""

    name = "max_pool"
    imports = (Import(("MaxPooling2D",), read_pool("max_pool"), "along frequency: (1, n), strides, valid or same"),)

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        greatest: FloatArray = window_of(node).gather(inputs[0][None], -np.inf).max(axis=(1, 2)).ravel()
        return greatest

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        lowest = np.iinfo(inputs[0].dtype).min
        greatest: Integers = window_of(node).gather(inputs[0][None], lowest).max(axis=(1, 2)).ravel()
        return greatest


OP = MaxPool()
