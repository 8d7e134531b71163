"""The search: tensors are ranked by what 8 bits of each alone cost, and the fewest are taken that meet the budget.

Noise of tensors that are rounded alone nearly adds up, which makes a ranking; where it does not (rounding twice to one
grid costs nothing more, errors cancel), the specification decides: every choice that counts is run through it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import Graph, QuantizedGraph
from slimse_mcu.ops import operators
from slimse_mcu.plan import plan
from slimse_mcu.quantize import Ranges, measure_ranges, quantize_ranges
from slimse_mcu.sensitivity.results import Budget, Metric, Point, Sensitivity, TensorNoise
from slimse_mcu.sensitivity.runs import Outcome, Perform, Sample, Subject, Task, workers
from slimse_mcu.streaming import layer_macs
from slimse_mcu.version import VERSION
from slimse_mcu.widths import widenable

Progress = Callable[[str, int, int], None]
"""Told how far a stage is: its name, frames done, of how many."""

STAGES = ("float model", "each tensor alone", "choices")
"""Stages that ``progress`` is told about; how many choices there will be shows as the search goes on."""


def find_wide(
    graph: Graph,
    features: Sequence[NDArray[np.float32]],
    samples: Sequence[Sample],
    budget: Budget,
    *,
    metric: Metric = "sqnr",
    max_tensors: int | None = None,
    method: str = "minmax",
    percentile: float = 99.99,
    calibration_hash: str = "",
    jobs: int = 1,
    progress: Progress | None = None,
) -> Sensitivity:
    """Find the fewest tensors that have to be int16 for a budget of quality loss.

    Args:
        graph: The float model.
        features: Calibration, see :func:`slimse_mcu.quantize.quantize`.
        samples: What is measured on: other recordings than the calibration's.
        budget: What quantization may cost.
        metric: What ranks the tensors: ``"sqnr"`` of the output, or ``"pesq"``.
        max_tensors: Most tensors to choose; None: no limit.
        method: Of the calibration.
        percentile: Of the calibration.
        calibration_hash: Recorded in the result.
        jobs: Processes at once.  The result is the same for any number.
        progress: See :data:`Progress`.

    Raises:
        QuantizeError: There is nothing to measure with, PESQ is asked for and cannot be had, or the model cannot be
            quantized.
    """
    if not samples or not any(len(one.features) for one in samples):
        raise QuantizeError("There are no recordings to measure with.", hint="Name a folder that holds some.")
    ranges = measure_ranges(graph, features, method=method, percentile=percentile)
    with workers(Subject(graph, ranges, tuple(samples)), jobs) as perform:
        search = _Search(graph, ranges, samples, perform, progress or (lambda stage, done, total: None))
        search.measure_float(is_needed="pesq" in (budget.kind, metric))
        tensors = search.rank(metric)
        units = [(one.tensor, *one.along) for one in tensors if one.can_be_wide]
        chosen, is_met = search.choose(units, budget, max_tensors)
        search.measure([name for unit in units for name in unit])  # the end of the curve
    points = sorted(search.points.values(), key=lambda one: (len(one.wide), one.wide))
    return Sensitivity(
        tool_version=VERSION,
        model_name=graph.provenance.model_name,
        model_hash=graph.provenance.model_hash,
        calibration_hash=calibration_hash,
        method=ranges.method,
        budget=budget,
        metric=metric,
        recordings=len(samples),
        frames=search.frames,
        float_pesq=search.float_pesq,
        weights_db=search.weights_db,
        floor_db=search.floor_db,
        tensors=tensors,
        points=tuple(points),
        expected_db=search.expected(units),
        order=tuple(name for unit in units for name in unit),
        chosen=chosen,
        is_met=is_met,
    )


class _Search:
    """A search under way; mutable."""

    def __init__(
        self, graph: Graph, ranges: Ranges, samples: Sequence[Sample], perform: Perform, tell: Progress
    ) -> None:
        self._graph, self._ranges, self._samples = graph, ranges, samples
        self._perform, self._tell = perform, tell
        self._noises: dict[str, float] = {}
        self._floor = 0.0
        self.weights_db = math.inf
        self._signal = 0.0
        self._done = dict.fromkeys(STAGES, 0)
        self.frames = sum(len(one.features) for one in samples)
        self.float_pesq: float | None = None
        self.points: dict[frozenset[str], Point] = {}

    # ---- runs -------------------------------------------------------------------------------------------

    def measure_float(self, *, is_needed: bool) -> None:
        """What the float model's output is worth."""
        judged = any(one.clean is not None for one in self._samples)
        (outcomes,) = self._run(STAGES[0], [Task("float", (), 0, judged)])
        self._signal = sum(one.signal for one in outcomes)
        self._judged = [number for number, one in enumerate(outcomes) if one.pesq is not None]
        if self._judged:
            self.float_pesq = self._pesq(outcomes)
        elif is_needed:
            raise QuantizeError(
                "PESQ of these recordings cannot be had.",
                hint="Give recordings with clean references and half a second of speech, or --budget-sqnr.",
            )

    def _run(self, stage: str, tasks: Sequence[Task]) -> list[list[Outcome]]:
        """Every task over all recordings."""
        numbers = range(len(self._samples))
        total = self._done[stage] + len(tasks) * self.frames

        def done(task: Task) -> None:
            self._done[stage] += len(self._samples[task.sample].features)
            self._tell(stage, self._done[stage], total)

        flat = self._perform([replace(task, sample=number) for task in tasks for number in numbers], done)
        return [flat[first : first + len(numbers)] for first in range(0, len(flat), len(numbers))]

    def _pesq(self, outcomes: Sequence[Outcome]) -> float:
        """Mean over the recordings that the float model has a score of; one that lost its speech counts as 1."""
        scores = [outcomes[one].pesq for one in self._judged]
        return float(np.mean([1.0 if one is None else one for one in scores]))

    def _loss(self, outcomes: Sequence[Outcome]) -> float | None:
        return None if self.float_pesq is None else self.float_pesq - self._pesq(outcomes)

    # ---- each tensor alone ------------------------------------------------------------------------------

    def rank(self, metric: Metric) -> tuple[TensorNoise, ...]:
        """All tensors, the ones that cost most first."""
        quantized = quantize_ranges(self._graph, self._ranges)
        can_be_wide = frozenset(widenable(self._graph))
        units = _units(quantized)
        judged = metric == "pesq"
        weights, everything_wide, *both = self._run(
            STAGES[1],
            [
                Task("weights", (), 0, False),
                Task("wide", (), 0, judged),
                *(Task("alone", unit, 0, judged) for unit in units),
                *(Task("range", unit, 0, False) for unit in units),
            ],
        )
        found, cut = both[: len(units)], both[len(units) :]
        noises = [sum(one.noise for one in outcomes) for outcomes in found]
        best = self._pesq(everything_wide) if judged else 0.0
        losses = [best - self._pesq(outcomes) if judged else None for outcomes in found]
        self.weights_db = _decibels(self._signal, sum(one.noise for one in weights))
        self._floor = sum(one.noise for one in everything_wide)
        self._noises = {unit[0]: noise for unit, noise in zip(units, noises, strict=True)}
        before = self.measure(())
        total, scale = self._noise(before), self._scale()
        rows = []
        for unit, noise, loss, outcomes in zip(units, noises, losses, cut, strict=True):
            wide = can_be_wide.issuperset(unit)
            sizes = self._sizes(unit) if wide else None
            extra = None if sizes is None else (sizes[0] - before.model_bytes, sizes[1] - before.weight_bytes)
            rows.append(
                TensorNoise(
                    tensor=unit[0],
                    elements=self._graph.tensors[unit[0]].size,
                    along=unit[1:],
                    can_be_wide=wide,
                    alone_db=_decibels(self._signal, noise),
                    range_db=_decibels(self._signal, sum(one.noise for one in outcomes)),
                    share=noise / sum(noises) if noise else 0.0,
                    gain_db=_decibels(total, max(total - scale * noise, 1e-3 * total)) if total else 0.0,
                    pesq_loss=loss,
                    ram_bytes=None if extra is None else extra[0],
                    flash_bytes=None if extra is None else extra[1],
                    wide_macs=None if sizes is None else sizes[2],
                )
            )
        order = sorted(range(len(rows)), key=lambda n: (-(losses[n] or 0.0) if judged else 0.0, -noises[n], n))
        return tuple(rows[n] for n in order)

    def expected(self, units: Sequence[Sequence[str]]) -> tuple[float, ...]:
        """SQNR with the first 0, 1, 2, ... units wide, where noise adds up and what no tensor makes stays."""
        total, scale = self._noise(self.measure(())), self._scale()
        gone = np.cumsum([0.0, *(self._noises[unit[0]] for unit in units)])
        return tuple(_decibels(self._signal, max(total - scale * float(one), 0.0)) for one in gone)

    def _scale(self) -> float:
        """What the tensors' noises have to be multiplied with to be, together, what 8 bits cost."""
        alone = sum(self._noises.values())
        return max(0.0, self._noise(self.measure(())) - self._floor) / alone if alone else 0.0

    def _noise(self, point: Point) -> float:
        return float(self._signal * 10.0 ** (-point.sqnr_db / 10.0))

    @property
    def floor_db(self) -> float:
        """SQNR of the output with all tensors in 16 bits, by the estimate."""
        return _decibels(self._signal, self._floor)

    # ---- choices ----------------------------------------------------------------------------------------

    def choose(self, units: Sequence[tuple[str, ...]], budget: Budget, max_tensors: int | None) -> tuple[Point, bool]:
        """The fewest tensors: the shortest beginning of the ranking that meets the budget, less what it can miss."""
        limit = math.inf if max_tensors is None else max_tensors
        most = max(k for k in range(len(units) + 1) if sum(len(unit) for unit in units[:k]) <= limit)

        def first(count: int) -> Point:
            return self.measure([name for unit in units[:count] for name in unit])

        low, high = -1, None
        for count in [*_ladder(most), most]:
            if budget.is_met(first(count)):
                high = count
                break
            low = count
        if high is None:
            allowed = [point for point in self.points.values() if len(point.wide) <= limit]
            return min(allowed, key=lambda point: (-budget.goodness(point), len(point.wide), point.wide)), False
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if budget.is_met(first(middle)) else (middle, high)
        chosen = first(high)
        for unit in reversed(units[:high]):
            for name in reversed(unit):
                without = self.measure([one for one in chosen.wide if one != name])
                chosen = without if budget.is_met(without) else chosen
        return chosen, True

    def measure(self, names: Collection[str]) -> Point:
        """A choice, by the specification; each is run once."""
        key = frozenset(names)
        if key not in self.points:
            wide = tuple(name for name in _in_order(self._graph) if name in key)
            (outcomes,) = self._run(STAGES[2], [Task("specification", wide, 0, self.float_pesq is not None)])
            noise = sum(one.noise for one in outcomes)
            self.points[key] = Point(wide, _decibels(self._signal, noise), self._loss(outcomes), *self._sizes(wide))
        return self.points[key]

    def _sizes(self, wide: Collection[str]) -> tuple[int, int, int]:
        """RAM and constants in bytes, and MACs on 16-bit activations."""
        quantized = quantize_ranges(self._graph, self._ranges, wide=wide)
        planned = plan(quantized)
        return planned.model_bytes, planned.weight_bytes, _wide_macs(quantized)


