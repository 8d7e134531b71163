"""Tables of an evaluation, for the terminal and for model cards alike.

A number is a mean; what stands behind ``±`` is half the width of its 95 % confidence interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slimse_mcu.evaluation.evaluate import Evaluation
from slimse_mcu.evaluation.signals import FLIPPED, FLOAT, INT8
from slimse_mcu.evaluation.statistics import Difference, Estimate
from slimse_mcu.evaluation.summary import SNR, Comparison, Load, ModelResult, Summary
from slimse_mcu.evaluation.worker import NOISY
from slimse_mcu.harness.quality import METRICS

_LABELS = {
    "pesq_wb": ("PESQ", 3),
    "stoi": ("STOI", 3),
    "si_sdr_db": ("SI-SDR, dB", 2),
    "dnsmos_ovrl": ("DNSMOS ovrl", 2),
    "dnsmos_sig": ("sig", 2),
    "dnsmos_bak": ("bak", 2),
}
_COSTS = {FLIPPED: "float with int8's gates - float"}
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Table:
    """Text in rows and columns.

    Attributes:
        title: What it shows.
        columns: Headings.
        rows: As many cells each as there are columns.
        words: How many columns from the left hold words; the others hold numbers.
        note: A sentence below it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    note: str = ""


def main_tables(evaluation: Evaluation) -> list[Table]:
    """What everybody wants to know: quality and work, what quantization costs, comparisons, by ratio, by situation."""
    found = [overall(evaluation), costs(evaluation)]
    found += [comparison(evaluation.comparisons)] if evaluation.comparisons else []
    found += [one for one in (by_snr(evaluation), situations(evaluation)) if one is not None]
    return found


def all_tables(evaluation: Evaluation) -> list[Table]:
    """The main tables, and those by every tag and of every gate."""
    found = main_tables(evaluation)
    if any(one.by_snr for one in evaluation.comparisons):
        found.append(comparison_by_snr(evaluation.comparisons))
    for model in evaluation.models:
        found += [grouped(model, tag) for tag in model.by]
        found += [gates(model)] if model.facts.channels else []
    return found


def overall(evaluation: Evaluation) -> Table:
    """Means of all recordings: the input, and every signal of every model."""
    metrics = _metrics(evaluation.models)
    columns = ("model", "signal", *(_LABELS[one][0] for one in metrics), "MACs per frame", "saved", "open")
    rows: list[tuple[str, ...]] = []
    for model in evaluation.models:
        for signal, scores in model.overall.scores.items():
            if signal == NOISY and rows and rows[0][2:] == (*_scores(scores, metrics), "", "", ""):
                continue  # the same input as the first model's
            load = model.overall.loads.get(signal)
            rows.append(("" if signal == NOISY else model.label, signal, *_scores(scores, metrics), *_load_cells(load)))
    files = max(one.overall.files for one in evaluation.models)
    title = f"Quality and work, {files} recordings of a {evaluation.kind} set"
    return Table(title, columns, tuple(rows), 2, "saved: share of the MACs of the same model with all gates open")


def costs(evaluation: Evaluation) -> Table:
    """What int8, and the board, change of the float model's scores, recording by recording."""
    metrics = _metrics(evaluation.models)
    rows = [
        (
            model.label,
            _COSTS.get(signal, f"{signal} - float"),
            *(_gap(found.get(one), _LABELS[one][1]) for one in metrics),
        )
        for model in evaluation.models
        for signal, found in model.costs.items()
    ]
    columns = ("model", "difference", *(_LABELS[one][0] for one in metrics))
    told = [f"{one.label} {100 * one.flipped.mean:.2f} %" for one in evaluation.models if one.flipped is not None]
    note = f"Decisions of int8 that differ from the float model's: {', '.join(told)}" if told else ""
    return Table("What quantization costs", columns, tuple(rows), 2, note)


def comparison(comparisons: Sequence[Comparison]) -> Table:
    """Models beside the baseline, over the same recordings."""
    rows = []
    for one in comparisons:
        for signal, found in one.scores.items():
            pesq, stoi, si_sdr = (found.get(name) for name in ("pesq_wb", "stoi", "si_sdr_db"))
            macs = one.macs if signal == INT8 else None
            rows.append(
                (
                    f"{one.model} - {one.baseline}",
                    signal,
                    _gap(pesq, 3),
                    _share(pesq),
                    _gap(stoi, 3),
                    _gap(si_sdr, 2),
                    _NONE if macs is None or macs.relative is None else f"{100 * macs.relative:+.1f} %",
                )
            )
    columns = ("difference", "signal", "PESQ", "PESQ, relative", "STOI", "SI-SDR, dB", "MACs")
    return Table(f"Compared with {comparisons[0].baseline}", columns, tuple(rows), 2)


def comparison_by_snr(comparisons: Sequence[Comparison]) -> Table:
    """What the models' int8 scores are above the baseline's, by signal-to-noise ratio."""
    columns = ["input"]
    for one in comparisons:
        columns += [f"{one.model}: PESQ", "STOI", "SI-SDR, dB"]
    names = dict.fromkeys(name for one in comparisons for name, _ in one.by_snr)
    rows = []
    for name in names:
        cells = [name]
        for one in comparisons:
            found = dict(one.by_snr).get(name, {}).get(INT8, {})
            cells += [_gap(found.get(metric), _LABELS[metric][1]) for metric in ("pesq_wb", "stoi", "si_sdr_db")]
        rows.append(tuple(cells))
    title = f"Compared with {comparisons[0].baseline} by signal-to-noise ratio, int8"
    return Table(title, tuple(columns), tuple(rows))


