"""Second stage: float graph and calibration features -> :class:`~slimse_mcu.graph.QuantizedGraph`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import BYPASS, CHANGE, ORDER, Graph, Node, Quantization, QuantizedGraph, Tensor
from slimse_mcu.ops import operators, rescale
from slimse_mcu.ops.arithmetic import choose_quantization
from slimse_mcu.ops.op import QuantizeContext
from slimse_mcu.streaming import GateBits, GateLayout, Stream, Trace, gate_layout, pieces
from slimse_mcu.widths import check_wide, with_changes

METHODS = ("minmax", "percentile")
#: Frames whose values are kept for percentiles; longer calibration is thinned evenly.
_KEPT_FRAMES = 4000
#: An int16 tensor represents so many times what calibration saw: two of its bits against audio that is louder.
HEADROOM = 4.0


def quantize(
    graph: Graph,
    features: Sequence[NDArray[np.float32]],
    *,
    method: str = "minmax",
    percentile: float = 99.99,
    calibration_hash: str = "",
    wide: Collection[str] = (),
    progress: Callable[[int], None] | None = None,
) -> QuantizedGraph:
    """Choose integer parameters by streaming calibration features through the float graph with its state carried on.

    Args:
        graph: The float model.
        features: Sequences ``[frames, inputs]``; the state starts anew with each.
        method: ``"minmax"`` takes the range seen; ``"percentile"`` cuts both tails.
        percentile: Share of the values, in percent, that stays inside the range.
        calibration_hash: Recorded in the provenance.
        wide: Names of the tensors that are int16; all others are int8.
        progress: Called with 1 after each frame.

    Raises:
        QuantizeError: No or unfit features, or a tensor that cannot be quantized, or not in 16 bits; names the layer.
    """
    check_wide(graph, wide)
    ranges = measure_ranges(graph, features, method=method, percentile=percentile, progress=progress)
    return quantize_ranges(graph, ranges, wide=wide, calibration_hash=calibration_hash)


@dataclass(frozen=True, slots=True)
class Ranges:
    """What calibration saw.

    Attributes:
        limits: Least and greatest value to represent, per tensor.
        opened: In how many frames each bit of each gate was open.
        method: How the limits were chosen.
    """

    limits: Mapping[str, tuple[float, float]]
    opened: Mapping[str, tuple[int, ...]]
    method: str

    @property
    def unseen(self) -> dict[str, tuple[int, ...]]:
        """Bits of each gate that stayed closed; gates of which all have been open are left out."""
        closed = {gate: tuple(np.flatnonzero(np.equal(counts, 0)).tolist()) for gate, counts in self.opened.items()}
        return {gate: bits for gate, bits in closed.items() if bits}


def measure_ranges(
    graph: Graph,
    features: Sequence[NDArray[np.float32]],
    *,
    method: str = "minmax",
    percentile: float = 99.99,
    progress: Callable[[int], None] | None = None,
) -> Ranges:
    """First half of :func:`quantize`: what the tensors' values are, whatever their width will be."""
    _check_features(graph, features, method, percentile)
    ranges = _Ranges(graph, method, percentile, sum(len(sequence) for sequence in features))
    for sequence in features:
        stream = Stream.real(graph)
        for piece in pieces(sequence, graph.period):
            with np.errstate(over="ignore", invalid="ignore"):  # refused below, with the layer's name
                trace = stream.run(piece, keep=graph.tensors, progress=progress)
            ranges.add(trace)
    described = method if method == "minmax" else f"percentile {percentile:g}"
    return Ranges(ranges.limits(), ranges.opened, described)


def quantize_ranges(
    graph: Graph, ranges: Ranges, *, wide: Collection[str] = (), calibration_hash: str = ""
) -> QuantizedGraph:
    """Second half of :func:`quantize`."""
    chosen = {}
    for name, limits in _useful(graph, _with_headroom(ranges.limits, wide), wide).items():
        low, high = ranges.limits[name]
        chosen[name] = replace(
            choose_quantization(*limits, 16 if name in wide else 8),
            minimum=max(low, limits[0]),
            maximum=min(high, limits[1]),
        )
    result = quantize_with(graph, chosen, calibration_hash=calibration_hash, method=ranges.method)
    return replace(result, unseen=ranges.unseen, parameters=_ordered(result, ranges.opened))


def _ordered(quantized: QuantizedGraph, opened: Mapping[str, tuple[int, ...]]) -> dict[str, Mapping[str, Any]]:
    """The parameters, in which each gate's decisions are ordered by how often they opened (:mod:`slimse_mcu.limit`)."""
    parameters: dict[str, Mapping[str, Any]] = dict(quantized.parameters)
    for name, gate in quantized.graph.gates.items():
        if name in opened:
            counts = np.array(opened[name], np.int64)[:: gate.group]
            order = np.argsort(-counts, kind="stable").astype(np.uint16)
            parameters[gate.node] = {**parameters[gate.node], ORDER: order}
    return parameters


