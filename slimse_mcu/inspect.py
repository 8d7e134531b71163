"""What is in a model, for people and scripts: layers, gates, what is skipped, multiply-accumulates, state."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from slimse_mcu.graph import Graph, Node
from slimse_mcu.ops import operators
from slimse_mcu.ops.op import Macs, OpenGates
from slimse_mcu.streaming import all_closed, layer_macs


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """One layer.

    Attributes:
        name: Its name in model and C.
        layer: Operator and shape.
        activation: Fused clamp, or empty.
        rows: Gate whose closed channels are not computed, or empty.
        columns: Gate whose closed channels are not read, or empty.
        decides: The layer decides the gate of its own name.
        state_frames: Past frames kept.
        period: It runs every ``period`` frames.
        macs_open: Multiply-accumulates when all gates are open.
        macs_closed: Multiply-accumulates when all gates are closed.
    """

    name: str
    layer: str
    activation: str
    rows: str
    columns: str
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
        parameters=sum(int(array.size) for node in graph.nodes for array in node.weights.values()),
        state_values=sum(state.slots * state.channels for state in graph.states),
        macs_open=sum(layer.macs_open for layer in layers),
        macs_closed=sum(layer.macs_closed for layer in layers),
    )


def _layer(graph: Graph, node: Node, macs: Macs | None, closed: OpenGates) -> LayerSummary:
    return LayerSummary(
        name=node.name,
        layer=operators()[node.op].describe(node),
        activation="" if node.activation == "linear" else node.activation,
        rows=node.row_gate or "",
        columns=node.column_gate or "",
        decides=node.output in graph.gates,
        state_frames=max((state.slots for state in node.states if state.kind == "ring"), default=0),
        period=node.period,
        macs_open=macs.all_open if macs else 0,
        macs_closed=int(macs.count(closed)) if macs else 0,
    )
