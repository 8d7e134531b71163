"""Gate-flip audit: how often int8 decides otherwise than float, how near those decisions were, and what they cost.

A network that decides for itself differs from its float model in two ways: by rounding, and by deciding otherwise.
Four runs over the same frames tell them apart: the float and the int8 network, each with its own decisions and with
those of the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.decisions import Decisions
from slimse_mcu.graph import Node, QuantizedGraph
from slimse_mcu.harness.quality import METRICS, Scores, averages
from slimse_mcu.ops import operators
from slimse_mcu.ops.arithmetic import dequantize_values
from slimse_mcu.streaming import Trace, count_macs

FLOAT, FLOAT_INT8_GATES, INT8, INT8_FLOAT_GATES = RUNS = ("float", "float_int8_gates", "int8", "int8_float_gates")
"""The four runs: a network and, where they are not its own, whose decisions it obeys."""

AUDIT_FRAMES = 3750
"""Frames that the runs with the other's decisions take at most: a minute of 16 ms frames."""

_PER_DECADE = 32
_LEAST, _GREATEST = -4, 3  # powers of ten of a margin; what lies beyond counts at the end
_BINS = (_GREATEST - _LEAST) * _PER_DECADE


@dataclass(frozen=True, slots=True)
class Margins:
    """How far the float network's logits lie from the threshold; exact to 4 % but for the greatest.

    Attributes:
        p10: A tenth of them is nearer.
        p50: Median.
        p90: A tenth of them is farther.
        greatest: The farthest.
    """

    p10: float
    p50: float
    p90: float
    greatest: float


@dataclass(frozen=True, slots=True)
class GateFlips:
    """Decisions of one channel gate or component, int8 against float, each network on its own way.

    Attributes:
        decisions: How many were compared.
        opened: Open in int8 and closed in float.
        closed: Closed in int8 and open in float.
        macs: What the difference costs of a frame's MACs in the mean, all else as float decides; negative: saves.
        kept: Margins of the decisions that agree; None where there are none.
        flipped: Margins of those that differ; None where there are none.
        audited: Decisions of the run of the next two.
        apart: Of these the ones in which the int8 network decides otherwise although all decisions before were
            float's: what rounding flips by itself.  The others follow from earlier flips.
        logit_error: Root mean square of what rounding in front of the gate does to a logit, on float's way; None
            where nothing was audited.
        logit_bias: Its mean: positive where rounding opens.
    """

    decisions: int
    opened: int
    closed: int
    macs: float
    kept: Margins | None
    flipped: Margins | None
    audited: int
    apart: int
    logit_error: float | None
    logit_bias: float | None

    @property
    def share(self) -> float:
        """Share of the decisions that differ."""
        return (self.opened + self.closed) / max(1, self.decisions)


