"""Whether a firmware got slower, larger or worse than it was: one ``report.json`` against an earlier one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slimse_mcu.errors import SlimseError

_SLOWER = {
    "macs.mean": "MACs per frame",
    "count.mean": "{counter} per frame",
    "count.max": "{counter} of the longest frame",
    "count_total.mean": "{counter} per frame with STFT",
    "count_total.max": "{counter} of the longest frame with STFT",
}
_LARGER = {
    "memory.flash_weights": "bytes of weights",
    "memory.flash_code": "bytes of code",
    "memory.ram_total": "bytes of RAM",
    "memory.stack_peak": "bytes of stack used",
}
_WORSE = {"pesq_wb": 0.03, "stoi": 0.005, "si_sdr_db": 0.2}


@dataclass(frozen=True, slots=True)
class Limits:
    """What is still no regression.

    Attributes:
        slower: Share by which MACs, instructions or cycles may grow.
        larger: Share by which code, weights, RAM and stack may grow.
        worse: By metric of quality, what may be lost.
    """

    slower: float = 0.02
    larger: float = 0.02
    worse: Mapping[str, float] = field(default_factory=lambda: dict(_WORSE))


@dataclass(frozen=True, slots=True)
class Regression:
    """One number that got worse.

    Attributes:
        what: In words.
        before: What it was.
        now: What it is.
        limit: What it could have been.
    """

    what: str
    before: float
    now: float
    limit: float

    def __str__(self) -> str:
        return f"{self.what}: {_number(self.now)}, was {_number(self.before)}, limit {_number(self.limit)}"


def read_report(path: Path) -> dict[str, Any]:
    """A ``report.json``.

    Raises:
        SlimseError: It is none.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SlimseError(f"{path} cannot be read as a report ({error}).", hint="Measure once to make it.") from error
    if not isinstance(report, dict) or not {"board", "counter", "macs", "memory", "quality"} <= report.keys():
        raise SlimseError(f"{path} is no report of slimse.", hint="Measure once to make it.")
    return report


def regressions(now: Mapping[str, Any], before: Mapping[str, Any], limits: Limits = Limits()) -> list[Regression]:
    """What is slower, larger or worse than before, beyond the limits.

    Args:
        now: Content of a ``report.json``.
        before: Of an earlier one, of the same recordings on the same board.
        limits: What is still no regression.

    Raises:
        SlimseError: The two cannot be compared: another board, another counter, or other recordings.
    """
    for key in ("board", "counter", "frames", "files"):
        if now.get(key) != before.get(key):
            raise SlimseError(
                f"The reports cannot be compared: {key} is {now.get(key)} and was {before.get(key)}.",
                hint="Measure the same recordings on the same board, or make a new baseline.",
            )
    return [*_grown(now, before, _SLOWER, limits.slower), *_grown(now, before, _LARGER, limits.larger), *_lost(
        now, before, limits.worse
    ), *_misses(now, before)]  # fmt: skip


def _grown(
    now: Mapping[str, Any], before: Mapping[str, Any], names: Mapping[str, str], share: float
) -> Iterator[Regression]:
    for path, words in names.items():
        ours, theirs = _at(now, path), _at(before, path)
        if ours is not None and theirs is not None and ours > theirs * (1 + share):
            yield Regression(words.format(counter=now["counter"]), theirs, ours, theirs * (1 + share))


def _lost(now: Mapping[str, Any], before: Mapping[str, Any], worse: Mapping[str, float]) -> Iterator[Regression]:
    for metric, allowed in worse.items():
        ours, theirs = _at(now, f"quality.device.{metric}"), _at(before, f"quality.device.{metric}")
        if ours is not None and theirs is not None and ours < theirs - allowed:
            yield Regression(metric, theirs, ours, theirs - allowed)


def _misses(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Regression]:
    ours, theirs = _at(now, "deadline.misses"), _at(before, "deadline.misses")
    if ours is not None and theirs is not None and ours > theirs:
        yield Regression("missed deadlines", theirs, ours, theirs)


def _at(report: Mapping[str, Any], path: str) -> float | None:
    """The number at ``"a.b.c"``; None where there is none."""
    value: Any = report
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, int | float) else None


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"
