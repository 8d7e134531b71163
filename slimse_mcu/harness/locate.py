"""Compares what a board keeps of one frame with the specification, in execution order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Component, Graph, State
from slimse_mcu.harness.session import FrameResult, Session
from slimse_mcu.ops import operators
from slimse_mcu.plan import Plan, Step
from slimse_mcu.specification import Answer, Specification

Kind = Literal["features", "tensor", "gate", "macs", "state", "audio"]


@dataclass(frozen=True, slots=True)
class GateBit:
    """One bit of a gate: the one that differs, or the one that rules the element that does.

    Attributes:
        gate: Its name.
        bit: 0 to the gate's channels - 1.
        component: Name of what it opens; empty for a channel gate.
        is_open: What the specification decides in this frame.
    """

    gate: str
    bit: int
    component: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """One tensor, gate, state or count that differs after a frame.

    Attributes:
        kind: ``"features"`` (of the audio front end), ``"tensor"``, ``"gate"``, ``"macs"`` (executed by the layer),
            ``"state"`` or ``"audio"`` (of the audio back end).
        layer: Name of the layer that writes it.
        operation: Operator and shape of the layer.
        kernels: The C functions that carry the layer out.
        name: Of the tensor, gate or state, as in ``model.c``.
        index: First element that differs, as the C array counts.
        axes: The same element axis by axis, where there are several: ``slot`` (of a ring), ``position`` (along
            frequency), ``channel``; of the hidden state of a layer in parts
            ``part``, ``position`` and ``unit``.
        gate: The bit that differs, or that rules the element; None where no gate does.
        device: The board's value.
        reference: The specification's value.
        different: How many elements differ.
        elements: Of how many.
    """

    kind: Kind
    layer: str
    operation: str
    kernels: tuple[str, ...]
    name: str
    index: int
    axes: Mapping[str, int]
    gate: GateBit | None
    device: int
    reference: int
    different: int
    elements: int


def is_equal(wanted: Answer, result: FrameResult) -> bool:
    """Whether the board's answer is the one that it must give: output, gates, MACs, and the digest of its memory."""
    return (
        np.array_equal(result.output, wanted.output)
        and np.array_equal(result.gates, wanted.gates)
        and (result.macs, result.digest) == (wanted.macs, wanted.digest)
    )


def locate(
    session: Session, plan: Plan, specification: Specification, wanted: Answer, result: FrameResult
) -> tuple[Difference, ...]:
    """Compare all that a board keeps after its last frame with the specification after the same frame.

    Args:
        session: Open, with an instrumented build (which keeps every tensor).
        plan: The model that it runs.
        specification: Having computed the same frames.
        wanted: What it says of the last frame.
        result: What the board answered to the last frame.

    Returns:
        What differs, in execution order, so that the first is where it began.  Empty when all is equal.

    Raises:
        LinkError: The link failed.
    """
    memory = specification.memory()
    kept = [one.name for one in session.info.buffers if one.name in memory]
    dumped = {name: session.dump(name).view(memory[name].dtype) for name in kept}
    macs = {one.name: one.macs for one in session.layers()}
    return tuple(_in_order(plan, specification, wanted, result, dumped, macs))


def _in_order(
    plan: Plan,
    specification: Specification,
    wanted: Answer,
    result: FrameResult,
    dumped: Mapping[str, NDArray[Any]],
    macs: Mapping[str, int],
) -> Iterator[Difference]:
    graph, memory = plan.quantized.graph, specification.memory()
    counted, gates = specification.macs(), specification.gates
    front, back = ("model_audio_analyse",), ("model_audio_synthesise",)
    made = dumped["app_input"]
    yield from _compare("features", "front_end", "audio to features", front, graph.input, made, memory["app_input"])
    for step in plan.steps:
        node, layer = step.node, _Layer(graph, step, gates)
        name = node.output
        if name in graph.gates:
            yield from layer.compare("gate", name, plan.gates.unpack(result.gates, name), gates[name])
        else:
            ours = dumped["app_output" if name == graph.output else name]
            yield from layer.compare("tensor", name, ours, memory[name])
        yield from layer.compare("macs", "", np.array([macs[node.name]]), np.array([counted[node.name]]))
        for state in node.states:
            for kept in (state.name, f"{state.name}_next"):
                if kept in dumped:
                    yield from layer.compare("state", kept, dumped[kept], memory[kept], state)
    if graph.frontend is not None:
        yield from _compare("audio", "back_end", "mask to audio", back, "audio", result.output, wanted.output)


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer of the network, whose work is compared."""

    graph: Graph
    step: Step
    gates: Mapping[str, NDArray[np.bool_]]

    def compare(
        self, kind: Kind, name: str, ours: NDArray[Any], theirs: NDArray[Any], state: State | None = None
    ) -> Iterator[Difference]:
        node = self.step.node
        kernels = tuple(dict.fromkeys(call.function for call in self.step.all_calls))
        for one in _compare(kind, node.name, operators()[node.op].describe(node), kernels, name, ours, theirs):
            axes = self._axes(one, state)
            yield replace(one, axes=axes, gate=self._gate(one, axes))

    def _axes(self, one: Difference, state: State | None) -> dict[str, int]:
        """The element axis by axis; nothing where the index says it all."""
        if one.kind == "tensor":
            names, shape = _named(self.graph.tensors[one.name].shape)
        elif state is not None and state.kind == "ring" and one.name == state.name:
            names, shape = _named(self.graph.tensors[state.tensor].shape)
            names, shape = ("slot", *names), (state.slots, *shape)
        elif state is not None and state.kind == "hidden" and self.step.node.parts:
            parts, output = len(self.step.node.parts), self.graph.tensors[state.tensor]
            positions = output.size // output.channels
            names, shape = ("part", "position", "unit"), (parts, positions, one.elements // parts // positions)
        else:
            return {}
        return dict(zip(names, map(int, np.unravel_index(one.index, shape)), strict=True)) if len(shape) > 1 else {}

    def _gate(self, one: Difference, axes: Mapping[str, int]) -> GateBit | None:
        """The bit that differs, or that rules the element."""
        node = self.step.node
        if one.kind == "gate":
            return self._bit(one.name, one.index)
        if "part" in axes:
            return self._component(node.parts[axes["part"]].component)
        if one.kind != "tensor":
            return None
        channel = axes.get("channel", one.index)
        if node.row_gate is not None:
            return self._bit(node.row_gate, channel)
        for part in node.parts:
            if channel < part.channels:
                return self._component(part.component)
            channel -= part.channels
        return None

    def _component(self, component: Component | None) -> GateBit | None:
        return None if component is None else self._bit(component.gate, component.bit)

    def _bit(self, gate: str, bit: int) -> GateBit:
        components = self.graph.gates[gate].components
        return GateBit(gate, bit, components[bit] if components else "", bool(self.gates[gate][bit]))


def _named(shape: tuple[int, ...]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The axes of a tensor."""
    return ("position",) * (len(shape) - 1) + ("channel",), shape


def _compare(
    kind: Kind,
    layer: str,
    operation: str,
    kernels: tuple[str, ...],
    name: str,
    ours: NDArray[Any],
    theirs: NDArray[Any],
) -> Iterator[Difference]:
    """The difference of two flat arrays, if there is one."""
    different = np.nonzero(ours != theirs)[0]
    if not len(different):
        return
    index = int(different[0])
    yield Difference(
        kind=kind,
        layer=layer,
        operation=operation,
        kernels=kernels,
        name=name,
        index=index,
        axes={},
        gate=None,
        device=int(ours[index]),
        reference=int(theirs[index]),
        different=len(different),
        elements=len(theirs),
    )
