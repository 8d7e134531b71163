"""Picture of a profile: what every layer costs, in execution order, and which functions do the work."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from slimse_mcu.report_pictures import ACCENT, INK, MUTED, WARM, WIDTH_IN, png, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from slimse_mcu.profile import Profile

_MOST_FUNCTIONS = 12
_COLOURS = (ACCENT, "#4c78a8", "#b45309", "#7c5295", "#5f7f3f", "#a3455b", "#8a8d91", "#2f9e9e")
_ROW_IN = 0.165


def profile_picture(profile: Profile) -> bytes:
    """Bars per layer and per function, as a PNG file."""
    rows, functions = len(profile.layers), min(_MOST_FUNCTIONS, len(profile.functions))
    heights = (_ROW_IN * rows + 0.5, _ROW_IN * functions + 0.5)
    figure = Figure(figsize=(WIDTH_IN, 1.0 + sum(heights)), facecolor="white", layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=heights)
    _layers(above, profile)
    _functions(below, profile, functions)
    return png(figure)


def _layers(ax: Axes, profile: Profile) -> None:
    kinds = list(dict.fromkeys(layer.op for layer in profile.layers))
    colours = dict(zip(kinds, cycle(_COLOURS), strict=False))
    labelled: set[str] = set()
    for row, layer in enumerate(profile.layers):
        label = "" if layer.op in labelled else layer.op.replace("_", " ")
        labelled.add(layer.op)
        ax.barh(row, layer.instructions, color=colours[layer.op], height=0.74, label=label)
        note = "" if layer.per_mac is None else f" {layer.per_mac:.2f} per MAC"
        end = max(layer.instructions, layer.cycles if profile.basis else 0.0)
        ax.text(end, row, note, va="center", fontsize=6.5, color=MUTED)
    if profile.basis:
        places = [layer.cycles for layer in profile.layers]
        ax.plot(places, range(len(places)), "|", color=INK, markersize=6, label="modelled cycles")
    _rows(ax, [layer.name for layer in profile.layers], 0.14)
    ax.legend(fontsize=7.5, frameon=False, labelcolor=INK, loc="best", ncols=2)
    network = profile.network
    detail = f"{network.instructions:,.0f} instructions, {profile.macs:,.0f} MACs per frame, gates: {profile.gates}"
    title(ax, f"{profile.model} on {profile.board}: instructions per layer", detail)


def _functions(ax: Axes, profile: Profile, rows: int) -> None:
    shown = profile.functions[:rows]
    ax.barh(range(rows), [one.instructions for one in shown], color=WARM, height=0.74)
    for row, one in enumerate(shown):
        ax.text(
            one.instructions,
            row,
            f" {one.instructions / profile.total.instructions:.1%}, {one.code_bytes} bytes of code",
            va="center",
            fontsize=6.5,
            color=MUTED,
        )
    _rows(ax, [one.name for one in shown], 0.22)
    title(ax, "Instructions per function", "its own code alone")


def _rows(ax: Axes, names: list[str], margin: float) -> None:
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.margins(x=margin)
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.grid(axis="x", color="#e4e7eb", linewidth=0.7)
    ax.set_axisbelow(True)
