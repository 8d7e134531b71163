"""Picture of a sensitivity search: what each tensor costs, and what 16 bits for some of them give."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from slimse_mcu.report_pictures import ACCENT, INK, MUTED, WARM, WIDTH_IN, png, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from slimse_mcu.sensitivity.results import Sensitivity

_MOST_ROWS = 24
_QUIET = "#cbd5db"


def tradeoff(result: Sensitivity) -> bytes:
    """Quality over the number of 16-bit tensors, and the tensors that cost most, as a PNG file."""
    rows = min(_MOST_ROWS, len(result.tensors))
    has_pesq = result.float_pesq is not None
    figure = Figure(figsize=(WIDTH_IN, max(3.4, 1.2 + 0.19 * rows)), facecolor="white", layout="constrained")
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=(1.15, 1)))
    if has_pesq:
        above, below = left.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        _pesq(below, result)
    else:
        above = below = left.subplots()
    _sqnr(above, result)
    below.set_xlabel("tensors in 16 bits", fontsize=8.5, color=MUTED)
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    _tensors(right.subplots(), result, rows)
    return png(figure)


def _sqnr(ax: Axes, result: Sensitivity) -> None:
    """Expected and measured SQNR, the budget, and what is left when all are wide."""
    counts, expected = _expected(result)
    ax.plot(counts, expected, color=_QUIET, linewidth=1.6, label="expected, ranked one after the other")
    finite = [point for point in result.points if math.isfinite(point.sqnr_db)]
    ax.plot(
        [len(point.wide) for point in finite],
        [point.sqnr_db for point in finite],
        "o",
        color=ACCENT,
        markersize=4.5,
        label="measured with the specification",
    )
    if math.isfinite(result.chosen.sqnr_db):
        ax.plot(
            [len(result.chosen.wide)],
            [result.chosen.sqnr_db],
            "o",
            markersize=10,
            markerfacecolor="none",
            markeredgecolor=WARM,
            markeredgewidth=1.6,
            label="chosen" if result.is_met else "best",
        )
    if result.budget.kind == "sqnr":
        ax.axhline(result.budget.value, color=WARM, linewidth=1.0, linestyle=(0, (5, 3)), label="budget")
    if math.isfinite(result.floor_db):
        ax.axhline(result.floor_db, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)), label="all tensors in 16 bits")
    ax.grid(axis="y", color="#e4e7eb", linewidth=0.7)
    ax.legend(fontsize=7.5, frameon=False, labelcolor=INK, loc="best")
    title(ax, "SQNR of the output", "dB, against the float model")


def _expected(result: Sensitivity) -> tuple[list[int], list[float]]:
    """How many tensors are wide behind each step of the ranking, and the SQNR that is expected there."""
    sizes = [1 + len(one.along) for one in result.tensors if one.can_be_wide]
    counts = [sum(sizes[:step]) for step in range(len(sizes) + 1)]
    pairs = [(n, db) for n, db in zip(counts, result.expected_db, strict=True) if math.isfinite(db)]
    return [n for n, _ in pairs], [db for _, db in pairs]


def _pesq(ax: Axes, result: Sensitivity) -> None:
    points = [(len(point.wide), point.pesq_loss) for point in result.points if point.pesq_loss is not None]
    ax.plot(*zip(*points, strict=True), "o", color=ACCENT, markersize=4.5)
    ax.axhline(0.0, color=_QUIET, linewidth=0.9)
    if result.budget.kind == "pesq":
        ax.axhline(result.budget.value, color=WARM, linewidth=1.0, linestyle=(0, (5, 3)))
    ax.grid(axis="y", color="#e4e7eb", linewidth=0.7)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    title(ax, "PESQ lost", "mean, against the float model")


def _tensors(ax: Axes, result: Sensitivity, rows: int) -> None:
    shown = result.tensors[:rows]
    chosen = set(result.chosen.wide)
    colours = [WARM if one.tensor in chosen else ACCENT if one.can_be_wide else _QUIET for one in shown]
    ax.barh(range(rows), [100.0 * one.share for one in shown], color=colours, height=0.72)
    ax.set_yticks(range(rows), [one.tensor for one in shown])
    ax.invert_yaxis()
    ax.set_ylim(rows - 0.4, -0.6)
    ax.set_xlabel("% of the noise; orange: chosen, grey: cannot be 16 bits", fontsize=8.5, color=MUTED)
    title(ax, "What 8 bits of each tensor cost", "" if rows == len(result.tensors) else f"the first {rows}")
