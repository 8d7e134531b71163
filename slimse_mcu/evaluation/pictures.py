"""Pictures of an evaluation as PNG files: open ratio and PESQ against the signal-to-noise ratio."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from slimse_mcu.evaluation.evaluate import Evaluation
from slimse_mcu.evaluation.groups import CLEAN_DB
from slimse_mcu.evaluation.signals import INT8
from slimse_mcu.evaluation.statistics import Estimate
from slimse_mcu.evaluation.summary import SNR, ModelResult, Summary
from slimse_mcu.evaluation.worker import NOISY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#1f2933"
MUTED = "#7b8794"
_COLOURS = ("#0f766e", "#b45309", "#4338ca", "#be123c", "#15803d", "#7e22ce", "#0369a1", "#a16207", "#525252")
_SIZE_IN = (7.0, 4.2)
_DPI = 120


def pictures(evaluation: Evaluation) -> dict[str, bytes]:
    """PNG files by name; none where no ratio is known.  The same evaluation gives the same bytes."""
    models = [one for one in evaluation.models if len(one.by.get(SNR, ())) > 1]
    if not models:
        return {}
    found = {"pesq-by-snr.png": _picture("PESQ wide band", models, _pesq(INT8), noisy=_pesq(NOISY))}
    gated = [one for one in models if one.facts.channels]
    if gated:
        found["open-ratio-by-snr.png"] = _picture("open, % of channels or components", gated, _opened)
    return {name: data for name, data in found.items() if data}


_Pick = Callable[[Summary], Estimate | None]


def _pesq(signal: str) -> _Pick:
    return lambda group: group.scores.get(signal, {}).get("pesq_wb")


def _opened(group: Summary) -> Estimate | None:
    load = group.loads.get(INT8)
    if load is None or load.opened is None:
        return None
    one = load.opened
    low, high = (None if end is None else 100 * end for end in (one.low, one.high))
    return Estimate(100 * one.mean, low, high, one.files)


def _picture(title: str, models: Sequence[ModelResult], pick: _Pick, noisy: _Pick | None = None) -> bytes:
    figure = Figure(figsize=_SIZE_IN, facecolor="white", layout="constrained")
    ax = figure.subplots()
    groups = sorted({(one.place, one.name) for model in models for one in model.by[SNR] if one.place is not None})
    places = _places([place for place, _ in groups])
    drawn = 0
    if noisy is not None:
        drawn += _line(ax, models[0], noisy, places, "noisy input", MUTED)
    for number, model in enumerate(models):
        drawn += _line(ax, model, pick, places, f"{model.label}, int8", _COLOURS[number % len(_COLOURS)])
    if not drawn:
        return b""
    ax.set_xticks(list(places.values()), [name.removesuffix(" dB") for _, name in groups])
    ax.set_xlabel("signal-to-noise ratio of the input, dB", fontsize=9, color=MUTED)
    ax.set_title(title, loc="left", fontsize=10, color=INK, fontweight="bold")
    ax.tick_params(labelsize=8, labelcolor=MUTED, color="#c4cdd5")
    ax.grid(axis="y", color="#e6edf0")
    ax.set_axisbelow(True)
    for spine in ax.spines.values():
        spine.set_color("#c4cdd5")
    ax.legend(fontsize=8, frameon=False)
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return file.getvalue()


def _places(ratios: Sequence[float]) -> dict[float, float]:
    """Where each ratio lies on the axis: clean speech a step beyond the others, however far it is."""
    noisy = [one for one in ratios if one < CLEAN_DB]
    step = (max(noisy) - min(noisy)) / (len(noisy) - 1) if len(noisy) > 1 else 5.0
    return {one: one if one < CLEAN_DB else (max(noisy) + 1.5 * step if noisy else one) for one in ratios}


def _line(ax: Axes, model: ModelResult, pick: _Pick, places: dict[float, float], label: str, colour: str) -> int:
    """Means with a band of their confidence intervals; 1 if anything was drawn."""
    points = [
        (places[group.place], one)
        for group in model.by[SNR]
        if group.place is not None and (one := pick(group)) is not None
    ]
    if not points:
        return 0
    x = [place for place, _ in points]
    ax.plot(x, [one.mean for _, one in points], "o-", color=colour, label=label, markersize=4, linewidth=1.6)
    low = [one.mean if one.low is None else one.low for _, one in points]
    high = [one.mean if one.high is None else one.high for _, one in points]
    ax.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
    return 1