def _with_headroom(limits: Mapping[str, tuple[float, float]], wide: Collection[str]) -> dict[str, tuple[float, float]]:
    return {
        name: (HEADROOM * low, HEADROOM * high) if name in wide else (low, high) for name, (low, high) in limits.items()
    }


def _useful(
    graph: Graph, limits: Mapping[str, tuple[float, float]], wide: Collection[str]
) -> dict[str, tuple[float, float]]:
    """Cut what no reader can tell apart: a tensor that only a sigmoid reads need not tell 20 from 200."""
    result = dict(limits)
    for name, (low, high) in limits.items():
        readers: list[tuple[float, float] | None] = []
        for node in graph.nodes:
            if name in node.inputs:
                bits = 16 if any(one in wide for one in (*node.inputs, node.output)) else 8
                readers.append(operators()[node.op].useful_range(node, bits))
            if name == node.bypass:
                readers.append(None)
        ranges = [reader for reader in readers if reader is not None]
        if name != graph.output and ranges and len(ranges) == len(readers):
            bounds = min(reader[0] for reader in ranges), max(reader[1] for reader in ranges)
            result[name] = max(low, bounds[0]), min(high, bounds[1])
    return result


def quantize_with(
    graph: Graph, quantization: Mapping[str, Quantization], *, calibration_hash: str = "", method: str = "given"
) -> QuantizedGraph:
    """Choose integer parameters for given tensor ranges; operators that prescribe their output's range override it.

    Args:
        graph: The float model.
        quantization: By tensor; those of 16 bits are wide.
        calibration_hash: Recorded in the provenance.
        method: How the ranges were chosen.

    Raises:
        QuantizeError: A layer's parameters do not fit the integer arithmetic; names the layer.
    """
    wide = {name for name, one in quantization.items() if one.is_wide}
    changed = with_changes(graph, wide)
    chosen = dict(quantization)
    parameters: dict[str, dict[str, Any]] = {}
    for node in changed.nodes:
        inputs = [chosen[name] for name in node.inputs]
        if node.output in changed.tensors:
            chosen[node.output] = _output(changed, node, chosen)
        try:
            parameters[node.name] = operators()[node.op].quantize(
                node, QuantizeContext(inputs, chosen.get(node.output))
            )
            if node.bypass is not None:
                parameters[node.name][BYPASS] = rescale.quantize(chosen[node.bypass], chosen[node.output])
        except QuantizeError as error:
            raise QuantizeError(f"Layer '{node.name}': {error.message}", hint=error.hint) from None
    made_of = replace(graph.provenance, calibration_hash=_with_widths(calibration_hash, wide))
    return QuantizedGraph(changed, chosen, parameters, made_of, method)


def _with_widths(calibration_hash: str, wide: Collection[str]) -> str:
    """Another hash for every choice of wide tensors, so that a board with other ones is refused."""
    if not wide or not calibration_hash:
        return calibration_hash
    return hashlib.sha256(" ".join([calibration_hash, *sorted(wide)]).encode()).hexdigest()


def _output(graph: Graph, node: Node, chosen: Mapping[str, Quantization]) -> Quantization:
    """Quantization of a node's output: what the operator prescribes, what was chosen, or what a neighbour says."""
    inputs = [chosen[name] for name in node.tensors_read]
    given = chosen.get(node.output)
    fixed = operators()[node.op].fixed_quantization(node, inputs)
    if fixed is not None and (given is None or given.bits == fixed.bits):
        seen = given or fixed
        return replace(fixed, minimum=seen.minimum, maximum=seen.maximum)
    if given is not None:
        return given
    if node.op == CHANGE:
        return choose_quantization(inputs[0].minimum, inputs[0].maximum)
    # What a wide layer writes before that is narrowed.
    narrowed = next(chosen[other.output] for other in graph.nodes if node.output in other.inputs)
    return replace(choose_quantization(*narrowed.real_range, 16), minimum=narrowed.minimum, maximum=narrowed.maximum)


