"""Pictures of a measurement as PNG bytes: spectrograms, gates over time, MACs per frame."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from slimse_mcu.flips import FlipAudit
    from slimse_mcu.report import FileReport

INK = "#1f2933"
MUTED = "#7b8794"
ACCENT = "#0f766e"
WARM = "#b45309"
OPEN_CLOSED = ListedColormap(["#e6edf0", ACCENT])

_WINDOW = 512
_HOP = 128
_FLOOR_DB = -80.0
_TITLES = {
    "noisy": "Noisy input",
    "device": "Output of the board",
    "float": "Output of the float model",
    "clean": "Clean reference",
}
WIDTH_IN = 11.0
_DPI = 110


def timeline(file: FileReport, sample_rate_hz: int | None, hop: int, macs_all_open: float | None) -> bytes:
    """One picture of a recording: spectrograms, gates and MACs over one time axis.

    Args:
        file: The recording.
        sample_rate_hz: Rate of its audio; None counts frames in place of seconds and shows no audio.
        hop: Samples per frame.
        macs_all_open: Drawn as a line above the MACs when known.

    Returns:
        A PNG file.
    """
    frame_s = 1.0 if sample_rate_hz is None else hop / sample_rate_hz
    signals = [name for name in _TITLES if name in file.audio and name != "float"]
    found, is_component = file.patterns(), file.decisions.is_component
    components = {name: bits for name, bits in found.items() if is_component(name)}
    channels = {name: bits for name, bits in found.items() if not is_component(name)}
    patterns = [one for one in (components, channels) if one]
    heights = [1.15] * len(signals) + [_gates_height(one) for one in patterns] + [1.1]
    figure = Figure(figsize=(WIDTH_IN, 0.7 + 1.28 * sum(heights)), facecolor="white", layout="constrained")
    axes = list(np.ravel(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)))
    for name, ax in zip(signals, axes, strict=False):
        _spectrogram(ax, file.audio[name], int(sample_rate_hz or 1), _TITLES[name])
    for one, ax in zip(patterns, axes[len(signals) :], strict=False):
        _gates(ax, one, frame_s, "Components" if one is components else "Gates, one row per channel")
    _macs(axes[-1], file.run.macs, frame_s, macs_all_open)
    axes[-1].set_xlim(0, file.run.frames * frame_s)
    axes[-1].set_xlabel("frame" if sample_rate_hz is None else "time [s]", fontsize=9, color=MUTED)
    return png(figure)


def _gates_height(patterns: Mapping[str, NDArray[np.bool_]]) -> float:
    rows = sum(one.shape[1] for one in patterns.values())
    if rows == len(patterns):  # a label each
        return 0.35 + 0.15 * rows
    return min(3.4, 0.8 + 0.27 * len(patterns))


def title(ax: Axes, text: str, detail: str = "") -> None:
    """A heading on the left, a detail on the right, and the look that all pictures share."""
    ax.set_title(text, loc="left", fontsize=9.5, color=INK, fontweight="bold", pad=4)
    if detail:
        ax.set_title(detail, loc="right", fontsize=8.5, color=MUTED, pad=4)
    ax.tick_params(labelsize=8, labelcolor=MUTED, color="#c4cdd5", length=3)
    for spine in ax.spines.values():
        spine.set_color("#c4cdd5")


def power_db(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """Spectrogram in dB below full scale, ``[bins, frames]``, hop 128, window 512."""
    padded = np.pad(samples.astype(np.float64) / 32768.0, (_WINDOW // 2, _WINDOW))
    starts = np.arange(0, max(1, len(samples)), _HOP)
    frames = padded[starts[:, None] + np.arange(_WINDOW)] * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2 / (_WINDOW / 4) ** 2
    return np.asarray(10.0 * np.log10(power.T + 10.0 ** (_FLOOR_DB / 10.0)))


def _spectrogram(ax: Axes, samples: NDArray[np.int16], sample_rate_hz: int, heading: str) -> None:
    image = power_db(samples)
    end_s = image.shape[1] * _HOP / sample_rate_hz
    ax.imshow(
        image,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=_FLOOR_DB,
        vmax=-10.0,
        extent=(0.0, end_s, 0.0, sample_rate_hz / 2000.0),
        interpolation="antialiased",
    )
    title(ax, heading, f"kHz, {_FLOOR_DB:.0f} to -10 dB full scale")
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def _gates(ax: Axes, gates: Mapping[str, NDArray[np.bool_]], frame_s: float, heading: str) -> None:
    names, patterns = zip(*gates.items(), strict=True)
    edges = np.concatenate([[0], np.cumsum([one.shape[1] for one in patterns])])
    stacked = np.concatenate(patterns, axis=1).T
    ax.imshow(
        stacked,
        origin="upper",
        aspect="auto",
        cmap=OPEN_CLOSED,
        vmin=0,
        vmax=1,
        extent=(0.0, stacked.shape[1] * frame_s, float(edges[-1]), 0.0),
        interpolation="antialiased",
        interpolation_stage="rgba",
    )
    for edge in edges[1:-1]:
        ax.axhline(edge, color="white", linewidth=1.4)
    labels = [f"{name}  {one.mean():.0%}" for name, one in zip(names, patterns, strict=True)]
    ax.set_yticks((edges[:-1] + edges[1:]) / 2, labels)
    title(ax, heading, f"filled = open, {stacked.mean():.1%} of all")


def _macs(ax: Axes, macs: NDArray[np.int64], frame_s: float, all_open: float | None) -> None:
    edges = np.arange(len(macs) + 1) * frame_s
    ax.stairs(macs, edges, fill=True, color=ACCENT, alpha=0.25, linewidth=0)
    ax.stairs(macs, edges, color=ACCENT, linewidth=1.0)
    detail = f"mean {macs.mean():,.0f}"
    top = float(macs.max())
    if all_open:
        ax.axhline(all_open, color=WARM, linewidth=1.1, linestyle=(0, (5, 3)))
        detail += f", dashed: all gates open {all_open:,.0f}"
        top = max(top, all_open)
    ax.set_ylim(0, 1.12 * top if top else 1.0)
    ax.yaxis.set_major_formatter(EngFormatter(sep=""))
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.grid(axis="y", color="#e4e7eb", linewidth=0.7)
    ax.set_axisbelow(True)
    title(ax, "Executed MACs per frame", detail)


def histogram(values: NDArray[Any], all_open: float | None, label: str) -> bytes:
    """How often a count per frame occurred, as a PNG file."""
    figure = Figure(figsize=(5.3, 2.2), facecolor="white", layout="constrained")
    ax = figure.subplots()
    ax.hist(values, bins=40, color=ACCENT, alpha=0.85)
    if all_open:
        ax.axvline(all_open, color=WARM, linewidth=1.2, linestyle=(0, (5, 3)))
        ax.set_xlim(0, 1.05 * max(all_open, float(values.max())))
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    title(ax, label, "frames" + (", dashed: all gates open" if all_open else ""))
    return png(figure)


_MOST_ROWS = 40


def flips(audit: FlipAudit) -> bytes:
    """Margins of all decisions, and the share of each gate's decisions that differ, as a PNG file."""
    rows = min(len(audit.gates), _MOST_ROWS)
    figure = Figure(figsize=(WIDTH_IN, max(2.6, 1.0 + 0.2 * rows)), facecolor="white", layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    _flip_margins(left, audit)
    _flip_shares(right, audit, rows)
    return png(figure)


def _flip_margins(ax: Axes, audit: FlipAudit) -> None:
    """How often each margin occurs, and how many of these decisions differ, eight bins of a decade each."""
    merged = 4
    edges = np.array(audit.edges[::merged])
    kept, flipped = (np.reshape(one, (-1, merged)).sum(axis=1) for one in (audit.kept, audit.flipped))
    some = np.flatnonzero(kept + flipped)
    first, last = (some[0], some[-1] + 1) if some.size else (0, 1)
    edges, kept, flipped = edges[first : last + 1], kept[first:last], flipped[first:last]
    ax.stairs(kept + flipped, edges, fill=True, color="#cbd5db", label="all decisions")
    ax.stairs(flipped, edges, fill=True, color=WARM, label="differ from float's")
    ax.set_xscale("log")
    ax.set_yscale("symlog", linthresh=1.0)
    ax.set_ylim(0, 3.0 * max(1, int(kept.max(initial=0) + flipped.max(initial=0))))
    ax.set_xlabel("distance of the float model's logit from the threshold", fontsize=8.5, color=MUTED)
    ax.legend(fontsize=8, frameon=False, labelcolor=INK, loc="upper left")
    title(ax, "Margins of the decisions", "how many")


def _flip_shares(ax: Axes, audit: FlipAudit, rows: int) -> None:
    """Bars: opened to the right, closed to the left; the gates that differ most where not all have room."""
    names = sorted(audit.gates, key=lambda name: -audit.gates[name].share)[:rows]
    names = [name for name in audit.gates if name in set(names)]
    found = [audit.gates[name] for name in names]
    opened, closed = (
        [100.0 * getattr(one, what) / max(1, one.decisions) for one in found] for what in ("opened", "closed")
    )
    ax.barh(range(rows), opened, color=ACCENT, height=0.72, label="opened")
    ax.barh(range(rows), [-one for one in closed], color=WARM, height=0.72, label="closed")
    ax.axvline(0.0, color="#c4cdd5", linewidth=0.9)
    ax.set_yticks(range(rows), [f"{name}  {one.share:.2%}" for name, one in zip(names, found, strict=True)])
    ax.invert_yaxis()
    ax.set_ylim(rows - 0.4, -0.6)
    most = max([*opened, *closed, 1e-3])
    ax.set_xlim(-1.12 * most, 1.12 * most)
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    ax.set_xlabel("% of the gate's decisions: closed (left), opened (right) by int8 alone", fontsize=8.5, color=MUTED)
    title(ax, "Decisions that differ")


def png(figure: Figure) -> bytes:
    """A figure as a file, the same bytes for the same figure."""
    stream = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None}, pil_kwargs={"compress_level": 4})
    return stream.getvalue()
