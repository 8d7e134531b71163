"""``report.html``: one self-contained page.  All values are computed here; the template only places them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jinja2
import numpy as np
import soundfile
from numpy.typing import NDArray

from slimse_mcu import assets
from slimse_mcu.fidelity import StateError, TensorError
from slimse_mcu.report import SIGNALS, FileReport, GateUse, Report, metric_table
from slimse_mcu.report_flips import flips_section
from slimse_mcu.report_pictures import histogram, timeline
from slimse_mcu.report_sensitivity import sensitivity_section
from slimse_mcu.report_words import (
    METRIC_NAMES,
    NOTHING,
    Table,
    decibels,
    plural,
    ratio,
    score,
    short,
    size,
    uri,
    whole,
)

MOST_PICTURES = 4
"""Recordings that are shown as pictures and can be listened to; the tables hold all of them."""

_LONGEST_PLAYED_S = 20
_SIGNAL_NAMES = {"noisy": "Noisy", "float": "Float model", "device": "Board", "clean": "Clean"}


@dataclass(frozen=True, slots=True)
class Card:
    """A number that a reader should see first."""

    label: str
    value: str
    detail: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A row with a bar; ``percent`` of the width is filled."""

    label: str
    value: str
    percent: str
    detail: str


@dataclass(frozen=True, slots=True)
class Player:
    """A sound that the page can play."""

    label: str
    uri: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A recording's picture and sounds."""

    title: str
    detail: str
    uri: str
    players: tuple[Player, ...]