def _check_features(graph: Graph, features: Sequence[NDArray[np.float32]], method: str, percentile: float) -> None:
    if method not in METHODS:
        raise QuantizeError(f"Unknown calibration method '{method}'.", hint=f"Choose one of {', '.join(METHODS)}.")
    if not 50.0 < percentile <= 100.0:
        raise QuantizeError(
            f"A percentile of {percentile:g} is out of range.", hint="Choose more than 50 and at most 100."
        )
    if sum(len(sequence) for sequence in features) == 0:
        raise QuantizeError("There is no calibration audio.", hint="Give a file or folder with noisy speech.")
    expected = graph.tensors[graph.input].size
    for sequence in features:
        if sequence.ndim != 2 or sequence.shape[1] != expected:
            raise QuantizeError(
                f"Calibration features have shape {sequence.shape}; expected (frames, {expected}).",
                hint="Give the model's input, one row per frame.",
            )
        if not np.all(np.isfinite(sequence)):
            raise QuantizeError("Calibration features hold NaN or infinity.", hint="Compute them again.")


class _Ranges:
    """Range of every tensor over the calibration frames.

    What gates close does not count; what a bypass would show counts in frames whose part is open as well.
    """

    def __init__(self, graph: Graph, method: str, percentile: float, frames: int) -> None:
        self._graph = graph
        self._layout: GateLayout = gate_layout(graph)
        self._percentile = percentile if method == "percentile" else 100.0
        self._thinning = max(1, -(-frames // _KEPT_FRAMES)) if self._percentile < 100.0 else 1
        self._low: dict[str, float] = {}
        self._high: dict[str, float] = {}
        self._values: dict[str, list[NDArray[np.float32]]] = {}
        self._seen: dict[str, int] = dict.fromkeys(graph.tensors, 0)
        self._opened = {gate: np.zeros(count, np.int64) for gate, count in self._layout.channels.items()}
        self._bypasses = {node.output: node for node in graph.nodes if node.bypass is not None}

    def add(self, trace: Trace) -> None:
        """Take in consecutive frames that begin a period of the graph."""
        for gate, counts in self._opened.items():
            counts += self._layout.unpack(trace.gates, gate).sum(axis=0)
        for name, recorded in trace.tensors.items():
            tensor = self._graph.tensors[name]
            values = recorded[:: tensor.period]
            if name in self._bypasses:
                values = np.hstack([values, _bypassed(self._bypasses[name], trace)[:: tensor.period]])
            if values.size == 0:
                continue
            if not np.isfinite(values).all():
                raise QuantizeError(
                    f"Layer '{name}' yields values that are not finite.", hint="Check the model's weights in Keras."
                )
            self._low[name] = min(self._low.get(name, 0.0), float(values.min()))
            self._high[name] = max(self._high.get(name, 0.0), float(values.max()))
            if self._percentile < 100.0:
                thinned = slice(-self._seen[name] % self._thinning, None, self._thinning)
                self._seen[name] += len(values)
                kept, gates = values[thinned], trace.gates[:: tensor.period][thinned]
                self._values.setdefault(name, []).append(kept[self._is_open(tensor, gates, kept.shape[1])])

    def _is_open(self, tensor: Tensor, gates: GateBits, width: int) -> NDArray[np.bool_]:
        """Which of a tensor's values no gate makes zero, ``[frames, width]``; what a bypass shows is behind them."""
        if tensor.gate is not None:
            channels = self._layout.unpack(gates, tensor.gate)
        else:
            channels = np.ones((len(gates), tensor.channels), bool)
            first = 0
            for block in tensor.blocks:
                if block.component is not None:
                    bit = self._layout.unpack(gates, block.component.gate)[:, block.component.bit]
                    channels[:, first : first + block.channels] = bit[:, None]
                first += block.channels
        own = np.tile(channels, tensor.size // tensor.channels)
        return np.hstack([own, np.ones((len(gates), width - tensor.size), bool)])

    @property
    def opened(self) -> dict[str, tuple[int, ...]]:
        """In how many frames each bit of each gate was open."""
        return {gate: tuple(counts.tolist()) for gate, counts in self._opened.items()}

    def limits(self) -> dict[str, tuple[float, float]]:
        """Least and greatest value to represent, per tensor."""
        if self._percentile >= 100.0:
            return {name: (self._low[name], self._high[name]) for name in self._low}
        tail = 100.0 - self._percentile
        result = {}
        for name, parts in self._values.items():
            values = np.concatenate(parts)
            if values.size == 0:
                result[name] = (self._low[name], self._high[name])
                continue
            low, high = np.percentile(values, [tail, self._percentile])
            result[name] = (max(self._low[name], min(0.0, float(low))), min(self._high[name], max(0.0, float(high))))
        return result


def _bypassed(node: Node, trace: Trace) -> NDArray[np.float32]:
    """What closed parts of a node's output show of another tensor, ``[frames, elements]``."""
    assert node.bypass is not None, "only nodes with a bypass are asked"
    shows = np.repeat([part.on_skip == "bypass" for part in node.parts], [part.channels for part in node.parts])
    recorded = trace.tensors[node.bypass]
    return recorded.reshape(len(recorded), -1, len(shows))[..., shows].reshape(len(recorded), -1)
