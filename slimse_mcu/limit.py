"""A limit on what may be open at once, set while a network runs: which of its decisions are obeyed.

When a gate wants more channels, or a policy more components, than the limit, those stay open that come first in an
order of their own: by the frames of the calibration in which they were open.  The order is known before the network
runs, so that the limit costs no sorting.  Rejected: keeping what has the greatest logit, because logits of int8 rows
have a scale each, and the quickest kernels compute only their signs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import ORDER, QuantizedGraph

NO_LIMIT = 0xFFFF
"""``MODEL_NO_LIMIT`` of the generated code: more than a gate has channels."""

_IN_A_BYTE = 256


def in_bytes(order: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """An order of decisions as ``slimse_limit_t`` has it: a byte each, or two each, ``[decisions, 2]``, beyond 256."""
    if len(order) <= _IN_A_BYTE:
        return order.astype(np.uint8)
    return order.astype("<u2").view(np.uint8).reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many open channels of every gate; of those that open together, all or none.

    Attributes:
        most: Channels, or components of a policy, that may be open; 0 or more.
        orders: Decisions of each gate; those that stay open first come first.
        groups: Channels that each decision of a gate opens.
    """

    most: int
    orders: Mapping[str, NDArray[np.uint16]]
    groups: Mapping[str, int]

    @classmethod
    def of(cls, quantized: QuantizedGraph, most: int) -> Limit:
        """A limit for a network."""
        graph = quantized.graph
        orders = {name: quantized.parameters[gate.node][ORDER] for name, gate in graph.gates.items()}
        return cls(most, orders, {name: gate.group for name, gate in graph.gates.items()})

    def keep(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        """A gate's decisions ``[channels]``, with what is beyond the limit closed; any other tensor as it is."""
        order = self.orders.get(name)
        if order is None:
            return values
        group = self.groups[name]
        decided = values[::group]
        kept = np.zeros_like(decided)
        kept[order[decided[order] > 0][: self.most // group]] = 1
        return np.repeat(kept, group)
