"""Tables of a sensitivity search on the terminal."""

from __future__ import annotations

import math

from rich.markup import escape

from slimse_mcu import screen
from slimse_mcu.sensitivity.results import Point, Sensitivity, TensorNoise

_MOST_ROWS = 24


def print_result(result: Sensitivity, *, all_rows: bool = False) -> None:
    """The tensors that cost most, the choices that were measured, and the answer."""
    shown = result.tensors if all_rows else result.tensors[:_MOST_ROWS]
    columns = ("tensor", "16 bits", "alone dB", "range dB", "noise", "gain dB", "PESQ", "RAM", "flash", "16-bit MACs")
    rows = screen.table(columns, right=range(2, 10), title="What 8 bits of each tensor cost")
    for one in shown:
        rows.add_row(*_row(one, one.tensor in result.chosen.wide))
    out = screen.console()
    out.print(rows)
    if len(shown) < len(result.tensors):
        out.print(f"and {len(result.tensors) - len(shown)} more that cost less")
    rows = screen.table(("tensors in 16 bits", "SQNR dB", "PESQ lost", "RAM", "flash", "16-bit MACs"), right=range(6))
    for point in result.points:
        rows.add_row(*_point(point))
    out.print(rows)
    out.print(
        f"Estimated SQNR with every tensor in 16 bits: {_decibels(result.floor_db)} dB; with 8-bit weights and all "
        f"tensors in float: {_decibels(result.weights_db)} dB.",
        soft_wrap=True,
    )
    hint = range_hint(result)
    if hint:
        out.print(hint, markup=False, soft_wrap=True)
    out.print(result.describe(), markup=False, soft_wrap=True)


def range_hint(result: Sensitivity) -> str:
    """What to do where values beyond a calibrated range make a quarter of the noise or more; empty elsewhere."""
    beyond = [one for one in result.tensors if one.range_db < result.chosen.sqnr_db + 6.0]
    if not beyond:
        return ""
    worst = sorted(beyond, key=lambda one: one.range_db)[:3]
    names = ", ".join(f"{one.tensor} ({one.range_db:.1f} dB)" for one in worst)
    return f"Values beyond the calibrated range cost much: {names}. Calibrate with recordings like these, and as loud."


def _row(one: TensorNoise, is_chosen: bool) -> tuple[str, ...]:
    name = escape(", ".join((one.tensor, *one.along)))
    more = [_signed(value) for value in (one.ram_bytes, one.flash_bytes)]
    return (
        name,
        "chosen" if is_chosen else "" if one.can_be_wide else "no",
        _decibels(one.alone_db),
        _decibels(one.range_db),
        f"{100 * one.share:.1f} %",
        f"{one.gain_db:.2f}",
        "-" if one.pesq_loss is None else f"{one.pesq_loss:+.4f}",
        *more,
        "-" if one.wide_macs is None else screen.size(one.wide_macs),
    )


def _point(point: Point) -> tuple[str, ...]:
    loss = "-" if point.pesq_loss is None else f"{point.pesq_loss:+.4f}"
    sizes = (point.model_bytes, point.weight_bytes, point.wide_macs)
    return (str(len(point.wide)), _decibels(point.sqnr_db), loss, *(screen.size(one) for one in sizes))


def _signed(value: int | None) -> str:
    if value is None:
        return "-"
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{screen.size(abs(value))}"


def _decibels(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "\N{INFINITY}"
