"""Runs a graph frame by frame: in float32, and as the int8 specification that every board must equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Gate, Graph, Node, QuantizedGraph, State
from slimse_mcu.ops import operators
from slimse_mcu.ops.op import Hidden, Macs, Memory, Ring

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

    def open_counts(self, packed: GateBits) -> dict[str, Any]:
        """Open channels per gate, int ``[...]``, from gate bytes ``[..., size]``."""
        return {name: self.unpack(packed, name).sum(axis=-1) for name in self.offsets}

    def constant(self, is_open: bool) -> GateBits:
        """Gate bytes with every channel open or every channel closed."""
        return self.pack({name: np.full(count, is_open) for name, count in self.channels.items()})


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
        output: ``[frames, outputs]``; float32 or int8.  A frame in which the output has no new value (strided
            models) repeats the last one.
        gates: uint8 ``[frames, gate bytes]``.
        macs: int64 ``[frames]``, executed multiply-accumulates.
        tensors: Every tensor ``[frames, channels]`` when recorded, else empty.
    """

    output: NDArray[Any]
    gates: GateBits
    macs: NDArray[np.int64]
    tensors: Mapping[str, NDArray[Any]]


def run_float(
    graph: Graph,
    features: NDArray[np.float32],
    *,
    forced: GateBits | None = None,
    record: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Stream features through the float graph from its initial state.

    Args:
        graph: The model.
        features: ``[frames, inputs]``, as the model's input (behind the front end's compression).
        forced: Gate bytes that replace the model's decisions, ``[gate bytes]`` or ``[frames, gate bytes]``.
        record: Keep every tensor.
        progress: Called with 1 after each frame.
    """

    def step(node: Node, inputs: list[NDArray[Any]], memory: Memory | None) -> NDArray[Any]:
        return operators()[node.op].step(node, inputs, memory)

    zero = dict.fromkeys(graph.tensors, 0)
    values = np.asarray(features, dtype=np.float32)
    return _run(graph, values, np.float32, zero, step, forced, record, progress)


def run_int8(
    quantized: QuantizedGraph,
    features: NDArray[np.int8],
    *,
    forced: GateBits | None = None,
    record: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Stream int8 features through the int8 specification from its initial state; see :func:`run_float`."""
    graph = quantized.graph

    def step(node: Node, inputs: list[NDArray[Any]], memory: Memory | None) -> NDArray[Any]:
        return operators()[node.op].step_s8(node, quantized.parameters[node.name], inputs, memory)

    zero = {name: quantized.quantization[name].zero_point for name in graph.tensors}
    return _run(graph, np.asarray(features, np.int8), np.int8, zero, step, forced, record, progress)


def layer_macs(graph: Graph) -> dict[str, Macs]:
    """MACs by gate choice of every node that executes any, in execution order."""
    found = {node.name: operators()[node.op].macs(node) for node in graph.nodes}
    return {name: macs for name, macs in found.items() if macs is not None}


def count_macs(graph: Graph, gates: GateBits) -> NDArray[np.int64]:
    """MACs of consecutive frames from reset, ``[frames]``, by the layers' tables and the gate bytes ``[frames, n]``."""
    frames = np.arange(len(gates))
    open_channels = gate_layout(graph).open_counts(gates)
    periods = {node.name: node.period for node in graph.nodes}
    total = np.zeros(len(gates), np.int64)
    for name, macs in layer_macs(graph).items():
        total += np.where(frames % periods[name] == 0, macs.count(open_channels), 0)
    return total


def _run(
    graph: Graph,
    features: NDArray[Any],
    dtype: Any,
    zero: Mapping[str, int],
    step: Callable[[Node, list[NDArray[Any]], Memory | None], NDArray[Any]],
    forced: GateBits | None,
    record: bool,
    progress: Callable[[int], None] | None,
) -> Trace:
    layout = gate_layout(graph)
    patterns = None if forced is None else np.broadcast_to(forced, (len(features), layout.size))
    memories = {
        node.name: _memory(node.state, zero[node.state.tensor], dtype) for node in graph.nodes if node.state is not None
    }
    last: dict[str, NDArray[Any]] = {
        name: np.full(tensor.channels, zero[name], dtype) for name, tensor in graph.tensors.items()
    }
    gates: dict[str, NDArray[np.bool_]] = {name: np.zeros(gate.channels, bool) for name, gate in graph.gates.items()}
    frames = len(features)
    output = np.empty((frames, graph.tensors[graph.output].channels), dtype)
    packed = np.zeros((frames, layout.size), np.uint8)
    kept: dict[str, NDArray[Any]] = {}
    if record:
        kept = {name: np.empty((frames, tensor.channels), dtype) for name, tensor in graph.tensors.items()}
    for frame in range(frames):
        last[graph.input] = features[frame]
        forced_bits = None
        if patterns is not None:
            forced_bits = {name: layout.unpack(patterns[frame], name) for name in layout.offsets}
        for node in graph.nodes:
            _run_node(graph, node, frame, last, gates, memories, zero, step, forced_bits)
        output[frame] = last[graph.output]
        packed[frame] = layout.pack(gates)
        for name, values in kept.items():
            values[frame] = last[name]
        if progress is not None:
            progress(1)
    return Trace(output, packed, count_macs(graph, packed), kept)


def _memory(state: State, zero: int, dtype: Any) -> Memory:
    """A node's state at reset."""
    if state.kind == "hidden":
        return Hidden(state.channels, np.int16 if dtype is np.int8 else dtype)
    return Ring(state.slots, state.channels, zero, dtype)


def _run_node(
    graph: Graph,
    node: Node,
    frame: int,
    last: dict[str, NDArray[Any]],
    gates: dict[str, NDArray[np.bool_]],
    memories: Mapping[str, Memory],
    zero: Mapping[str, int],
    step: Callable[[Node, list[NDArray[Any]], Memory | None], NDArray[Any]],
    forced: Mapping[str, NDArray[np.bool_]] | None,
) -> None:
    """Run one node if its frame has come, then remember its input if it keeps the past."""
    memory = memories.get(node.name)
    if frame % node.period == 0:
        value = step(node, [last[name] for name in node.inputs], memory)
        gate: Gate | None = graph.gates.get(node.output)
        if gate is not None:
            gates[gate.name] = value.astype(bool) if forced is None else forced[gate.name]
        else:
            if node.row_gate is not None:
                value = np.where(gates[node.row_gate], value, value.dtype.type(zero[node.output]))
            last[node.output] = value
    if isinstance(memory, Ring) and frame % graph.tensors[node.inputs[0]].period == 0:
        memory.push(last[node.inputs[0]])
