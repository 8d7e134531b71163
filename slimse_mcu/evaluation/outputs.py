"""The files of an evaluation: ``results.json``, ``results.csv``, ``results.md`` and pictures."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from slimse_mcu.errors import SlimseError
from slimse_mcu.evaluation import statistics
from slimse_mcu.evaluation.activity import KINDS, SPEECH_RANGE_DB
from slimse_mcu.evaluation.evaluate import Evaluation
from slimse_mcu.evaluation.groups import CLEAN_DB, SNR_TAG
from slimse_mcu.evaluation.markdown import markdown
from slimse_mcu.evaluation.records import SignalRecord
from slimse_mcu.evaluation.summary import Load, ModelResult, Recording
from slimse_mcu.evaluation.worker import NOISY
from slimse_mcu.harness.quality import METRICS

FORMAT = 1
"""Version of ``results.json``."""

_MAGIC = "slimse-evaluation"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def check_out(out: Path) -> None:
    """Refuse a place that results cannot be written to, or where they would replace what slimse did not write.

    Raises:
        SlimseError: Names what is in the way.
    """
    hint = "Choose another --out."
    if out.exists() and not out.is_dir():
        raise SlimseError(f"{out} is a file, expected a folder.", hint=hint)
    if out.exists() and not os.access(out, os.W_OK | os.X_OK):
        raise SlimseError(f"The folder {out} cannot be written (Permission denied).", hint=hint)
    path = out / "results.json"
    if not path.exists():
        return
    try:
        ours = json.loads(path.read_text(encoding="utf-8")).get("format") == [_MAGIC, FORMAT]
    except (OSError, ValueError, AttributeError, RecursionError):
        ours = False
    if not ours:
        raise SlimseError(f"{out} holds results.json, which slimse evaluate did not write.", hint=hint)


def write(evaluation: Evaluation, out: Path) -> tuple[Path, ...]:
    """Write all files into a folder, each whole or not at all.

    Returns:
        Their paths.

    Raises:
        SlimseError: The folder cannot be written.
    """
    from slimse_mcu.evaluation.pictures import pictures

    contents: dict[str, bytes] = {
        "results.json": json_text(evaluation).encode(),
        "results.csv": csv_text(evaluation).encode(),
        "results.md": markdown(evaluation).encode(),
        **pictures(evaluation),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in contents.items():
            temporary = out / f".{name}.{os.getpid()}.part"
            try:
                temporary.write_bytes(data)
                temporary.replace(out / name)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SlimseError(
            f"The folder {out} cannot be written ({error.strerror}).", hint="Choose another --out."
        ) from error
    return tuple(out / name for name in contents)


# ---- results.json ---------------------------------------------------------------------------------------------------


def json_text(evaluation: Evaluation) -> str:
    """``results.json``; no NaN, no path, no time."""
    return json.dumps(to_json(evaluation), indent=1, allow_nan=False) + "\n"


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """The content of ``results.json``: plain values under stable keys; see docs/evaluation.md."""
    settings = evaluation.settings
    return {
        "format": [_MAGIC, FORMAT],
        "provenance": {
            "tool_version": evaluation.tool_version,
            "kind": evaluation.kind,
            "fingerprint": evaluation.fingerprint,
            "board": None if settings.target is None else settings.target.name,
            "dnsmos": evaluation.has_opinion,
            "bootstrap": {"draws": statistics.DRAWS, "seed": statistics.SEED, "confidence": statistics.CONFIDENCE},
            "silence_dbfs": settings.silence_dbfs,
            "speech_range_db": SPEECH_RANGE_DB,
            "clean_db": CLEAN_DB,
        },
        "left_out": [asdict(one) for one in evaluation.left_out],
        "models": {one.label: _model(one) for one in evaluation.models},
        "comparisons": [asdict(one) for one in evaluation.comparisons],
        "files": [_recording(evaluation, one) for one in evaluation.recordings],
    }


def _model(model: ModelResult) -> dict[str, Any]:
    unit, network, total = model.counts or (None, None, None)
    return {
        "name": model.facts.model_name,
        "sha256": model.facts.model_hash,
        "calibration_sha256": model.facts.calibration_hash,
        "quantization": model.facts.method,
        "macs_all_open": model.facts.macs_all_open,
        "overall": asdict(model.overall),
        "by": {tag: [asdict(one) for one in found] for tag, found in model.by.items()},
        "gates": {signal: {name: asdict(one) for name, one in found.items()} for signal, found in model.gates.items()},
        "situations": {name: _load(one) for name, one in model.situations.items()},
        "silence_to_noisy_speech": model.silence_ratio,
        "open_ratio_snr_rank_correlation": {"bins": model.snr_correlation_bins, "files": model.snr_correlation_files},
        "minus_float": {
            signal: {name: asdict(one) for name, one in found.items()} for signal, found in model.costs.items()
        },
        "flipped": None if model.flipped is None else asdict(model.flipped),
        "count": {
            "unit": unit,
            "network": None if network is None else asdict(network),
            "total": None if total is None else asdict(total),
        },
        "differing_frames": model.differing_frames,
    }


def _load(load: Load) -> dict[str, Any]:
    return asdict(load)


def _recording(evaluation: Evaluation, one: Recording) -> dict[str, Any]:
    channels = {model.label: model.facts.channels for model in evaluation.models}
    return {
        "name": one.name,
        "tags": dict(one.tags),
        "snr_db": one.snr_db,
        NOISY: asdict(one.noisy.scores),
        "models": {
            label: {signal: _signal(record, channels[label]) for signal, record in signals.items()}
            for label, signals in one.models.items()
        },
    }


def _signal(record: SignalRecord, channels: Mapping[str, int]) -> dict[str, Any]:
    total = record.total
    return {
        **asdict(record.scores),
        "frames": total.frames,
        "macs": total.macs / total.frames if total.frames else None,
        "open_ratio": _open_ratio(record, channels),
        "gates": {
            name: total.opened.get(name, 0) / (total.frames * count) for name, count in channels.items() if total.frames
        },
        "kinds": {kind: {"frames": work.frames, "macs": work.macs / work.frames} for kind, work in record.work.items()},
        "differing_frames": record.differing,
        "flipped": record.flipped,
    }


def _open_ratio(record: SignalRecord, channels: Mapping[str, int]) -> float | None:
    total = record.total
    bits = total.frames * sum(channels.values())
    return sum(total.opened.values()) / bits if bits else None


# ---- results.csv ----------------------------------------------------------------------------------------------------


def csv_text(evaluation: Evaluation) -> str:
    """``results.csv``: a row per recording, model and signal; the input's rows have no model."""
    tags = sorted({tag for one in evaluation.recordings for tag in one.tags if tag != SNR_TAG})
    columns = ["file", "model", "signal", "snr_db", *tags, *METRICS, "frames", "macs", "open_ratio"]
    columns += [f"{what}_{kind}" for kind in KINDS for what in ("frames", "macs")]
    columns += ["instructions_or_cycles", "instructions_or_cycles_total", "differing_frames"]
    channels = {model.label: model.facts.channels for model in evaluation.models}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for one in evaluation.recordings:
        start = [one.name, "", NOISY, one.snr_db, *(one.tags.get(tag) for tag in tags)]
        writer.writerow(_row([*start, *_values(one.noisy, {})], len(columns)))
        for label, signals in one.models.items():
            for signal, record in signals.items():
                start[1:3] = [label, signal]
                writer.writerow(_row([*start, *_values(record, channels[label])], len(columns)))
    return text.getvalue()


def _values(record: SignalRecord, channels: Mapping[str, int]) -> list[Any]:
    values: list[Any] = [getattr(record.scores, metric) for metric in METRICS]
    if not record.work:
        return values
    total = record.total
    values += [total.frames, total.macs / total.frames if total.frames else None, _open_ratio(record, channels)]
    for kind in KINDS:
        work = record.work.get(kind)
        values += [0, None] if work is None else [work.frames, work.macs / work.frames]
    frames = total.frames + 1  # the board also ran the frame that brings out the last hop
    values += [None, None] if record.count is None else [record.count.network / frames, record.count.total / frames]
    return [*values, record.differing]


def _row(values: list[Any], width: int) -> list[str]:
    """Cells as text, floats with all their digits; spreadsheets must not take a name for a formula."""
    cells = ["" if value is None else repr(value) if isinstance(value, float) else str(value) for value in values]
    cells += [""] * (width - len(cells))
    return [f"'{cell}" if cell.startswith(_FORMULA) and not _is_number(cell) else cell for cell in cells]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