def html_text(report: Report) -> str:
    """``report.html`` as text, without reference to anything outside of it."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(assets.read_text("templates/report.html.j2"))
    return template.render(page=page(report))


def page(report: Report) -> dict[str, Any]:
    """Everything that the template places."""
    exact = report.bit_exact
    return {
        "title": str(report.provenance.get("model_name", "model")),
        "board": report.board_title,
        "subtitle": f"{plural(report.frames, 'frame')} of {plural(len(report.files), 'recording')}",
        "verdict_class": "bad" if exact.first_divergence else "good",
        "verdict": _verdict(report),
        "cards": _cards(report),
        "quality": _quality_table(report),
        "quality_note": _quality_note(report),
        "work": _work_table(report),
        "work_note": _work_note(report),
        "histogram": uri(histogram(_all_macs(report), report.macs.all_open, "MACs per frame"), "image/png"),
        "gates": _gate_bars(report, components=False),
        "components": _gate_bars(report, components=True),
        "states": _state_table(report),
        "tensors": _tensor_table(report),
        "flips": flips_section(report.flips),
        "sensitivity": sensitivity_section(report.sensitivity),
        "unseen": report.unseen,
        "quantization_note": _quantization_note(report),
        "drift": _drift_text(report),
        "memory": _memory_bars(report),
        "deadline": _deadline_text(report),
        "link": _link_text(report),
        "files": _file_table(report),
        "pictures": tuple(_picture(report, one) for one in report.files[:MOST_PICTURES]),
        "pictures_note": _pictures_note(report),
        "provenance": tuple(_flat(report.provenance)),
        "notes": tuple(f"{one.name}: {note}" for one in report.files for note in one.notes),
    }


# ---- small things ---------------------------------------------------------------------------------------


def _all_macs(report: Report) -> NDArray[np.int64]:
    return np.concatenate([one.run.macs for one in report.files])


def _verdict(report: Report) -> str:
    exact = report.bit_exact
    if exact.first_divergence is None:
        opened = f" ({report.provenance.get('all_open_frames', 0)} of them with all gates forced open)"
        return (
            f"Bit-exact: output, gates and MACs of all {exact.frames_compared:,} frames"
            f"{opened if report.gates else ''} equal the "
            f"{'NumPy' if exact.reference == 'numpy' else exact.reference} specification."
        )
    where = exact.first_divergence
    return "Not bit-exact: first difference " + ", ".join(f"{key} {value}" for key, value in where.items()) + "."


# ---- sections -------------------------------------------------------------------------------------------


def _cards(report: Report) -> tuple[Card, ...]:
    cards = []
    for metric, values in metric_table(report):
        name, _, digits = METRIC_NAMES[metric]
        if metric not in ("pesq_wb", "si_sdr_db") or values["device"] is None or values["noisy"] is None:
            continue
        gain = values["device"] - values["noisy"]
        cards.append(
            Card(
                name,
                f"{gain:+.{min(digits, 2)}f}",
                f"{values['noisy']:.2f} noisy, {values['device']:.2f} board",
            )
        )
    macs = report.macs
    if macs.saved_ratio is None or macs.all_open is None:
        cards.append(Card("MACs per frame", short(macs.mean), "mean"))
    else:
        detail = f"{short(macs.mean)} of {short(macs.all_open)} per frame"
        cards.append(Card("MACs saved", ratio(macs.saved_ratio), detail))
    cards.extend(_count_cards(report))
    if report.quantization is not None:
        detail = "at the output, int8 against float"
        cards.append(Card("SQNR", f"{decibels(report.quantization.output_sqnr_db)} dB", detail))
    memory = report.memory
    if memory.ram_total is not None and memory.flash_weights is not None and memory.flash_code is not None:
        flash = memory.flash_weights + memory.flash_code
        cards.append(Card("RAM", size(memory.ram_total), f"{size(flash)} flash"))
    return tuple(cards)


def _count_cards(report: Report) -> Iterable[Card]:
    count = report.count
    if count is None:
        return
    name = report.counter.capitalize()
    if count.saved_ratio is None or count.all_open is None:
        yield Card(f"{name} per frame", short(count.mean), "network, mean")
    else:
        detail = f"{short(count.mean)} of {short(count.all_open)} per frame"
        yield Card(f"{name} saved", ratio(count.saved_ratio), detail)
    if report.eta is not None:
        yield Card("eta", f"{report.eta:.2f}", f"of the saved MACs' share saved in {report.counter}")


def _quality_table(report: Report) -> Table:
    rows = []
    for metric, values in metric_table(report):
        name, unit, digits = METRIC_NAMES[metric]
        noisy, device = values["noisy"], values["device"]
        gain = NOTHING if noisy is None or device is None else f"{device - noisy:+.{digits}f}"
        rows.append((f"{name} ({unit})", *(score(values[signal], digits) for signal in SIGNALS), gain))
    return Table(("Mean over files", "Noisy", "Float model", "Board", "Gain of the board"), tuple(rows))


def _quality_note(report: Report) -> str:
    if metric_table(report):
        return "Scores against the clean reference (DNSMOS needs none), the delay of one hop removed."
    if report.sample_rate_hz is None:
        return "Not measured: features were sent, not audio."
    return "Not measured: no clean reference was given."


def _work_table(report: Report) -> Table:
    macs, count, total = report.macs, report.count, report.count_total
    columns = [("MACs", macs)] + ([(report.counter.capitalize(), count)] if count is not None else [])
    rows = [
        ("All gates open, mean", *(whole(one.all_open) for _, one in columns)),
        ("Gates decided, mean", *(whole(one.mean) for _, one in columns)),
        ("Median", *(whole(one.p50) for _, one in columns)),
        ("95th percentile", *(whole(one.p95) for _, one in columns)),
        ("99th percentile", *(whole(one.p99) for _, one in columns)),
        ("Greatest", *(whole(one.max) for _, one in columns)),
        ("Saved", *(ratio(one.saved_ratio) for _, one in columns)),
    ]
    if total is not None:
        rows.append(("With audio front and back end, mean", NOTHING, whole(total["mean"])))
        rows.append(("With audio front and back end, greatest", NOTHING, whole(total["max"])))
    if report.per_mac is not None:
        rows.append((f"{report.counter.capitalize()} per MAC", NOTHING, f"{report.per_mac:.2f}"))
    if report.eta is not None:
        rows.append(("eta", NOTHING, f"{report.eta:.3f}"))
    return Table(("Network, per frame", *(name for name, _ in columns)), tuple(rows))


def _work_note(report: Report) -> str:
    frames = report.provenance.get("all_open_frames", 0)
    text = ""
    if report.macs.all_open is not None:
        text = f"All gates open was measured on {plural(int(frames), 'frame')} by the same firmware. "
    if report.eta is not None:
        text += f"eta = saved share of {report.counter} / saved share of MACs. "
    if report.counter == "instructions":
        text += "This board is emulated: it counts executed instructions, which are not cycles."
    if report.counter == "none":
        text += "This board counts neither instructions nor cycles."
    return text.strip()


def _gate_bars(report: Report, *, components: bool) -> tuple[Bar, ...]:
    return tuple(
        Bar(name, ratio(use.open_ratio), f"{100 * use.open_ratio:.2f}", _opens(use))
        for name, use in report.gates.items()
        if use.is_component == components
    )


def _opens(use: GateUse) -> str:
    texts = [] if use.is_component else [f"{use.channels} channels"]
    return ", ".join(texts if use.macs is None else [*texts, f"{short(use.macs)} MACs"])


def _saturated(error: TensorError | StateError) -> str:
    """How many values, and their share where there are any."""
    count = error.saturated_values
    return f"{count:,} ({error.saturated:.2%})" if count else "0"


def _state_table(report: Report) -> Table:
    errors = report.quantization
    rows = [
        (
            one.state,
            f"{one.elements:,}",
            f"{one.max_abs:.4f} of {one.limit:g}",
            _saturated(one),
            decibels(one.sqnr_db),
        )
        for one in (errors.states if errors else ())
    ]
    return Table(("Recurrent state, int16", "Elements", "Greatest magnitude", "Saturated", "SQNR, dB"), tuple(rows))


def _tensor_table(report: Report) -> Table:
    errors = report.quantization
    rows = [
        (
            one.tensor,
            f"{one.minimum:.3g} to {one.maximum:.3g}",
            f"{one.scale:.3g}",
            str(one.zero_point),
            str(one.bits),
            _saturated(one),
            decibels(one.sqnr_db),
        )
        for one in (errors.tensors if errors else ())
    ]
    head = ("Tensor", "Range in calibration", "Step", "Zero point", "Bits", "Saturated", "SQNR, dB")
    return Table(head, tuple(rows))


def _quantization_note(report: Report) -> str:
    errors = report.quantization
    if errors is None:
        return "Not measured."
    worst = min(errors.tensors, key=lambda one: one.sqnr_db)
    text = (
        f"The board's arithmetic against the float model over {plural(errors.frames, 'frame')}, each with its own "
        f"state and decisions. SQNR at the output: {decibels(errors.output_sqnr_db)} dB; least: "
        f"{decibels(worst.sqnr_db)} dB, at {worst.tensor}. "
    )
    beyond = [one for one in errors.tensors if one.saturated_values]
    if not beyond:
        return text + "No value of any tensor lies beyond its range."
    most = max(beyond, key=lambda one: one.saturated)
    has = "has" if len(beyond) == 1 else "have"
    return text + (
        f"{plural(len(beyond), 'tensor')} of {len(errors.tensors)} {has} values beyond the range, most {most.tensor}: "
        f"{most.saturated:.2%}."
    )


def _drift_text(report: Report) -> str:
    errors = report.quantization
    if errors is None or errors.drift is None:
        return ""
    return errors.drift.describe()


def _memory_bars(report: Report) -> tuple[Bar, ...]:
    memory = report.memory
    parts = (
        ("Flash, weights", memory.flash_weights, report.board_flash_bytes, "flash"),
        ("Flash, code and constants", memory.flash_code, report.board_flash_bytes, "flash"),
        ("RAM, activations", memory.ram_arena, report.board_ram_bytes, "RAM"),
        ("RAM, state between frames", memory.ram_state, report.board_ram_bytes, "RAM"),
        ("RAM, whole image with stack", memory.ram_total, report.board_ram_bytes, "RAM"),
        ("Deepest stack", memory.stack_peak, report.board_ram_bytes, "RAM"),
    )
    bars = []
    for label, value, limit, what in parts:
        share = 0.0 if value is None or not limit else min(100.0, 100.0 * value / limit)
        detail = "" if not limit else f"of {size(limit)} {what}"
        bars.append(Bar(label, size(value), f"{share:.2f}", detail))
    return tuple(bars)


def _deadline_text(report: Report) -> str:
    deadline = report.deadline
    if deadline.hop_ms is None:
        return "Features were sent, not audio: there is no deadline."
    hop = f"A frame is due every {deadline.hop_ms:g} ms."
    if deadline.load_mean is None or deadline.load_max is None:
        return f"{hop} The load is not measured: only a board that counts cycles can tell.{_worst_text(report)}"
    quantiles = (("median", deadline.load_p50), ("95 % of frames", deadline.load_p95), ("99 %", deadline.load_p99))
    known = "".join(f", {what} {value:.1%}" for what, value in quantiles if value is not None)
    return (
        f"{hop} At {deadline.clock_hz / 1e6:g} MHz the load is {deadline.load_mean:.1%} in the mean{known} and "
        f"{deadline.load_max:.1%} at most; {plural(deadline.misses or 0, 'frame')} missed the deadline."
        f"{_worst_text(report)}"
    )


def _worst_text(report: Report) -> str:
    """The longest frame, and what no frame should exceed."""
    frame, case = report.deadline.worst_frame, report.deadline.worst_case
    if frame is None or case is None:
        return ""
    cost = f"{frame.macs:,} MACs" + ("" if frame.count is None else f", {frame.count:,} {report.counter}")
    bound = f"{case.macs:,} MACs" + ("" if case.count is None else f", {case.count:,} {report.counter}")
    opened = ", ".join(f"{name} {count}" for name, count in frame.open.items())
    limited = "" if report.limit is None else f" At most {report.limit} channels of each gate may be open."
    return (
        f"{limited} The longest frame is number {frame.frame} of {frame.file}: {cost}"
        f"{f'; open: {opened}' if opened else ''}. Worst case: {bound}; "
        f"{plural(case.exceeded, 'frame') if case.exceeded else 'no frame'} took more."
    )


def _link_text(report: Report) -> str:
    """How the numbers got here."""
    link = report.link
    mended = str(link.errors)
    told = (
        f"Mended on the way to the board: {mended}." if mended else "Nothing had to be mended on the way to the board."
    )
    if link.real_time is None or link.baud is None:
        return told
    return (
        f"{link.sent_bytes:.0f} bytes per frame went to the board and {link.received_bytes:.0f} came back: a line of "
        f"{link.baud:,} baud carries {link.real_time:.1f} times real time. {told}"
    )


def _file_table(report: Report) -> Table:
    metrics = [metric for metric, _ in metric_table(report) if not metric.startswith("dnsmos")]
    signals = SIGNALS if metrics else ()
    head = ["Recording", "Frames", "MACs, mean", "Saved"]
    head += [report.counter.capitalize() + ", mean"] * (report.count is not None)
    short = {metric: METRIC_NAMES[metric][0].partition(" ")[0] for metric in metrics}
    head += [f"{short[m]} {_SIGNAL_NAMES[s].lower()}" for m in metrics for s in signals]
    return Table(tuple(head), tuple(_file_row(report, one, metrics) for one in report.files))


def _file_row(report: Report, file: FileReport, metrics: list[str]) -> tuple[str, ...]:
    mean = float(file.run.macs.mean())
    saved = None if not report.macs.all_open else 1.0 - mean / report.macs.all_open
    row = [file.name, f"{file.run.frames:,}", whole(mean), ratio(saved)]
    if report.count is not None:
        row.append(NOTHING if file.run.count is None else whole(float(file.run.count.mean())))
    for metric in metrics:
        for signal in SIGNALS:
            scores = file.scores.get(signal)
            value = None if scores is None else getattr(scores, metric)
            row.append(score(value, min(2, METRIC_NAMES[metric][2])))
    return tuple(row)


def _picture(report: Report, file: FileReport) -> Picture:
    hop = 1 if report.sample_rate_hz is None else file.run.output.shape[1]
    picture = timeline(file, report.sample_rate_hz, hop, report.macs.all_open)
    players = []
    if report.sample_rate_hz is not None:
        most = _LONGEST_PLAYED_S * report.sample_rate_hz
        for name in ("noisy", "float", "device", "clean"):
            if name in file.audio and len(file.audio[name]) <= most:
                players.append(Player(_SIGNAL_NAMES[name], _sound(file.audio[name], report.sample_rate_hz)))
    return Picture(file.name, plural(file.run.frames, "frame"), uri(picture, "image/png"), tuple(players))


def _sound(samples: NDArray[np.int16], sample_rate_hz: int) -> str:
    stream = io.BytesIO()
    soundfile.write(stream, samples, sample_rate_hz, subtype="PCM_16", format="WAV")
    return uri(stream.getvalue(), "audio/wav")


def _pictures_note(report: Report) -> str:
    more = len(report.files) - MOST_PICTURES
    return "" if more <= 0 else f"The first {MOST_PICTURES} recordings; {more} more are in the table above."


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, value in values.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}, ")
        elif value not in (None, "", [], ()):
            yield name, f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
