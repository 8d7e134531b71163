"""Second stage: float graph and calibration features -> :class:`~slimse_mcu.graph.QuantizedGraph`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import BYPASS, Graph, Quantization, QuantizedGraph
from slimse_mcu.ops import operators, rescale
from slimse_mcu.ops.arithmetic import choose_quantization, dequantize_values, quantize_values
from slimse_mcu.ops.op import QuantizeContext
from slimse_mcu.streaming import GateLayout, Trace, gate_layout, run_float, run_int8

METHODS = ("minmax", "percentile")
#: Frames whose values are kept for percentiles; longer calibration is thinned evenly.
_KEPT_FRAMES = 4000


def quantize(
    graph: Graph,
    features: Sequence[NDArray[np.float32]],
    *,
    method: str = "minmax",
    percentile: float = 99.99,
    calibration_hash: str = "",
    progress: Callable[[int], None] | None = None,
) -> QuantizedGraph:
    """Choose int8 parameters by streaming calibration features through the float graph with its state carried on.

    Args:
        graph: The float model.
        features: Sequences ``[frames, inputs]``; the state starts anew with each.
        method: ``"minmax"`` takes the range seen; ``"percentile"`` cuts both tails.
        percentile: Share of the values, in percent, that stays inside the range.
        calibration_hash: Recorded in the provenance.
        progress: Called with 1 after each frame.

    Raises:
        QuantizeError: No or unfit features, or a tensor that cannot be quantized; names the layer.
    """
    _check_features(graph, features, method, percentile)
    ranges = _Ranges(graph, method, percentile, sum(len(sequence) for sequence in features))
    for sequence in features:
        with np.errstate(over="ignore", invalid="ignore"):  # refused below, with the layer's name
            trace = run_float(graph, sequence, record=True, progress=progress)
        ranges.add(trace)
    return quantize_with(
        graph,
        {name: choose_quantization(*limits) for name, limits in _useful(graph, ranges.limits()).items()},
        calibration_hash=calibration_hash,
        method=method if method == "minmax" else f"percentile {percentile:g}",
    )


def _useful(graph: Graph, limits: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Cut what no reader can tell apart: a tensor that only a sigmoid reads need not tell 20 from 200."""
    result = dict(limits)
    for name, (low, high) in limits.items():
        readers = [operators()[node.op].useful_range(node) for node in graph.nodes if name in node.inputs]
        readers += [None for node in graph.nodes if name == node.bypass]
        ranges = [reader for reader in readers if reader is not None]
        if name != graph.output and ranges and len(ranges) == len(readers):
            bounds = min(reader[0] for reader in ranges), max(reader[1] for reader in ranges)
            result[name] = max(low, bounds[0]), min(high, bounds[1])
    return result


