"""Runs of a model with some tensors in 8 bits and others in 16: the quick estimate in float, and the specification."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import SlimseError
from slimse_mcu.graph import Graph, Quantization, QuantizedGraph
from slimse_mcu.harness import quality
from slimse_mcu.harness.audio import Pair
from slimse_mcu.ops.arithmetic import choose_quantization, dequantize_values, quantize_values, quantize_weights
from slimse_mcu.quantize import Ranges, quantize_ranges
from slimse_mcu.streaming import Stream, run_float, run_int8
from slimse_mcu.widths import widenable

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True, slots=True)
class Sample:
    """A recording to measure with.

    Attributes:
        name: For people.
        features: float32 ``[frames, inputs]``, as the model's input.
        spectrum: What the mask is applied to; None: there is no audio to judge.
        clean: int16 samples aligned with the output; None: there is no reference.
    """

    name: str
    features: NDArray[np.float32]
    spectrum: NDArray[Any] | None = None
    clean: NDArray[np.int16] | None = None


def sample_of_features(name: str, features: NDArray[np.float32]) -> Sample:
    """Features ``[frames, inputs]`` of a model without a front end."""
    return Sample(name, np.asarray(features, np.float32))


def sample_of_pair(graph: Graph, pair: Pair) -> Sample:
    """Audio for a model with a front end, with or without its clean reference."""
    from slimse_mcu import frontend

    assert graph.frontend is not None, "only models with a front end take audio"
    hop = graph.frontend.hop
    samples = np.append(frontend.pad_to_hops(pair.noisy.samples, hop), np.zeros(hop, np.int16))
    features, spectrum = frontend.float_analyse(graph.frontend, samples)
    return Sample(pair.noisy.name, features, spectrum, None if pair.clean is None else pair.clean.samples)


Kind = Literal["float", "weights", "range", "wide", "alone", "specification"]
_COMPARED_WITH: Mapping[Kind, Kind] = {"range": "weights", "alone": "wide"}  # all others with the float model


@dataclass(frozen=True, slots=True)
class Task:
    """One run of one recording.

    Attributes:
        kind: ``"float"``: the float model; ``"weights"``: the same with 8-bit weights; ``"range"``: as that, with the
            named tensors kept to their calibrated range; ``"wide"``: with 8-bit weights and all tensors rounded as 16
            bits would; ``"alone"``: as that, with the named ones rounded to 8 bits; ``"specification"``: the quantized
            model with the named tensors in 16 bits.
        names: The tensors.
        sample: Number of the recording.
        judged: PESQ is wanted.
    """

    kind: Kind
    names: tuple[str, ...]
    sample: int
    judged: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        signal: Power of the float model's output.
        noise: Power of the difference to it; of ``"range"`` to ``"weights"``, of ``"alone"`` to ``"wide"``.
        pesq: None where it was not wanted or cannot be had.
    """

    signal: float
    noise: float
    pesq: float | None


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured; travels to the workers.

    Attributes:
        graph: The float model.
        ranges: From its calibration.
        samples: What it is measured on.
    """

    graph: Graph
    ranges: Ranges
    samples: tuple[Sample, ...]


@dataclass(slots=True)
class Runner:
    """Does tasks one after the other; mutable, as it keeps what the next task may need."""

    subject: Subject
    _coarse: Graph | None = None
    _grids: Mapping[str, Mapping[str, Quantization]] = field(default_factory=dict)
    _outputs: dict[tuple[Kind, int], NDArray[np.float32]] = field(default_factory=dict)
    _quantized: tuple[tuple[str, ...], QuantizedGraph] | None = None

    def perform(self, task: Task) -> Outcome:
        """Run a recording and compare the output."""
        sample = self.subject.samples[task.sample]
        real = self._kept("float", task.sample)
        wanted = self._kept(_COMPARED_WITH.get(task.kind, "float"), task.sample)
        output = self._run(task.kind, task.names, sample) if task.names else self._kept(task.kind, task.sample)
        difference = output.astype(np.float64) - wanted
        signal = float(np.sum(real.astype(np.float64) ** 2))
        pesq = self._pesq(sample, output) if task.judged else None
        return Outcome(signal, float(np.sum(difference**2)), pesq)

    def _kept(self, kind: Kind, number: int) -> NDArray[np.float32]:
        """The output of a run that names no tensors: others are compared with it."""
        if (kind, number) not in self._outputs:
            self._outputs[kind, number] = self._run(kind, (), self.subject.samples[number])
        return self._outputs[kind, number]

    def _run(self, kind: Kind, names: tuple[str, ...], sample: Sample) -> NDArray[np.float32]:
        if kind == "float":
            return run_float(self.subject.graph, sample.features).output
        if kind == "specification":
            return self._specification(names, sample)
        return self._rounded(kind, names, sample)

    def _rounded(self, kind: Kind, names: Sequence[str], sample: Sample) -> NDArray[np.float32]:
        graph, ranges = self.subject.graph, self.subject.ranges
        if self._coarse is None:
            self._coarse = with_coarse_weights(graph)
            narrow = quantize_ranges(graph, ranges).quantization
            cut = {name: choose_quantization(*limits, 16) for name, limits in ranges.limits.items()}
            names_wide = widenable(graph)
            wide = quantize_ranges(graph, ranges, wide=names_wide).quantization
            self._grids = {"narrow": narrow, "cut": cut, "wide": {**cut, **{name: wide[name] for name in names_wide}}}
        if kind in ("wide", "alone"):
            grids = {name: self._grids["narrow" if name in names else "wide"][name] for name in graph.tensors}
        else:
            grids = {name: self._grids["cut"][name] for name in names}
        features, first = sample.features, grids.get(graph.input)
        if first is not None:
            features = dequantize_values(quantize_values(features, first), first)
        return Stream.rounded(self._coarse, grids).run(features).output

    def _specification(self, names: tuple[str, ...], sample: Sample) -> NDArray[np.float32]:
        if self._quantized is None or self._quantized[0] != names:
            self._quantized = names, quantize_ranges(self.subject.graph, self.subject.ranges, wide=names)
        quantized = self._quantized[1]
        first, last = (quantized.quantization[name] for name in (quantized.graph.input, quantized.graph.output))
        return dequantize_values(run_int8(quantized, quantize_values(sample.features, first)).output, last)

    def _pesq(self, sample: Sample, output: NDArray[np.float32]) -> float | None:
        from slimse_mcu import frontend
        from slimse_mcu.spectral import FULL_SCALE

        settings = self.subject.graph.frontend
        if settings is None or sample.spectrum is None or sample.clean is None:
            return None
        audio = frontend.float_synthesise(settings, output, sample.spectrum) * FULL_SCALE
        rounded = np.floor(audio + 0.5).clip(-32768, 32767)[settings.hop :][: len(sample.clean)]
        return quality.score(sample.clean, rounded, settings.sample_rate_hz, opinion=False).pesq_wb


def with_coarse_weights(graph: Graph) -> Graph:
    """The float graph with weights as 8 bits tell them: symmetric, one scale per output channel."""
    nodes = (
        replace(node, weights={name: _coarse(name, values) for name, values in node.weights.items()})
        for node in graph.nodes
    )
    return replace(graph, nodes=tuple(nodes))


def _coarse(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Biases and factors per channel keep their values; the rows of a recurrence lie in its first two axes."""
    if values.ndim < 2 or name.endswith("bias"):
        return values
    rows = values.reshape(-1, values.shape[-1]) if name.endswith("_kernel") else values.reshape(len(values), -1)
    integers, _, scale = quantize_weights(rows, np.zeros(len(rows)), 1.0)
    result: NDArray[Any] = (integers * scale[:, None]).reshape(values.shape).astype(values.dtype)
    return result


