"""What the gate bytes of a frame say: which channels of which gate, and which components of which policy, are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Graph, QuantizedGraph
from slimse_mcu.streaming import GateBits, GateLayout, gate_layout


@dataclass(frozen=True, slots=True)
class Decisions:
    """Names and places of everything that is decided per frame.

    Attributes:
        layout: Where each gate's bits lie.
        components: Names of the bits of each gate that a policy decides.
    """

    layout: GateLayout
    components: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: Graph) -> Decisions:
        """Those of a graph."""
        policies = {name: gate.components for name, gate in graph.gates.items() if gate.components}
        return cls(gate_layout(graph), policies)

    @property
    def places(self) -> dict[str, tuple[str, slice]]:
        """Gate and bits of every channel gate, in execution order, then of every component.

        A component is known by its own name, or by ``gate.name`` where that name is taken.
        """
        channels = self.layout.channels
        found = {name: (name, slice(0, channels[name])) for name in channels if name not in self.components}
        for gate, names in self.components.items():
            for bit, name in enumerate(names):
                is_taken = name in found or name in channels
                found[f"{gate}.{name}" if is_taken else name] = (gate, slice(bit, bit + 1))
        return found

    def is_component(self, name: str) -> bool:
        """Whether a name in ``places`` is a component's."""
        return self.places[name][0] in self.components

    def unpack(self, packed: GateBits) -> dict[str, NDArray[np.bool_]]:
        """Bits ``[..., channels]`` by the names in ``places``, one for a component, from gate bytes ``[..., size]``."""
        bits = {gate: self.layout.unpack(packed, gate) for gate in self.layout.offsets}
        return {name: bits[gate][..., span] for name, (gate, span) in self.places.items()}

    def replaced(self, packed: GateBits, name: str, bits: NDArray[np.bool_]) -> GateBits:
        """Gate bytes ``[frames, size]`` in which what ``name`` in ``places`` stands for has other ``bits``."""
        gate, span = self.places[name]
        every = {one: self.layout.unpack(packed, one) for one in self.layout.offsets}
        every[gate][..., span] = bits
        return self.layout.pack(every)

    def all_but(self, name: str) -> GateBits:
        """Gate bytes with everything open but what ``name`` in ``places`` stands for."""
        gate, span = self.places[name]
        bits = {one: np.ones(count, bool) for one, count in self.layout.channels.items()}
        bits[gate][span] = False
        return self.layout.pack(bits)


def unseen_note(quantized: QuantizedGraph) -> str:
    """A warning about what stayed closed through all of the calibration; empty when all has been open."""
    gates, found = quantized.graph.gates, []
    channels = {gate: len(bits) for gate, bits in quantized.unseen.items() if not gates[gate].components}
    for gate, bits in quantized.unseen.items():
        found += [gates[gate].components[bit] for bit in bits] if gates[gate].components else []
    if channels:
        most = max(channels, key=lambda gate: channels[gate])
        where = f"most in {most}: {channels[most]} of {gates[most].channels}" if len(channels) > 1 else f"in {most}"
        found.append(f"{sum(channels.values())} gated channel{'' if sum(channels.values()) == 1 else 's'} ({where})")
    if not found:
        return ""
    return (
        f"All of the calibration leaves closed: {', '.join(found)}. Nothing is known about the range of what is behind "
        "them; calibrate with audio that opens them."
    )
