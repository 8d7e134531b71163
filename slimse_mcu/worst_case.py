"""What a frame can cost at most, by the tables of the plan: without a limit and with one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Component, Graph
from slimse_mcu.streaming import layer_macs

_MOST_CASES = 20_000
_ROWS = 8


@dataclass(frozen=True, slots=True)
class _Cases:
    """What is open, in many cases at once.

    Attributes:
        counts: Open channels of each gate.
        bits: Bool ``[cases, components]`` of each policy.
    """

    counts: Mapping[str, int]
    bits: Mapping[str, NDArray[np.bool_]]

    def channels(self, gate: str) -> Any:
        return self.counts[gate]

    def is_open(self, component: Component) -> Any:
        return self.bits[component.gate][:, component.bit].astype(np.int64)


def worst_macs(graph: Graph, most: int | None = None) -> int:
    """MACs that no frame exceeds, with all layers running.

    Args:
        graph: The network.
        most: Channels of each gate, and components of each policy, that may be open; None: all.

    Returns:
        The greatest number that any decision can cost.  Of a policy with very many choices, a little more than that.
    """
    sizes = {gate.name: gate.channels for gate in graph.gates.values()}
    kept = {name: size if most is None else min(most, size) for name, size in sizes.items()}
    kept = {name: count - count % graph.gates[name].group for name, count in kept.items()}
    policies = {name: sizes[name] for name, gate in graph.gates.items() if gate.components}
    if math.prod(math.comb(size, kept[name]) for name, size in policies.items()) <= _MOST_CASES:
        return int(_macs(graph, kept, _choices(policies, kept)).max())
    return _bound(graph, kept, policies)


def limit_table(graph: Graph) -> list[dict[str, int]]:
    """``most`` and the greatest ``macs`` with that limit, for limits from none open to all open; [] without gates."""
    greatest = max((gate.channels for gate in graph.gates.values()), default=0)
    rows = min(greatest, _ROWS)
    steps = [greatest * row // rows for row in range(rows + 1)] if rows else []
    return [{"most": most, "macs": worst_macs(graph, most)} for most in steps]


def _macs(graph: Graph, kept: Mapping[str, int], bits: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.int64]:
    """MACs of every case, ``[cases]``."""
    cases = max((len(one) for one in bits.values()), default=1)
    opened = _Cases(kept, bits)
    total = np.zeros(cases, np.int64)
    for macs in layer_macs(graph).values():
        total += macs.count(opened)
    return total


def _choices(policies: Mapping[str, int], kept: Mapping[str, int]) -> dict[str, NDArray[np.bool_]]:
    """Every choice of as many components as may be open: fewer never cost more."""
    single = [list(itertools.combinations(range(size), kept[name])) for name, size in policies.items()]
    every = list(itertools.product(*single))
    bits = {name: np.zeros((len(every), size), bool) for name, size in policies.items()}
    for case, chosen in enumerate(every):
        for name, indices in zip(policies, chosen, strict=True):
            bits[name][case, list(indices)] = True
    return bits


def _bound(graph: Graph, kept: Mapping[str, int], policies: Mapping[str, int]) -> int:
    """A bound of what the costliest choice costs.

    A component opens rows of one layer and columns of others, so it costs most while all the others are open: what is
    always open, and the greatest of these costs, are never less than any choice.
    """
    none = {name: np.zeros((1, size), bool) for name, size in policies.items()}
    every = {name: np.ones((1, size), bool) for name, size in policies.items()}
    total, static = int(_macs(graph, kept, every)[0]), int(_macs(graph, kept, none)[0])
    for name, size in policies.items():
        without = {other: np.ones((size, count), bool) for other, count in policies.items()}
        without[name] = ~np.eye(size, dtype=bool)
        costs = np.sort(total - _macs(graph, kept, without))[::-1]
        static += int(costs[: kept[name]].sum())
    return min(total, static)
