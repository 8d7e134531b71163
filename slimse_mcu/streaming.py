"""Runs a graph frame by frame: in float32, and as the integer specification that every board must equal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import BYPASS, Component, Gate, Graph, Node, Part, Quantization, QuantizedGraph
from slimse_mcu.limit import Limit
from slimse_mcu.ops import operators, rescale
from slimse_mcu.ops.arithmetic import dequantize_values, quantize_values
from slimse_mcu.ops.op import Hidden, Macs, Memories, Memory, OpenGates, Ring

GateBits = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class GateLayout:
    """Where each gate's bits lie in a frame's gate bytes.

    Attributes:
        offsets: First byte of each gate, in execution order.
        channels: Bits of each gate.
        size: Bytes per frame, 1 at least.
    """

    offsets: Mapping[str, int]
    channels: Mapping[str, int]
    size: int

    def unpack(self, packed: GateBits, gate: str) -> NDArray[np.bool_]:
        """Bits of one gate, ``[..., channels]``, from gate bytes ``[..., size]``."""
        first = self.offsets[gate]
        width = (self.channels[gate] + 7) // 8
        bits = np.unpackbits(packed[..., first : first + width], axis=-1, bitorder="little")
        return bits[..., : self.channels[gate]].astype(bool)

    def pack(self, bits: Mapping[str, NDArray[Any]]) -> GateBits:
        """Gate bytes ``[..., size]`` from the bits ``[..., channels]`` of every gate."""
        leading = next((np.shape(value)[:-1] for value in bits.values()), ())
        packed = np.zeros((*leading, self.size), np.uint8)
        for name, first in self.offsets.items():
            width = (self.channels[name] + 7) // 8
            packed[..., first : first + width] = np.packbits(np.asarray(bits[name], bool), axis=-1, bitorder="little")
        return packed

    def opened(self, packed: GateBits) -> OpenGates:
        """What is open by gate bytes ``[..., size]``, as the MAC tables ask for it."""
        return _Opened(self, packed)

    def constant(self, is_open: bool) -> GateBits:
        """Gate bytes with every channel open or every channel closed."""
        return self.pack({name: np.full(count, is_open) for name, count in self.channels.items()})


@dataclass(frozen=True, slots=True)
class _Opened:
    layout: GateLayout
    packed: GateBits

    def channels(self, gate: str) -> Any:
        return self.layout.unpack(self.packed, gate).sum(axis=-1)

    def is_open(self, component: Component) -> Any:
        return self.layout.unpack(self.packed, component.gate)[..., component.bit].astype(np.int64)


def gate_layout(graph: Graph) -> GateLayout:
    """Layout of a graph's gate bytes: each gate starts on a byte, in execution order."""
    offsets, channels, size = {}, {}, 0
    for node in graph.nodes:
        gate = graph.gates.get(node.output)
        if gate is not None:
            offsets[gate.name], channels[gate.name] = size, gate.channels
            size += (gate.channels + 7) // 8
    return GateLayout(offsets, channels, max(1, size))


@dataclass(frozen=True, slots=True)
class Trace:
    """What a run over a sequence yielded.

    Attributes:
        output: ``[frames, outputs]``; float32, int8 or int16.  A frame in which the output has no new value (strided
            models) repeats the last one.
        gates: uint8 ``[frames, gate bytes]``.
        macs: int64 ``[frames]``, executed multiply-accumulates.
        tensors: Every tensor ``[frames, elements]`` when recorded, else empty.
        states: Every state after each frame ``[frames, elements]`` when recorded, by its name in ``model_state_t``, as
            it lies in the device's memory; a ring's write index under ``<ring>_next``.
        decided: uint8 ``[frames, gate bytes]``, what the model decides within its limit; the same as ``gates`` where
            nothing is forced.
    """

    output: NDArray[Any]
    gates: GateBits
    macs: NDArray[np.int64]
    tensors: Mapping[str, NDArray[Any]]
    states: Mapping[str, NDArray[Any]]
    decided: GateBits


def run_float(
    graph: Graph,
    features: NDArray[np.float32],
    *,
    forced: GateBits | None = None,
    record: bool = False,
    record_states: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Stream features through the float graph from its initial state.

    Args:
        graph: The model.
        features: ``[frames, inputs]``, as the model's input (behind the front end's compression).
        forced: Gate bytes that replace the model's decisions, ``[gate bytes]`` or ``[frames, gate bytes]``.
        record: Keep every tensor.
        record_states: Keep every state.
        progress: Called with 1 after each frame.
    """

    stream = Stream.real(graph)
    return stream.run(features, forced=forced, keep=_kept(graph, record, record_states), progress=progress)


def run_int8(
    quantized: QuantizedGraph,
    features: NDArray[Any],
    *,
    forced: GateBits | None = None,
    limit: Limit | None = None,
    record: bool = False,
    record_states: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Stream int8 (int16 where the input is wide) features through the specification; see :func:`run_float`."""
    stream = Stream.integer(quantized)
    stream.limit(limit)
    keep = _kept(quantized.graph, record, record_states)
    return stream.run(features, forced=forced, keep=keep, progress=progress)


