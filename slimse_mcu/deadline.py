"""Whether a frame is done before the next one comes: how long frames take, which takes longest, and the worst case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.decisions import Decisions
from slimse_mcu.run import Run


@dataclass(frozen=True, slots=True)
class WorstFrame:
    """The frame that took longest: most instructions or cycles, front and back end included, else most MACs.

    Attributes:
        file: Its recording.
        frame: Its number there, from 0.
        macs: MACs that it executed.
        count: Instructions or cycles with front and back end; None where nothing is counted.
        open: Open channels of each channel gate; 1 or 0 for each component of a policy.
        gates: Its gate vector: the gate bytes in hexadecimal.
    """

    file: str
    frame: int
    macs: int
    count: int | None
    open: Mapping[str, int]
    gates: str


@dataclass(frozen=True, slots=True)
class WorstCase:
    """What no frame should exceed.

    Attributes:
        macs: MACs with all gates open, or as many as a limit allows, by the plan's table; no frame can execute more.
        count: Instructions or cycles of the longest frame that ran with all gates forced open, front and back end
            included; None where nothing is counted.
        load: ``count`` as share of a hop; None on boards that do not count cycles.
        exceeded: Frames, gates decided by the model, that took more than ``macs`` or ``count``.
    """

    macs: int
    count: int | None
    load: float | None
    exceeded: int


@dataclass(frozen=True, slots=True)
class Deadline:
    """Load is cycles per hop over cycles available, front and back end included; None where cycles are not counted.

    Attributes:
        hop_ms: Time between frames; None without a front end.
        clock_hz: The board's core clock.
        load_mean: Mean load.
        load_max: Greatest load.
        misses: Frames that took longer than a hop.
        load_p50: Median; this and the next two are values that occurred.
        load_p95: 95th percentile.
        load_p99: 99th percentile.
        worst_frame: The longest frame; None when there was none.
        worst_case: The bound.
    """

    hop_ms: float | None
    clock_hz: int
    load_mean: float | None
    load_max: float | None
    misses: int | None
    load_p50: float | None = None
    load_p95: float | None = None
    load_p99: float | None = None
    worst_frame: WorstFrame | None = None
    worst_case: WorstCase | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """What frames are held against.

    Attributes:
        hop_ms: Time between frames; None without a front end.
        clock_hz: The board's core clock.
        counter: What the board counts.
    """

    hop_ms: float | None
    clock_hz: int
    counter: str

    @property
    def cycles(self) -> float | None:
        """Cycles that a frame may take; None where cycles are not counted, or nothing is due."""
        if self.hop_ms is None or self.counter != "cycles" or not self.clock_hz:
            return None
        return self.clock_hz * self.hop_ms / 1000.0


def deadline_of(
    clock: Clock, runs: Sequence[tuple[str, Run]], opened: Run, decisions: Decisions, worst_macs: int
) -> Deadline:
    """How frames keep their deadline.

    Args:
        clock: What they are held against.
        runs: What the board did with each recording, by its name.
        opened: What it did with all gates forced open.
        decisions: What the gate bytes say.
        worst_macs: See :func:`slimse_mcu.worst_case.worst_macs`.
    """
    macs = np.concatenate([run.macs for _, run in runs])
    total = _joined([run for _, run in runs])
    return Deadline(
        clock.hop_ms,
        clock.clock_hz,
        *_loads(clock, total),
        worst_frame=_worst_frame(runs, macs if total is None else total, decisions),
        worst_case=_worst_case(clock, macs, total, opened, worst_macs),
    )


def _joined(runs: Sequence[Run]) -> NDArray[np.int64] | None:
    parts = [run.count_total for run in runs if run.count_total is not None]
    return np.concatenate(parts) if len(parts) == len(runs) else None


def _loads(
    clock: Clock, total: NDArray[np.int64] | None
) -> tuple[float | None, float | None, int | None, float | None, float | None, float | None]:
    """Mean, greatest, misses, median, 95th and 99th percentile."""
    if clock.cycles is None or total is None:
        return None, None, None, None, None, None
    load = total / clock.cycles
    p50, p95, p99 = (float(one) for one in np.percentile(load, (50, 95, 99), method="inverted_cdf"))
    return float(load.mean()), float(load.max()), int(np.sum(load > 1.0)), p50, p95, p99


def _worst_frame(runs: Sequence[tuple[str, Run]], costs: NDArray[np.int64], decisions: Decisions) -> WorstFrame | None:
    if not costs.size:
        return None
    index = int(np.argmax(costs))
    for name, run in runs:
        if index < run.frames:
            bits = decisions.unpack(run.gates[index])
            return WorstFrame(
                file=name,
                frame=index,
                macs=int(run.macs[index]),
                count=None if run.count_total is None else int(run.count_total[index]),
                open={gate: int(one.sum()) for gate, one in bits.items()},
                gates=run.gates[index].tobytes().hex(),
            )
        index -= run.frames
    raise AssertionError("every frame belongs to a run")


def _worst_case(
    clock: Clock, macs: NDArray[np.int64], total: NDArray[np.int64] | None, opened: Run, worst_macs: int
) -> WorstCase:
    exceeded = macs > worst_macs
    if total is None or opened.count_total is None or not opened.frames:
        return WorstCase(worst_macs, None, None, int(exceeded.sum()))
    count = int(opened.count_total.max())
    load = None if clock.cycles is None else count / clock.cycles
    return WorstCase(worst_macs, count, load, int((exceeded | (total > count)).sum()))