@dataclass(frozen=True, slots=True)
class FlipAudit:
    """What was found.

    Attributes:
        frames: Frames compared.
        gates: By channel gate, then by component, in execution order.
        macs: Mean MACs of a frame, of ``float`` and of ``int8``.
        edges: Margins that bound the bins of ``kept`` and ``flipped``; the first and the last bin hold what lies
            beyond as well.
        kept: How many decisions of all gates agree, ``[bins]``.
        flipped: How many differ, ``[bins]``.
        audited_frames: Frames of the two runs with the other's decisions, the first of ``frames``; 0: not run.
        sqnr_db: Over these frames, of the output of all runs against ``float``; infinite: no difference.
        per_file: Over these frames, quality of each run by recording; empty without audio and reference.
    """

    frames: int
    gates: Mapping[str, GateFlips]
    macs: Mapping[str, float]
    edges: tuple[float, ...]
    kept: tuple[int, ...]
    flipped: tuple[int, ...]
    audited_frames: int
    sqnr_db: Mapping[str, float] = field(default_factory=dict)
    per_file: Mapping[str, Mapping[str, Scores]] = field(default_factory=dict)

    @property
    def decisions(self) -> int:
        """Of all gates."""
        return sum(one.decisions for one in self.gates.values())

    @property
    def opened(self) -> int:
        """Decisions of all gates that are open in int8 alone."""
        return sum(one.opened for one in self.gates.values())

    @property
    def closed(self) -> int:
        """Decisions of all gates that are closed in int8 alone."""
        return sum(one.closed for one in self.gates.values())

    @property
    def share(self) -> float:
        """Share of all decisions that differ."""
        return (self.opened + self.closed) / max(1, self.decisions)

    @property
    def apart(self) -> float | None:
        """Share of the decisions that rounding flips by itself, see :class:`GateFlips`."""
        audited = sum(one.audited for one in self.gates.values())
        return sum(one.apart for one in self.gates.values()) / audited if audited else None

    @property
    def quality(self) -> dict[str, Scores]:
        """Mean scores of each run, over the recordings in which all runs have the score."""
        return averages(list(self.per_file.values()))

    def cost(self, metric: str) -> dict[str, float]:
        """What the flips cost of a metric, greater is worse; empty where it was not measured.

        Returns:
            ``int8``: the int8 network with float's decisions less the one with its own; ``float``: the float network
            with its own decisions less the one with int8's.
        """
        scores = {run: getattr(one, metric) for run, one in self.quality.items()}
        return _costs({run: value for run, value in scores.items() if value is not None})

    def cost_db(self) -> dict[str, float]:
        """What the flips cost of the output's SQNR in the int8 network; empty where nothing was audited or differs."""
        costs = _costs(self.sqnr_db)
        return {run: cost for run, cost in costs.items() if run == INT8 and np.isfinite(cost)}

    def margins(self, flipped: bool) -> Margins | None:
        """Of the decisions of all gates that differ, or that agree."""
        counts = np.array(self.flipped if flipped else self.kept)
        found = [one.flipped if flipped else one.kept for one in self.gates.values()]
        return _margins(counts, max((one.greatest for one in found if one is not None), default=0.0))

    def describe(self) -> str:
        """The main numbers in two or three sentences."""
        text = f"{self.share:.2%} of {self.decisions:,} decisions differ from the float model's "
        text += f"({self.opened:,} opened, {self.closed:,} closed)"
        if self.apart is not None:
            text += f"; {self.apart:.2%} where all decisions before were float's, the rest follow from earlier ones"
        near, far = self.margins(True), self.margins(False)
        if near is not None and far is not None:
            text += (
                f". Half of those that differ lie within {near.p50:.2g} of the threshold, of the others {far.p50:.2g}"
            )
        costs = [f"{db:.1f} dB of SQNR" for db in self.cost_db().values()]
        costs += [f"{round(cost, 3) + 0.0:.3f} PESQ" for run, cost in self.cost("pesq_wb").items() if run == INT8]
        if costs:
            text += f". They cost the int8 network {' and '.join(costs)}"
        return text + "."

    def to_json(self) -> dict[str, Any]:
        """Plain values; a ratio in dB is None where nothing differs."""
        quality = self.quality
        return {
            "frames": self.frames,
            "decisions": self.decisions,
            "opened": self.opened,
            "closed": self.closed,
            "share": self.share,
            "gates": {name: {**asdict(one), "share": one.share} for name, one in self.gates.items()},
            "macs": dict(self.macs),
            "margins": {"edges": list(self.edges), "kept": list(self.kept), "flipped": list(self.flipped)},
            "audited_frames": self.audited_frames,
            "apart": self.apart,
            "output_sqnr_db": {run: db if np.isfinite(db) else None for run, db in self.sqnr_db.items()},
            "quality": {run: asdict(one) for run, one in quality.items()},
            "per_file": {
                name: {run: asdict(one) for run, one in scores.items()} for name, scores in self.per_file.items()
            },
            "cost": {metric: self.cost(metric) for metric in METRICS if self.cost(metric)},
        }


def _costs(values: Mapping[str, float]) -> dict[str, float]:
    pairs = {INT8: (INT8_FLOAT_GATES, INT8), FLOAT: (FLOAT, FLOAT_INT8_GATES)}
    return {run: values[a] - values[b] for run, (a, b) in pairs.items() if a in values and b in values}


