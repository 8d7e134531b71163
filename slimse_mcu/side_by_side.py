"""The float and the int8 network over the same frames: each decides for itself, or obeys the other's decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.fidelity import Comparison, QuantizationErrors
from slimse_mcu.flips import Audit, FlipAudit
from slimse_mcu.graph import QuantizedGraph
from slimse_mcu.limit import Limit
from slimse_mcu.ops.arithmetic import quantize_values
from slimse_mcu.streaming import Stream, Trace, pieces

Done = Callable[[int], None]
"""Told after each frame: 1."""


def _ignore(done: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told of frames that are done.

    Attributes:
        integer: Of the int8 network.
        real: Of the float network.
        audit: Of each of the runs with the other's decisions.
    """

    integer: Done = _ignore
    real: Done = _ignore
    audit: Done = _ignore


@dataclass(frozen=True, slots=True)
class Runs:
    """What the networks did with a recording; tensors and states are not kept.

    Attributes:
        real: The float network.
        integer: The int8 network.
        real_swapped: The float network with int8's decisions, over the first frames; None: not run.
        integer_swapped: The int8 network with float's decisions, over the first frames; None: not run.
    """

    real: Trace
    integer: Trace
    real_swapped: Trace | None
    integer_swapped: Trace | None


def run_both(
    quantized: QuantizedGraph,
    features: NDArray[np.float32],
    integers: NDArray[Any],
    comparison: Comparison,
    audit: Audit | None = None,
    told: Told | None = None,
    limit: Limit | None = None,
) -> Runs:
    """Run a recording from reset, piece by piece so that it may be long.

    Args:
        quantized: The model.
        features: What the float network gets, ``[frames, inputs]``.
        integers: What the int8 network gets.
        comparison: Takes in all tensors and states of both.
        audit: Takes in the decisions, and says how long the runs with the other's decisions go on.
        told: Told of frames that are done.
        limit: Obeyed by both networks; None: none.
    """
    told = told or Told()
    graph = quantized.graph
    real, integer = Stream.real(graph), Stream.integer(quantized)
    real_swapped, integer_swapped = Stream.real(graph), Stream.integer(quantized)
    for stream in (real, integer, real_swapped, integer_swapped):
        stream.limit(limit)
    runs: list[tuple[Trace, Trace]] = []
    swapped_runs: list[tuple[Trace, Trace]] = []
    comparison.start()
    if audit is not None:
        audit.start()
    given = pieces(features, graph.period), pieces(integers, graph.period)
    for piece, integer_piece in zip(*given, strict=True):
        ours = integer.run(integer_piece, keep=comparison.names, progress=told.integer)
        theirs = real.run(piece, keep=comparison.names, progress=told.real)
        comparison.add(theirs, ours)
        runs.append((_lean(theirs), _lean(ours)))
        if audit is None:
            continue
        swapped = None
        if audit.left > 0:
            most = min(audit.left, len(piece))
            swapped = (
                real_swapped.run(piece[:most], forced=ours.gates[:most], progress=told.audit),
                integer_swapped.run(
                    integer_piece[:most], forced=theirs.gates[:most], keep=audit.names, progress=told.audit
                ),
            )
            swapped_runs.append((_lean(swapped[0]), _lean(swapped[1])))
        audit.add(theirs, ours, swapped)
    both = [_joined(one) for one in zip(*runs, strict=True)]
    return Runs(*both, *([_joined(one) for one in zip(*swapped_runs, strict=True)] or (None, None)))


def _lean(trace: Trace) -> Trace:
    return replace(trace, tensors={}, states={})


def _joined(parts: Sequence[Trace]) -> Trace:
    """Consecutive pieces of a run as one."""
    output, gates, macs, decided = (
        np.concatenate([getattr(one, name) for one in parts]) for name in ("output", "gates", "macs", "decided")
    )
    return Trace(output, gates, macs, {}, {}, decided)


def quantization_errors(quantized: QuantizedGraph, features: Iterable[NDArray[np.float32]]) -> QuantizationErrors:
    """Run the float graph and the int8 specification over the same features and compare all that they compute."""
    return compare(quantized, features)[0]


def compare(
    quantized: QuantizedGraph, features: Iterable[NDArray[np.float32]], audit: Audit | None = None
) -> tuple[QuantizationErrors, FlipAudit | None]:
    """As :func:`quantization_errors`, and what the audit found."""
    comparison = Comparison(quantized)
    parameters = quantized.quantization[quantized.graph.input]
    for sequence in features:
        run_both(quantized, sequence, quantize_values(sequence, parameters), comparison, audit)
    return comparison.result(), None if audit is None else audit.result()
