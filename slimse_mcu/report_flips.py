"""The section of ``report.html`` about decisions that differ between int8 and float."""

from __future__ import annotations

from typing import Any

from slimse_mcu.flips import FLOAT, FLOAT_INT8_GATES, INT8, INT8_FLOAT_GATES, RUNS, FlipAudit, GateFlips
from slimse_mcu.report_pictures import flips
from slimse_mcu.report_words import METRIC_NAMES, NOTHING, Table, decibels, plural, score, uri

_RUN_NAMES = {
    FLOAT: "Float model",
    FLOAT_INT8_GATES: "Float model, decisions of int8",
    INT8: "int8",
    INT8_FLOAT_GATES: "int8, decisions of the float model",
}
_METRICS = ("pesq_wb", "stoi", "si_sdr_db")


def flips_section(audit: FlipAudit | None) -> dict[str, Any] | None:
    """What the template places; None without an audit."""
    if audit is None:
        return None
    return {
        "text": _text(audit),
        "runs": _runs(audit),
        "runs_note": _runs_note(audit),
        "picture": uri(flips(audit), "image/png"),
        "gates": _gates(audit),
        "gates_note": (
            "Margin: distance of the float model's logit from the threshold, median. Error of the logit: what int8 in "
            "front of the gate makes of it, root mean square and mean, while all decisions are the float model's. "
            "MACs: what the decisions that differ cost of a frame in the mean."
        ),
    }


def _text(audit: FlipAudit) -> str:
    more = audit.macs[INT8] - audit.macs[FLOAT]
    return f"{audit.describe()} They {'cost' if more >= 0 else 'save'} {abs(more):,.0f} MACs per frame in the mean."


def _runs(audit: FlipAudit) -> Table:
    if not audit.audited_frames:
        return Table((), ())
    quality = audit.quality
    metrics = [metric for metric in _METRICS if any(getattr(one, metric) is not None for one in quality.values())]
    head = ("Network and decisions", *(METRIC_NAMES[metric][0] for metric in metrics), "SQNR of the output, dB")
    rows = []
    for run in RUNS:
        scores = (score(getattr(quality[run], metric), METRIC_NAMES[metric][2] + 1) for metric in metrics)
        rows.append((_RUN_NAMES[run], *scores, NOTHING if run == FLOAT else decibels(audit.sqnr_db[run])))
    return Table(head, tuple(rows))


def _runs_note(audit: FlipAudit) -> str:
    where = (
        "all frames" if audit.audited_frames == audit.frames else f"the first {plural(audit.audited_frames, 'frame')}"
    )
    return f"Each network with its own decisions and with those of the other, over {where}."


def _gates(audit: FlipAudit) -> Table:
    head = (
        "Gate", "Decisions", "Differ", "Opened", "Closed", "MACs", "Margin of those that differ", "Of the others",
        "Error of the logit", "Its mean",
    )  # fmt: skip
    return Table(head, tuple(_gate(name, one) for name, one in audit.gates.items()))


def _gate(name: str, one: GateFlips) -> tuple[str, ...]:
    margins = [NOTHING if margins is None else f"{margins.p50:.2g}" for margins in (one.flipped, one.kept)]
    errors = [
        NOTHING if one.logit_error is None else f"{one.logit_error:.2g}",
        NOTHING if one.logit_bias is None else f"{one.logit_bias:+.2g}",
    ]
    counts = (f"{one.decisions:,}", f"{one.share:.2%}", f"{one.opened:,}", f"{one.closed:,}")
    return (name, *counts, f"{one.macs:+,.0f}", *margins, *errors)
