"""Slower, larger, worse: a report against an earlier one."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from slimse_mcu.errors import SlimseError
from slimse_mcu.regression import Limits, read_report, regressions

REPORT: dict[str, Any] = {
    "board": "virtual-m4",
    "counter": "instructions",
    "frames": 100,
    "files": 2,
    "macs": {"mean": 12000.0},
    "count": {"mean": 30000.0, "max": 40000},
    "count_total": {"mean": 90000.0, "max": 99000},
    "memory": {"flash_weights": 20000, "flash_code": 10000, "ram_total": 30000, "stack_peak": 600},
    "deadline": {"misses": None},
    "quality": {"device": {"pesq_wb": 1.5, "stoi": 0.8, "si_sdr_db": 4.0}},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The report with another value at ``a.b.c``."""
    report = copy.deepcopy(REPORT)
    *above, last = path.split(".")
    place = report
    for key in above:
        place = place[key]
    place[last] = value
    return report


def test_equal_reports_have_no_regressions():
    assert regressions(REPORT, REPORT) == []


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        ("macs.mean", 12241.0, "MACs per frame"),
        ("count.mean", 30601.0, "instructions per frame"),
        ("count.max", 40801, "instructions of the longest frame"),
        ("count_total.max", 101000, "instructions of the longest frame with STFT"),
        ("memory.flash_weights", 20401, "bytes of weights"),
        ("memory.flash_code", 10201, "bytes of code"),
        ("memory.ram_total", 30601, "bytes of RAM"),
        ("memory.stack_peak", 613, "bytes of stack used"),
        ("quality.device.pesq_wb", 1.46, "pesq_wb"),
        ("quality.device.stoi", 0.794, "stoi"),
        ("quality.device.si_sdr_db", 3.7, "si_sdr_db"),
    ],
)
def test_what_got_worse_is_named(path: str, value: float, what: str):
    (found,) = regressions(changed(path, value), REPORT)
    assert found.what == what
    assert found.now == value
    assert f"{what}: " in str(found)
    assert regressions(REPORT, changed(path, value)) == [], "better is no regression"


@pytest.mark.parametrize(
    ("path", "value"),
    [("count.mean", 30599.0), ("memory.flash_code", 10200), ("quality.device.pesq_wb", 1.48), ("count.mean", None)],
)
def test_what_stays_within_its_limit_is_no_regression(path: str, value: float | None):
    assert regressions(changed(path, value), REPORT) == []


def test_limits_are_the_callers():
    slower, worse = changed("count.mean", 30601.0), changed("quality.device.pesq_wb", 1.46)
    assert regressions(slower, REPORT, Limits(slower=0.05)) == []
    assert regressions(worse, REPORT, Limits(worse={"stoi": 0.01})) == []


def test_a_missed_deadline_is_a_regression():
    before, now = changed("deadline.misses", 0), changed("deadline.misses", 1)
    assert [one.what for one in regressions(now, before)] == ["missed deadlines"]


@pytest.mark.parametrize(("key", "value"), [("board", "host"), ("counter", "cycles"), ("frames", 99), ("files", 1)])
def test_reports_of_something_else_are_not_compared(key: str, value: Any):
    with pytest.raises(SlimseError, match=f"cannot be compared: {key} is") as caught:
        regressions(changed(key, value), REPORT)
    assert caught.value.hint


@pytest.mark.parametrize("text", [None, "", "[]", "{", json.dumps({"board": "host"}), '"text"'])
def test_a_baseline_that_is_none_is_refused(tmp_path: Path, text: str | None):
    path = tmp_path / "baseline.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SlimseError, match=r"baseline\.json") as caught:
        read_report(path)
    assert caught.value.hint


def test_a_baseline_is_read(tmp_path: Path):
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(REPORT))
    assert read_report(path) == REPORT