def _kept(graph: Graph, tensors: bool, states: bool) -> frozenset[str]:
    return frozenset(graph.tensors if tensors else ()) | frozenset(one.name for one in graph.states if states)


@dataclass(frozen=True, slots=True)
class _Float:
    """The operators in float32; ``zero`` and ``dtype`` by tensor."""

    zero: Mapping[str, int]
    dtype: Mapping[str, Any]
    limit: Limit | None = None
    hidden_dtype: ClassVar[Any] = np.float32

    def step(self, node: Node, inputs: list[NDArray[Any]], memories: Memories) -> NDArray[Any]:
        value = operators()[node.op].step(node, inputs, memories)
        return value if self.limit is None else self.limit.keep(node.output, value)

    def bypass(self, node: Node, values: NDArray[Any]) -> NDArray[Any]:
        return values


@dataclass(frozen=True, slots=True)
class _Rounded:
    """The operators in float32; the tensors in ``grids`` are rounded to what their integers can tell."""

    zero: Mapping[str, int]
    dtype: Mapping[str, Any]
    grids: Mapping[str, Quantization]
    hidden_dtype: ClassVar[Any] = np.float32

    def round(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        grid = self.grids.get(name)
        return values if grid is None else dequantize_values(quantize_values(values, grid), grid)

    def step(self, node: Node, inputs: list[NDArray[Any]], memories: Memories) -> NDArray[Any]:
        return self.round(node.output, operators()[node.op].step(node, inputs, memories))

    def bypass(self, node: Node, values: NDArray[Any]) -> NDArray[Any]:
        return self.round(node.output, values)


@dataclass(frozen=True, slots=True)
class _Integer:
    """The integer specification; ``zero`` and ``dtype`` by tensor."""

    zero: Mapping[str, int]
    dtype: Mapping[str, Any]
    quantized: QuantizedGraph
    limit: Limit | None = None
    hidden_dtype: ClassVar[Any] = np.int16

    def step(self, node: Node, inputs: list[NDArray[Any]], memories: Memories) -> NDArray[Any]:
        value = operators()[node.op].step_integer(node, self.quantized.parameters[node.name], inputs, memories)
        return value if self.limit is None else self.limit.keep(node.output, value)

    def bypass(self, node: Node, values: NDArray[Any]) -> NDArray[Any]:
        return rescale.apply(values, self.quantized.parameters[node.name][BYPASS])


def all_closed(graph: Graph) -> OpenGates:
    """Every gate of a graph closed."""
    layout = gate_layout(graph)
    return layout.opened(layout.constant(False))


def layer_macs(graph: Graph) -> dict[str, Macs]:
    """MACs by gate choice of every node that executes any, in execution order."""
    found = {node.name: operators()[node.op].macs(node) for node in graph.nodes}
    return {name: macs for name, macs in found.items() if macs is not None}


def count_macs(graph: Graph, gates: GateBits, first: int = 0) -> NDArray[np.int64]:
    """MACs of consecutive frames, ``[frames]``, by the layers' tables and the gate bytes ``[frames, n]``.

    Args:
        graph: The model.
        gates: What was open.
        first: Frames since reset.
    """
    frames = first + np.arange(len(gates))
    opened = gate_layout(graph).opened(gates)
    periods = {node.name: node.period for node in graph.nodes}
    total = np.zeros(len(gates), np.int64)
    for name, macs in layer_macs(graph).items():
        total += np.where(frames % periods[name] == 0, macs.count(opened), 0)
    return total


def pieces(features: NDArray[Any], period: int, least: int = 64) -> Iterator[NDArray[Any]]:
    """A sequence ``[frames, inputs]`` in pieces of whole periods, so that recording all of it needs little memory."""
    length = -(-least // period) * period
    for first in range(0, len(features), length):
        yield features[first : first + length]


@dataclass(frozen=True, slots=True)
class _Stage:
    """A node with what running it takes, looked up once.

    Attributes:
        node: The node.
        memories: Its rings and hidden states.
        gate: The gate that it decides, or None.
        may_close: A gate closes channels or parts of its output.
        hidden: Its hidden states.
        rings: Its rings, each with the tensor that it remembers and that tensor's period.
    """

    node: Node
    memories: Memories
    gate: Gate | None
    may_close: bool
    hidden: tuple[Hidden, ...]
    rings: tuple[tuple[Ring, str, int], ...]

    @classmethod
    def of(cls, graph: Graph, node: Node, memories: Memories) -> _Stage:
        """The stage of one node."""
        kept = zip((state for state in node.states if state.kind != "held"), memories, strict=True)
        return cls(
            node,
            memories,
            graph.gates.get(node.output),
            node.row_gate is not None or any(part.component is not None for part in node.parts),
            tuple(memory for memory in memories if isinstance(memory, Hidden)),
            tuple(
                (memory, state.tensor, graph.tensors[state.tensor].period)
                for state, memory in kept
                if isinstance(memory, Ring)
            ),
        )


class Stream:
    """A graph between two frames: all tensors, gates and states; runs a recording in one piece or in many.

    Attributes:
        frame: Frames since reset.
        tensors: The last value of every tensor, flat.
        gates: What every gate had open last, bool ``[channels]``.
        decided: The model's last decision of every gate, which is not obeyed where another is forced.
    """

    def __init__(self, graph: Graph, arithmetic: _Float | _Rounded | _Integer) -> None:
        self._graph = graph
        self._arithmetic = arithmetic
        self._layout = gate_layout(graph)
        self.frame = 0
        zero = arithmetic.zero
        self._stages = [_Stage.of(graph, node, self._reset(node)) for node in graph.nodes]
        self.tensors: dict[str, NDArray[Any]] = {
            name: np.full(tensor.size, zero[name], arithmetic.dtype[name]) for name, tensor in graph.tensors.items()
        }
        self.gates: dict[str, NDArray[np.bool_]] = {
            name: np.zeros(gate.channels, bool) for name, gate in graph.gates.items()
        }
        self.decided = dict(self.gates)

    @classmethod
    def real(cls, graph: Graph) -> Stream:
        """The float graph at reset."""
        return cls(graph, _Float(dict.fromkeys(graph.tensors, 0), dict.fromkeys(graph.tensors, np.dtype(np.float32))))

    @classmethod
    def rounded(cls, graph: Graph, grids: Mapping[str, Quantization]) -> Stream:
        """The float graph at reset, in which tensors are rounded to the grids that are given; the input is not."""
        dtype = dict.fromkeys(graph.tensors, np.dtype(np.float32))
        return cls(graph, _Rounded(dict.fromkeys(graph.tensors, 0), dtype, grids))

    @classmethod
    def integer(cls, quantized: QuantizedGraph) -> Stream:
        """The integer specification at reset."""
        zero = {name: quantized.quantization[name].zero_point for name in quantized.graph.tensors}
        dtype = {name: quantized.quantization[name].dtype for name in quantized.graph.tensors}
        return cls(quantized.graph, _Integer(zero, dtype, quantized))

    def limit(self, limit: Limit | None) -> None:
        """Obey a limit from the next frame on; None: none."""
        assert not isinstance(self._arithmetic, _Rounded), "nothing else than what a device can do is limited"
        self._arithmetic = replace(self._arithmetic, limit=limit)

    def run(
        self,
        features: NDArray[Any],
        *,
        forced: GateBits | None = None,
        keep: Collection[str] = (),
        progress: Callable[[int], None] | None = None,
    ) -> Trace:
        """Run the next frames.

        Args:
            features: ``[frames, inputs]``, of the input's type: float32, int8 or int16.
            forced: Gate bytes that replace the model's decisions, ``[gate bytes]`` or ``[frames, gate bytes]``.
            keep: Names of tensors and states to record.
            progress: Called with 1 after each frame.
        """
        graph, first = self._graph, self.frame
        dtype = self._arithmetic.dtype
        values = np.asarray(features, dtype[graph.input])
        patterns = None if forced is None else np.broadcast_to(forced, (len(values), self._layout.size))
        output = np.empty((len(values), graph.tensors[graph.output].size), dtype[graph.output])
        packed = np.zeros((len(values), self._layout.size), np.uint8)
        decided = packed if patterns is None else np.zeros_like(packed)
        kept = {
            name: np.empty((len(values), tensor.size), dtype[name])
            for name, tensor in graph.tensors.items()
            if name in keep
        }
        states: dict[str, list[NDArray[Any]]] = {}
        for index, frame in enumerate(values):
            self.step(frame, None if patterns is None else patterns[index])
            output[index] = self.tensors[graph.output]
            packed[index] = self._layout.pack(self.gates)
            if patterns is not None:
                decided[index] = self._layout.pack(self.decided)
            for name, recorded in kept.items():
                recorded[index] = self.tensors[name]
            for name, value in self.states(keep):
                states.setdefault(name, []).append(value)
            if progress is not None:
                progress(1)
        recorded_states = {name: np.stack(one) for name, one in states.items()}
        return Trace(output, packed, count_macs(graph, packed, first), kept, recorded_states, decided)

    def step(self, features: NDArray[Any], forced: GateBits | None = None) -> None:
        """Run one frame ``[inputs]``; ``forced`` are gate bytes that replace the model's decisions."""
        self.tensors[self._graph.input] = features
        bits = None
        if forced is not None:
            bits = {name: self._layout.unpack(forced, name) for name in self._layout.offsets}
        for stage in self._stages:
            self._run(stage, bits)
        self.frame += 1

    def _reset(self, node: Node) -> Memories:
        """A node's rings and hidden states at reset."""
        memories: list[Memory] = []
        for state in node.states:
            if state.kind == "hidden":
                memories.append(Hidden(state.channels, self._arithmetic.hidden_dtype))
            elif state.kind == "ring":
                zero = self._arithmetic.zero[state.tensor]
                memories.append(Ring(state.slots, state.channels, zero, self._arithmetic.dtype[state.tensor]))
        return tuple(memories)

    def states(self, names: Collection[str] | None = None) -> Iterator[tuple[str, NDArray[Any]]]:
        """Copies of all states, or of those named, by their names in ``model_state_t``."""
        for stage in self._stages:
            memories = iter(stage.memories)
            for state in stage.node.states:
                memory = None if state.kind == "held" else next(memories)
                if names is not None and state.name not in names:
                    continue
                if memory is None:
                    yield state.name, self.tensors[state.tensor].copy()
                elif isinstance(memory, Ring):
                    yield state.name, memory.frames.flatten()
                    yield f"{state.name}_next", np.array([memory.next], np.uint16)
                else:
                    yield state.name, memory.value.copy()

    def _run(self, stage: _Stage, forced: Mapping[str, NDArray[np.bool_]] | None) -> None:
        """Run one node if its frame has come, then remember the frames that its rings keep."""
        node, gate = stage.node, stage.gate
        if self.frame % node.period == 0:
            before = [memory.value for memory in stage.hidden]
            value = self._arithmetic.step(node, [self.tensors[name] for name in node.inputs], stage.memories)
            if gate is not None:
                self.decided[gate.name] = value.astype(bool)
                self.gates[gate.name] = self.decided[gate.name] if forced is None else forced[gate.name]
            elif stage.may_close:
                self.tensors[node.output] = self._closed(node, value)
                self._keep_closed_states(stage, before)
            else:
                self.tensors[node.output] = value
        for ring, tensor, period in stage.rings:
            if self.frame % period == 0:
                ring.push(self.tensors[tensor])

    def _is_closed(self, component: Component | None) -> bool:
        return component is not None and not self.gates[component.gate][component.bit]

    def _closed(self, node: Node, value: NDArray[Any]) -> NDArray[Any]:
        """A node's output with what the gates close in it."""
        zero = value.dtype.type(self._arithmetic.zero[node.output])
        if node.row_gate is not None:
            return np.where(self.gates[node.row_gate], value, zero)
        if not any(self._is_closed(part.component) for part in node.parts):
            return value
        channels = self._graph.tensors[node.output].channels
        result = value.reshape(-1, channels).copy()
        first = 0
        for part in node.parts:
            block = slice(first, first + part.channels)
            first += part.channels
            if self._is_closed(part.component):
                result[:, block] = self._skipped(node, part, zero, channels)[..., block]
        return result.ravel()

    def _skipped(self, node: Node, part: Part, zero: Any, channels: int) -> NDArray[Any]:
        """What a closed part shows, all channels of the tensor."""
        if part.on_skip == "hold":
            return self.tensors[node.output].reshape(-1, channels)
        if part.on_skip == "bypass":
            assert node.bypass is not None, "a part that is bypassed names what shows instead"
            return self._arithmetic.bypass(node, self.tensors[node.bypass]).reshape(-1, channels)
        return np.full(channels, zero)

    def _keep_closed_states(self, stage: _Stage, before: list[NDArray[Any]]) -> None:
        """Give the hidden states of closed parts their old values back."""
        parts = stage.node.parts
        for memory, old in zip(stage.hidden, before, strict=True):
            for index, part in enumerate(parts):
                if self._is_closed(part.component):
                    share = memory.value.size // len(parts)
                    kept = slice(index * share, (index + 1) * share)
                    memory.value = np.concatenate([memory.value[: kept.start], old[kept], memory.value[kept.stop :]])
