"""The section of ``report.html`` about the search that chose the tensors of 16 bits."""

from __future__ import annotations

from typing import Any

from slimse_mcu.report_words import NOTHING, Table, decibels, plural, uri
from slimse_mcu.sensitivity.picture import tradeoff
from slimse_mcu.sensitivity.results import Point, Sensitivity, TensorNoise


def sensitivity_section(result: Sensitivity | None) -> dict[str, Any] | None:
    """What the template places; None where no search chose."""
    if result is None:
        return None
    return {
        "text": _text(result),
        "picture": uri(tradeoff(result), "image/png"),
        "points": _points(result),
        "tensors": _tensors(result),
        "tensors_note": (
            "Alone: SQNR of the output where this tensor alone has 8 bits and all others have 16. Range: where it "
            "alone keeps to its calibrated range. Gain: expected of 16 bits for it alone. RAM, flash: what that takes, "
            "without the code of 16-bit layers."
        ),
    }


def _text(result: Sensitivity) -> str:
    chosen = f" Chosen: {', '.join(result.chosen.wide)}." if result.chosen.wide else ""
    return (
        f"Searched on {plural(result.frames, 'frame')} of {plural(result.recordings, 'recording')}, ranked by "
        f"{result.metric}. {result.describe()}{chosen} Estimated SQNR with every tensor in 16 bits: "
        f"{decibels(result.floor_db)} dB; with 8-bit weights and all else in float: {decibels(result.weights_db)} dB."
    )


def _points(result: Sensitivity) -> Table:
    head = ("Tensors in 16 bits", "SQNR, dB", "PESQ lost", "RAM", "Constants", "MACs on 16 bits")
    return Table(head, tuple(_point(point) for point in result.points))


def _point(point: Point) -> tuple[str, ...]:
    loss = NOTHING if point.pesq_loss is None else f"{point.pesq_loss:+.4f}"
    sizes = (point.model_bytes, point.weight_bytes, point.wide_macs)
    return (str(len(point.wide)), decibels(point.sqnr_db), loss, *(f"{one:,}" for one in sizes))


def _tensors(result: Sensitivity) -> Table:
    head = ("Tensor", "Alone, dB", "Range, dB", "Share of the noise", "Gain, dB", "RAM", "Flash", "MACs on 16 bits")
    return Table(head, tuple(_tensor(one) for one in result.tensors))


def _tensor(one: TensorNoise) -> tuple[str, ...]:
    more = [NOTHING if value is None else f"{value:+,}" for value in (one.ram_bytes, one.flash_bytes)]
    macs = NOTHING if one.wide_macs is None else f"{one.wide_macs:,}"
    ratios = (decibels(one.alone_db), decibels(one.range_db), f"{one.share:.1%}", f"{one.gain_db:.2f}")
    return (", ".join((one.tensor, *one.along)), *ratios, *more, macs)
