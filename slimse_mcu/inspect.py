"""What is in a model, for people and scripts: layers, gates, what is skipped, multiply-accumulates, state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from slimse_mcu.graph import Component, Graph, Node
from slimse_mcu.ops import operators
from slimse_mcu.ops.op import Macs, OpenGates
from slimse_mcu.streaming import all_closed, count_macs, gate_layout, layer_macs


@dataclass(frozen=True, slots=True)
class PartSummary:
    """A part of a layer's output.

    Attributes:
        channels: How many of the output's, behind those of the parts before.
        component: Name of the component that opens it; empty: always open.
        on_skip: What it shows while closed: ``"zero"``, ``"hold"`` or ``"bypass"``; empty: always open.
    """

    channels: int
    component: str
    on_skip: str


@dataclass(frozen=True, slots=True)
class ComponentSummary:
    """One decision of a policy.

    Attributes:
        gate: The policy.
        name: The component.
        layers: Layers of which it opens parts.
        macs_saved: Multiply-accumulates that are left out when it alone is closed.
    """

    gate: str
    name: str
    layers: tuple[str, ...]
    macs_saved: int


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """One layer.

    Attributes:
        name: Its name in model and C.
        layer: Operator and shape.
        activation: Fused clamp, or empty.
        positions: Positions along frequency of its output, 1 without a frequency axis.
        channels: Channels of its output, or bits of the gate that it decides.
        rows: Gate whose closed channels are not computed, or empty.
        columns: Gate whose closed channels are not read, or empty.
        parts: Parts of its output that components open; none when it is computed as a whole.
        blocks: Names of the components whose closed channels are not read.
        bypass: Tensor that closed parts with on_skip bypass show, or empty.
        decides: The layer decides the gate of its own name.
        state_frames: Past frames kept.
        period: It runs every ``period`` frames.
        macs_open: Multiply-accumulates when all gates are open.
        macs_closed: Multiply-accumulates when all gates are closed.
    """

    name: str
    layer: str
    activation: str
    positions: int
    channels: int
    rows: str
    columns: str
    parts: tuple[PartSummary, ...]
    blocks: tuple[str, ...]
    bypass: str
    decides: bool
    state_frames: int
    period: int
    macs_open: int
    macs_closed: int


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A whole model.

    Attributes:
        name: Name of the Keras model, a C identifier.
        model_hash: SHA-256 of the file.
        inputs: Values per frame in.
        outputs: Values per frame out.
        front_end: Its parameters, or None.
        layers: In execution order.
        gates: Bits per gate.
        components: Decisions of the policies, in the order of their bits.
        parameters: Weights and biases.
        state_values: Values kept between frames.
        macs_open: Per frame, all gates open; of the busiest frame when layers stride over time.
        macs_closed: Per frame, all gates closed.
    """

    name: str
    model_hash: str
    inputs: int
    outputs: int
    front_end: dict[str, Any] | None
    layers: tuple[LayerSummary, ...]
    gates: dict[str, int]
    components: tuple[ComponentSummary, ...]
    parameters: int
    state_values: int
    macs_open: int
    macs_closed: int


def summarize(graph: Graph) -> ModelSummary:
    """Describe a model layer by layer."""
    macs, closed = layer_macs(graph), all_closed(graph)
    layers = tuple(_layer(graph, node, macs.get(node.name), closed) for node in graph.nodes)
    return ModelSummary(
        name=graph.provenance.model_name,
        model_hash=graph.provenance.model_hash,
        inputs=graph.tensors[graph.input].size,
        outputs=graph.tensors[graph.output].size,
        front_end=asdict(graph.frontend) if graph.frontend else None,
        layers=layers,
        gates={gate.name: gate.channels for gate in graph.gates.values()},
        components=tuple(_components(graph)),
        parameters=sum(int(array.size) for node in graph.nodes for array in node.weights.values()),
        state_values=sum(state.slots * state.channels for state in graph.states),
        macs_open=sum(layer.macs_open for layer in layers),
        macs_closed=sum(layer.macs_closed for layer in layers),
    )


def _components(graph: Graph) -> Iterator[ComponentSummary]:
    layout = gate_layout(graph)
    bits = {name: np.ones(count, bool) for name, count in layout.channels.items()}
    everything = int(count_macs(graph, layout.pack(bits)[None])[0])
    for gate in graph.gates.values():
        for bit, name in enumerate(gate.components):
            component = Component(gate.name, bit)
            layers = (node.name for node in graph.nodes if any(part.component == component for part in node.parts))
            closed = layout.pack({**bits, gate.name: np.arange(gate.channels) != bit})
            saved = everything - int(count_macs(graph, closed[None])[0])
            yield ComponentSummary(gate.name, name, tuple(layers), saved)


def _name(graph: Graph, component: Component | None) -> str:
    return "" if component is None else graph.gates[component.gate].components[component.bit]


def _layer(graph: Graph, node: Node, macs: Macs | None, closed: OpenGates) -> LayerSummary:
    tensor, gate = graph.tensors.get(node.output), graph.gates.get(node.output)
    ruled = (block.component for block in node.column_blocks if block.component is not None)
    return LayerSummary(
        name=node.name,
        layer=operators()[node.op].describe(node),
        activation="" if node.activation == "linear" else node.activation,
        positions=1 if tensor is None else tensor.size // tensor.channels,
        channels=tensor.channels if tensor is not None else gate.channels if gate is not None else 0,
        rows=node.row_gate or "",
        columns=node.column_gate or "",
        parts=tuple(
            PartSummary(part.channels, _name(graph, part.component), part.on_skip if part.component else "")
            for part in node.parts
        ),
        blocks=tuple(dict.fromkeys(_name(graph, component) for component in ruled)),
        bypass=node.bypass or "",
        decides=gate is not None,
        state_frames=max((state.slots for state in node.states if state.kind == "ring"), default=0),
        period=node.period,
        macs_open=macs.all_open if macs else 0,
        macs_closed=int(macs.count(closed)) if macs else 0,
    )