def by_snr(evaluation: Evaluation) -> Table | None:
    """PESQ, MACs and open ratio of every model by signal-to-noise ratio."""
    models = [one for one in evaluation.models if one.by.get(SNR)]
    if not models:
        return None
    columns = ["input", "files", "noisy PESQ"]
    for model in models:
        columns += [f"{model.label}: PESQ", "MACs", "open"]
    rows = []
    for group in models[0].by[SNR]:
        cells = [group.name, str(group.files), _number(group.scores[NOISY].get("pesq_wb"), 3)]
        for model in models:
            own = next((one for one in model.by[SNR] if one.place == group.place), None)
            cells += [_NONE] * 3 if own is None else _ratio_cells(own)
        rows.append(tuple(cells))
    told = [
        f"{one.label} {one.snr_correlation_bins:+.2f} over the bins, {one.snr_correlation_files or 0.0:+.2f} over files"
        for one in models
        if one.snr_correlation_bins is not None
    ]
    note = f"Rank correlation of the open ratio with the signal-to-noise ratio: {'; '.join(told)}" if told else ""
    return Table("By signal-to-noise ratio, int8", tuple(columns), tuple(rows), 1, note)


def situations(evaluation: Evaluation) -> Table | None:
    """MACs of every model by kind of frame."""
    names = [name for model in evaluation.models for name in model.situations]
    if not names:
        return None
    columns = ["frames"]
    for model in evaluation.models:
        columns += [f"{model.label}: MACs", "open"]
    rows = []
    for name in dict.fromkeys(names):
        loads = [model.situations.get(name) for model in evaluation.models]
        count = next(one.frames for one in loads if one is not None)
        cells = [f"{name} ({count})"]
        for load in loads:
            cells += [_NONE, _NONE] if load is None else [_macs(load.macs), _percent(load.opened)]
        rows.append(tuple(cells))
    told = [f"{one.label} {one.silence_ratio:.2f}" for one in evaluation.models if one.silence_ratio is not None]
    note = f"MACs in silence over those of speech in noise: {', '.join(told)}" if told else ""
    return Table("By what is in the frame, int8", tuple(columns), tuple(rows), 1, note)


def grouped(model: ModelResult, tag: str) -> Table:
    """Everything about a model by the values of a tag."""
    metrics = _metrics([model])
    columns = [tag.replace("_", " "), "files"]
    for name in metrics:
        columns += [f"{_LABELS[name][0]} noisy", FLOAT, INT8]
    columns += ["MACs", "open"]
    rows = []
    for group in model.by[tag]:
        cells = [group.name, str(group.files)]
        for name in metrics:
            cells += [
                _number(group.scores[signal].get(name), _LABELS[name][1], plain=True) for signal in (NOISY, FLOAT, INT8)
            ]
        load = group.loads.get(INT8)
        cells += [_NONE, _NONE] if load is None else [_macs(load.macs), _percent(load.opened)]
        rows.append(tuple(cells))
    return Table(f"{model.label} by {columns[0]}", tuple(columns), tuple(rows))


def gates(model: ModelResult) -> Table:
    """Share of open channels of every gate, or of frames in which a component is open."""
    rows = [
        (name, str(channels), *(_percent(model.gates.get(signal, {}).get(name)) for signal in (FLOAT, INT8)))
        for name, channels in model.facts.channels.items()
    ]
    return Table(f"{model.label}: what is open", ("gate", "channels", FLOAT, INT8), tuple(rows))


# ---- cells ----------------------------------------------------------------------------------------------------------


def _metrics(models: Sequence[ModelResult]) -> list[str]:
    """Metrics that any signal has."""
    return [name for name in METRICS if any(name in scores for one in models for scores in one.overall.scores.values())]


def _scores(scores: Mapping[str, Estimate], metrics: Sequence[str]) -> tuple[str, ...]:
    return tuple(_number(scores.get(name), _LABELS[name][1]) for name in metrics)


def _load_cells(load: Load | None) -> tuple[str, str, str]:
    if load is None:
        return "", "", ""
    return _macs(load.macs), f"{100 * load.saved:.1f} %" if load.opened else _NONE, _percent(load.opened)


def _ratio_cells(group: Summary) -> list[str]:
    load = group.loads.get(INT8)
    pesq = _number(group.scores[INT8].get("pesq_wb"), 3)
    return [pesq, _NONE if load is None else _macs(load.macs), _NONE if load is None else _percent(load.opened)]


def _number(value: Estimate | None, digits: int, *, plain: bool = False) -> str:
    if value is None:
        return _NONE
    if plain or value.low is None or value.high is None:
        return f"{value.mean:.{digits}f}"
    return f"{value.mean:.{digits}f} ± {(value.high - value.low) / 2:.{digits}f}"


def _macs(value: Estimate) -> str:
    return f"{value.mean:,.0f}"


def _percent(value: Estimate | None) -> str:
    return _NONE if value is None else f"{100 * value.mean:.1f} %"


def _gap(value: Difference | None, digits: int) -> str:
    if value is None:
        return _NONE
    if value.low is None or value.high is None:
        return f"{value.mean:+.{digits}f}"
    return f"{value.mean:+.{digits}f} ± {(value.high - value.low) / 2:.{digits}f}"


def _share(value: Difference | None) -> str:
    """The relative difference with its interval."""
    if value is None or value.relative is None:
        return _NONE
    text = f"{100 * value.relative:+.2f} %"
    if value.relative_low is None or value.relative_high is None:
        return text
    return f"{text} [{100 * value.relative_low:+.2f}, {100 * value.relative_high:+.2f}]"