def quantize_with(
    graph: Graph, quantization: dict[str, Quantization], *, calibration_hash: str = "", method: str = "given"
) -> QuantizedGraph:
    """Choose integer parameters for given tensor ranges; operators that prescribe their output's range override it.

    Raises:
        QuantizeError: A layer's parameters do not fit the integer arithmetic; names the layer.
    """
    chosen = dict(quantization)
    parameters: dict[str, dict[str, Any]] = {}
    for node in graph.nodes:
        operator = operators()[node.op]
        inputs = [chosen[name] for name in node.inputs]
        fixed = operator.fixed_quantization(node, inputs)
        if fixed is not None and node.output in graph.tensors:
            seen = chosen.get(node.output, fixed)
            chosen[node.output] = replace(fixed, minimum=seen.minimum, maximum=seen.maximum)
        try:
            parameters[node.name] = operator.quantize(node, QuantizeContext(inputs, chosen.get(node.output)))
            if node.bypass is not None:
                parameters[node.name][BYPASS] = rescale.quantize(chosen[node.bypass], chosen[node.output])
        except QuantizeError as error:
            raise QuantizeError(f"Layer '{node.name}': {error.message}", hint=error.hint) from None
    return QuantizedGraph(
        graph, chosen, parameters, replace(graph.provenance, calibration_hash=calibration_hash), method
    )


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
    """Range of every tensor over the calibration frames; closed channels do not count."""

    def __init__(self, graph: Graph, method: str, percentile: float, frames: int) -> None:
        self._graph = graph
        self._layout: GateLayout = gate_layout(graph)
        self._percentile = percentile if method == "percentile" else 100.0
        self._thinning = max(1, -(-frames // _KEPT_FRAMES)) if self._percentile < 100.0 else 1
        self._low: dict[str, float] = {}
        self._high: dict[str, float] = {}
        self._values: dict[str, list[NDArray[np.float32]]] = {}

    def add(self, trace: Trace) -> None:
        """Take in one sequence."""
        for name, recorded in trace.tensors.items():
            tensor = self._graph.tensors[name]
            values = recorded[:: tensor.period]
            if values.size == 0:
                continue
            if not np.isfinite(values).all():
                raise QuantizeError(
                    f"Layer '{name}' yields values that are not finite.", hint="Check the model's weights in Keras."
                )
            self._low[name] = min(self._low.get(name, 0.0), float(values.min()))
            self._high[name] = max(self._high.get(name, 0.0), float(values.max()))
            if self._percentile < 100.0:
                kept = values[:: self._thinning]
                if tensor.gate is not None:
                    is_open = self._layout.unpack(trace.gates, tensor.gate)[:: tensor.period][:: self._thinning]
                    kept = kept[is_open]
                self._values.setdefault(name, []).append(kept.ravel())

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


@dataclass(frozen=True, slots=True)
class TensorError:
    """What quantization costs at one tensor.

    Attributes:
        tensor: Name.
        minimum: Least value seen in calibration.
        maximum: Greatest value seen in calibration.
        scale: Real value of one step.
        zero_point: Integer that means 0.
        sqnr_db: Power of the float tensor over power of the difference to the int8 run, accumulated error included;
            infinite when there is no difference.
        saturated: Share of the int8 values at -128 or 127 that lie beyond the representable range in float.
    """

    tensor: str
    minimum: float
    maximum: float
    scale: float
    zero_point: int
    sqnr_db: float
    saturated: float


@dataclass(frozen=True, slots=True)
class QuantizationErrors:
    """Int8 against float over the same features.

    Attributes:
        tensors: In execution order.
        gate_flips: Share of the decisions of each gate that differ from the float model's.
        frames: Frames compared.
    """

    tensors: tuple[TensorError, ...]
    gate_flips: dict[str, float]
    frames: int


def quantization_errors(quantized: QuantizedGraph, features: Iterable[NDArray[np.float32]]) -> QuantizationErrors:
    """Run the float graph and the int8 specification over the same features and compare every tensor."""
    graph = quantized.graph
    layout = gate_layout(graph)
    names = list(graph.tensors)
    signal, noise, beyond, count = (dict.fromkeys(names, 0.0) for _ in range(4))
    flips = dict.fromkeys(layout.offsets, 0.0)
    frames = 0
    for sequence in features:
        real = run_float(graph, sequence, record=True)
        integer = run_int8(quantized, quantize_values(sequence, quantized.quantization[graph.input]), record=True)
        frames += len(sequence)
        for name in names:
            parameters = quantized.quantization[name]
            reference = real.tensors[name].astype(np.float64)
            difference = dequantize_values(integer.tensors[name], parameters) - reference
            signal[name] += float(np.sum(reference**2))
            noise[name] += float(np.sum(difference**2))
            low, high = ((bound - parameters.zero_point) * parameters.scale for bound in (-128.5, 127.5))
            beyond[name] += float(np.sum((reference < low) | (reference > high)))
            count[name] += reference.size
        for gate in flips:
            flips[gate] += float(np.sum(layout.unpack(real.gates, gate) != layout.unpack(integer.gates, gate)))
    entries = tuple(
        TensorError(
            name,
            quantized.quantization[name].minimum,
            quantized.quantization[name].maximum,
            quantized.quantization[name].scale,
            quantized.quantization[name].zero_point,
            _decibels(signal[name], noise[name]),
            beyond[name] / max(1.0, count[name]),
        )
        for name in _in_order(graph)
    )
    rates = {gate: flips[gate] / max(1, frames * layout.channels[gate]) for gate in flips}
    return QuantizationErrors(entries, rates, frames)


def _in_order(graph: Graph) -> list[str]:
    return [graph.input, *(node.output for node in graph.nodes if node.output in graph.tensors)]


def _decibels(signal: float, noise: float) -> float:
    if noise == 0.0:
        return float("inf")
    return 10.0 * float(np.log10(max(signal, 1e-300) / noise))


def explain(errors: QuantizationErrors) -> list[dict[str, Any]]:
    """The comparison as plain rows for JSON; where int8 equals float exactly, ``sqnr_db`` is None."""
    rows = [{name: getattr(entry, name) for name in TensorError.__dataclass_fields__} for entry in errors.tensors]
    return [{**row, "sqnr_db": row["sqnr_db"] if np.isfinite(row["sqnr_db"]) else None} for row in rows]
