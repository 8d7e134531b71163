"""Mean of neighbouring positions along frequency; int8 and int16: TensorFlow Lite AVERAGE_POOL_2D."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.ops.frequency import window_of
from slimse_mcu.ops.op import FloatArray, Import, Integers, Memories, Parameters
from slimse_mcu.ops.pools import Pool, read_pool


class AveragePool(Pool):
    """Positions beside the input do not count."""

    name = "average_pool"
    imports = (
        Import(
            ("AveragePooling2D",),
            read_pool("average_pool"),
            "along frequency: (1, n), strides, valid or same; over all positions: the mean",
        ),
    )

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        window = window_of(node)
        sums = window.gather(inputs[0][None], 0.0).sum(axis=(1, 2))
        means: FloatArray = (sums / window.hits()[:, None]).astype(np.float32).ravel()
        return means

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        window = window_of(node)
        counts = window.hits()[:, None]
        sums = window.gather(inputs[0][None].astype(np.int64), 0).sum(axis=(1, 2))
        # To nearest, ties away from zero, zero point included.
        means: Integers = np.sign(sums) * ((np.abs(sums) + counts // 2) // counts)
        return means.astype(inputs[0].dtype).ravel()


OP = AveragePool()