class Audit:
    """Takes in the runs piece by piece.  Mutable.

    Args:
        quantized: A model with gates.
        frames: Most frames of the runs with the other's decisions.

    Attributes:
        names: Tensors that the runs must keep.
        left: Frames that the runs with the other's decisions still take.
    """

    def __init__(self, quantized: QuantizedGraph, frames: int = AUDIT_FRAMES) -> None:
        graph = quantized.graph
        self._quantized = quantized
        self._decisions = Decisions.of(graph)
        nodes = {node.output: node for node in graph.nodes if node.output in graph.gates}
        self._places = {name: (nodes[gate], span) for name, (gate, span) in self._decisions.places.items()}
        self._counts = {name: _Counts() for name in self._places}
        self._first = self._frames = self._audited = 0
        self._macs = dict.fromkeys((FLOAT, INT8), 0)
        self._noise = dict.fromkeys(RUNS, 0.0)
        self._signal = 0.0
        self.names = frozenset(name for node in nodes.values() for name in node.inputs)
        self.left = frames

    def start(self) -> None:
        """Begin a recording."""
        self._first = 0

    def add(self, real: Trace, integer: Trace, swapped: tuple[Trace, Trace] | None) -> None:
        """Take in the same frames of all runs, which begin a period of the graph.

        Args:
            real: The float network, with ``names`` recorded.
            integer: The int8 network.
            swapped: The float network with int8's decisions and the int8 network with float's, ``names`` recorded, of
                the same frames or of the first of them.
        """
        self._frames += len(real.gates)
        self._macs[FLOAT] += int(real.macs.sum())
        self._macs[INT8] += int(integer.macs.sum())
        self._count(real, integer)
        if swapped is not None:
            frames = len(swapped[0].gates)
            self.left -= frames
            self._audited += frames
            self._compare_outputs(real, integer, *swapped)
            self._compare_on_one_way(_first(real, frames), swapped[1])
        self._first += len(real.gates)

    def _count(self, real: Trace, integer: Trace) -> None:
        wanted, decided = self._decisions.unpack(real.gates), self._decisions.unpack(integer.gates)
        differ = {name for name in self._places if np.any(wanted[name] != decided[name])}
        margins: dict[str, NDArray[np.float32]] = {}
        for name, (node, span) in self._places.items():
            if node.name not in margins:
                margins[node.name] = np.abs(self._logits(node, real))[:: node.period]
            counts, bits, others = self._counts[name], wanted[name][:: node.period], decided[name][:: node.period]
            flipped = bits != others
            counts.decisions += bits.size
            counts.opened += int(np.count_nonzero(flipped & others))
            counts.closed += int(np.count_nonzero(flipped & bits))
            margin = margins[node.name][:, span]
            counts.take(margin[~flipped], margin[flipped])
            if name in differ:
                changed = self._decisions.replaced(real.gates, name, decided[name])
                counts.macs += int((count_macs(self._quantized.graph, changed, self._first) - real.macs).sum())

    def _logits(self, node: Node, trace: Trace) -> NDArray[np.float32]:
        """Signed margins of a node's decisions, ``[frames, channels]``, from a trace of the float network."""
        return operators()[node.op].margin(node, [trace.tensors[name] for name in node.inputs])

    def _compare_outputs(self, real: Trace, integer: Trace, real_swapped: Trace, integer_swapped: Trace) -> None:
        graph = self._quantized.graph
        parameters = self._quantized.quantization[graph.output]
        frames = len(real_swapped.output)
        reference = real.output[:frames].astype(np.float64)
        outputs = {
            FLOAT_INT8_GATES: real_swapped.output,
            INT8: dequantize_values(integer.output[:frames], parameters),
            INT8_FLOAT_GATES: dequantize_values(integer_swapped.output, parameters),
        }
        self._signal += float(np.sum(reference**2))
        for run, output in outputs.items():
            self._noise[run] += float(np.sum((output - reference) ** 2))

    def _compare_on_one_way(self, real: Trace, integer: Trace) -> None:
        """What the int8 network would decide where all that it obeys are float's decisions."""
        wanted, decided = self._decisions.unpack(real.gates), self._decisions.unpack(integer.decided)
        parameters = self._quantized.quantization
        values = {name: dequantize_values(integer.tensors[name], parameters[name]) for name in self.names}
        rounded = replace(integer, tensors=values)
        errors: dict[str, NDArray[np.float64]] = {}
        for name, (node, span) in self._places.items():
            if node.name not in errors:
                difference = self._logits(node, rounded).astype(np.float64) - self._logits(node, real)
                errors[node.name] = difference[:: node.period]
            counts = self._counts[name]
            bits, others = wanted[name][:: node.period], decided[name][:: node.period]
            counts.audited += bits.size
            counts.apart += int(np.count_nonzero(bits != others))
            counts.bias += float(errors[node.name][:, span].sum())
            counts.error += float(np.sum(errors[node.name][:, span] ** 2))

    def result(self, per_file: Mapping[str, Mapping[str, Scores]] | None = None) -> FlipAudit:
        """What was found so far.

        Args:
            per_file: Quality of each of ``RUNS`` over the audited frames, by recording.
        """
        frames = max(1, self._frames)
        sqnr = {run: _decibels(self._signal, noise) for run, noise in self._noise.items()}
        return FlipAudit(
            frames=self._frames,
            gates={name: counts.result(frames) for name, counts in self._counts.items()},
            macs={run: total / frames for run, total in self._macs.items()},
            edges=tuple(float(edge) for edge in 10.0 ** (np.arange(_BINS + 1) / _PER_DECADE + _LEAST)),
            kept=_summed(one.kept for one in self._counts.values()),
            flipped=_summed(one.flipped for one in self._counts.values()),
            audited_frames=self._audited,
            sqnr_db=sqnr if self._audited else {},
            per_file=per_file or {},
        )


