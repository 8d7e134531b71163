"""Words, numbers and tables of ``report.html``."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np

METRIC_NAMES = {
    "pesq_wb": ("PESQ wide band", "1 to 4.64", 3),
    "stoi": ("STOI", "0 to 1", 3),
    "si_sdr_db": ("SI-SDR", "dB", 2),
    "dnsmos_ovrl": ("DNSMOS overall", "1 to 5", 3),
    "dnsmos_sig": ("DNSMOS speech", "1 to 5", 3),
    "dnsmos_bak": ("DNSMOS background", "1 to 5", 3),
}
NOT_MEASURED = "not measured"
NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a head; the first column is a name, the others are numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def plural(number: int, noun: str) -> str:
    """``1 frame``, ``2,000 frames``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def ratio(value: float | None) -> str:
    """A share in percent."""
    return NOTHING if value is None else f"{value:.1%}"


def whole(value: float | None) -> str:
    """A number without decimals."""
    return NOTHING if value is None else f"{value:,.0f}"


def short(value: float) -> str:
    """Three digits: ``1.23 M``."""
    for unit, one in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= one:
            return f"{value / one:.3g} {unit}"
    return f"{value:.3g}"


def size(value: int | None) -> str:
    """Bytes."""
    if value is None:
        return NOT_MEASURED
    return f"{value:,} B" if value < 10240 else f"{value / 1024:,.1f} KiB"


def score(value: float | None, digits: int) -> str:
    """A number that may not be known."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def decibels(value: float) -> str:
    """A ratio in dB, which may be infinite."""
    return f"{value:.1f}" if np.isfinite(value) else "\N{INFINITY}"


def uri(data: bytes, kind: str) -> str:
    """Bytes of a media type as an address that needs no file."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