Perform = Callable[[Sequence[Task], Callable[[Task], None]], list[Outcome]]
"""Does tasks and returns what came of them in order; tells of each that is done."""

_runner: Runner | None = None
"""The one of a worker process."""


@contextmanager
def workers(subject: Subject, jobs: int) -> Iterator[Perform]:
    """Gives a function that does tasks, in this process or in several; what comes out does not depend on how many."""
    if jobs == 1:
        runner = Runner(subject)

        def one_by_one(tasks: Sequence[Task], done: Callable[[Task], None]) -> list[Outcome]:
            outcomes = []
            for task in tasks:
                outcomes.append(runner.perform(task))
                done(task)
            return outcomes

        yield one_by_one
        return
    with _one_thread():
        pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin, (subject,))
    try:

        def at_once(tasks: Sequence[Task], done: Callable[[Task], None]) -> list[Outcome]:
            with _one_thread():  # the pool starts a process when there is work for it
                futures: list[Future[Outcome]] = [pool.submit(_perform, task) for task in tasks]
            outcomes = []
            for task, future in zip(tasks, futures, strict=True):
                try:
                    outcomes.append(future.result())
                except BrokenProcessPool:
                    raise SlimseError(
                        "A process of the search was ended from outside, or for want of memory.",
                        hint="Use fewer --jobs, or a smaller --limit.",
                    ) from None
                done(task)
            return outcomes

        yield at_once
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(subject: Subject) -> None:
    import signal

    global _runner
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends this process
    _runner = Runner(subject)


def _perform(task: Task) -> Outcome:
    assert _runner is not None, "workers begin with _begin"
    return _runner.perform(task)


@contextmanager
def _one_thread() -> Iterator[None]:
    """What is started meanwhile computes in one thread."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