def _first(trace: Trace, frames: int) -> Trace:
    tensors = {name: values[:frames] for name, values in trace.tensors.items()}
    return replace(trace, gates=trace.gates[:frames], tensors=tensors)


class _Counts:
    """What is counted of one gate or component.  Mutable."""

    def __init__(self) -> None:
        self.decisions = self.opened = self.closed = self.macs = self.audited = self.apart = 0
        self.error = self.bias = 0.0
        self.kept, self.flipped = np.zeros(_BINS, np.int64), np.zeros(_BINS, np.int64)
        self._greatest = [0.0, 0.0]

    def take(self, kept: NDArray[np.float32], flipped: NDArray[np.float32]) -> None:
        """Margins ``[n]`` of decisions that agree and that differ."""
        for place, (counts, margins) in enumerate(((self.kept, kept), (self.flipped, flipped))):
            if margins.size:
                self._greatest[place] = max(self._greatest[place], float(margins.max()))
                counts += np.bincount(_bin(margins), minlength=_BINS)

    def result(self, frames: int) -> GateFlips:
        return GateFlips(
            decisions=self.decisions,
            opened=self.opened,
            closed=self.closed,
            macs=self.macs / frames,
            kept=_margins(self.kept, self._greatest[0]),
            flipped=_margins(self.flipped, self._greatest[1]),
            audited=self.audited,
            apart=self.apart,
            logit_error=float(np.sqrt(self.error / self.audited)) if self.audited else None,
            logit_bias=self.bias / self.audited if self.audited else None,
        )


def _bin(margins: NDArray[np.float32]) -> NDArray[np.int64]:
    powers = np.log10(np.maximum(margins, 10.0**_LEAST))
    places: NDArray[np.int64] = np.floor((powers - _LEAST) * _PER_DECADE).astype(np.int64)
    return places.clip(0, _BINS - 1)


def _margins(counts: NDArray[np.int64], greatest: float) -> Margins | None:
    total = int(counts.sum())
    if total == 0:
        return None
    below = np.cumsum(counts)
    places = np.searchsorted(below, [share * total for share in (0.1, 0.5, 0.9)])
    p10, p50, p90 = (min(greatest, float(10.0 ** ((place + 0.5) / _PER_DECADE + _LEAST))) for place in places)
    return Margins(p10, p50, p90, greatest)


def _summed(histograms: Iterable[NDArray[np.int64]]) -> tuple[int, ...]:
    return tuple(int(count) for count in sum(histograms, np.zeros(_BINS, np.int64)))


def _decibels(signal: float, noise: float) -> float:
    return float("inf") if noise == 0.0 else 10.0 * float(np.log10(max(signal, 1e-300) / noise))