def _ladder(most: int) -> list[int]:
    """0, 1, 2, 4, 8, ... below ``most``."""
    return [0] * (most > 0) + [1 << power for power in range(most.bit_length()) if 1 << power < most]


def _in_order(graph: Graph) -> list[str]:
    """All tensors in execution order."""
    return [graph.input, *(node.output for node in graph.nodes if node.output in graph.tensors)]


def _units(quantized: QuantizedGraph) -> list[tuple[str, ...]]:
    """Tensors, each with those behind it that hold the same values on the same grid: they are rounded once."""
    graph = quantized.graph
    parent = {name: name for name in graph.tensors}
    for node in graph.nodes:
        if node.output in graph.tensors and _hands_on(quantized, node.name):
            parent[node.output] = parent[node.inputs[0]]
    units: dict[str, list[str]] = {}
    for name in _in_order(graph):
        units.setdefault(parent[name], []).append(name)
    return [tuple(unit) for unit in units.values()]


def _hands_on(quantized: QuantizedGraph, layer: str) -> bool:
    """Whether a layer's output has the scale of its one input because its operator wants it so."""
    node = next(one for one in quantized.graph.nodes if one.name == layer)
    if len(node.inputs) != 1 or node.bypass is not None:
        return False
    operator, given = operators()[node.op], quantized.quantization[node.inputs[0]]
    other = replace(given, scale=2.0 * given.scale)
    for one in (given, other):
        fixed = operator.fixed_quantization(node, [one])
        if fixed is None or (fixed.scale, fixed.zero_point) != (one.scale, one.zero_point):
            return False
    return True


def _wide_macs(quantized: QuantizedGraph) -> int:
    wide = frozenset(quantized.wide)
    macs = layer_macs(quantized.graph)
    return sum(
        macs[node.name].all_open
        for node in quantized.graph.nodes
        if node.name in macs and not wide.isdisjoint((*node.inputs, node.output))
    )


def _decibels(signal: float, noise: float) -> float:
    return math.inf if noise == 0.0 else 10.0 * math.log10(max(signal, 1e-300) / noise)
