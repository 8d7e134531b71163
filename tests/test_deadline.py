"""Deadlines: how loads are spread, which frame is the longest, and what none may exceed."""

from __future__ import annotations

import numpy as np
import pytest

from slimse_mcu.deadline import Clock, deadline_of
from slimse_mcu.decisions import Decisions
from slimse_mcu.run import Run
from slimse_mcu.streaming import GateLayout

LAYOUT = GateLayout({"block": 0, "policy": 2}, {"block": 9, "policy": 3}, 3)
DECISIONS = Decisions(LAYOUT, {"policy": ("head", "group", "mix")})
CYCLES = Clock(16.0, 1_000_000, "cycles")
"""16,000 cycles a frame."""


def run(totals: list[int] | None, macs: list[int], gates: list[list[int]] | None = None) -> Run:
    """A board's run; counts are those with front and back end."""
    frames = len(macs)
    counts = None if totals is None else np.array(totals, np.int64)
    packed = np.array(gates if gates is not None else [[0, 0, 0]] * frames, np.uint8)
    return Run(packed, np.array(macs, np.int64), counts, counts, np.zeros((frames, 1), np.int16))


OPENED = run([15_000, 15_500], [100, 100])


def test_loads_are_spread_over_all_recordings():
    runs = [("one", run([8_000] * 90, [50] * 90)), ("two", run([16_000] * 8 + [16_001, 12_000], [60] * 10))]
    found = deadline_of(CYCLES, runs, OPENED, DECISIONS, 100)
    assert found.load_p50 == 0.5
    assert found.load_p95 == 1.0
    assert found.load_p99 == 1.0
    assert found.load_max == 16_001 / 16_000
    assert found.load_mean == pytest.approx((90 * 8_000 + 8 * 16_000 + 28_001) / 1_600_000)
    assert found.misses == 1, "a frame that takes all of its time is in time"


def test_the_longest_frame_is_told_with_its_gates():
    first = run([9_000, 10_000], [90, 80])
    second = run([9_500, 12_000, 11_000], [70, 60, 95], [[0, 0, 0], [0b101, 1, 0b110], [0xFF, 1, 7]])
    found = deadline_of(CYCLES, [("one", first), ("two", second)], OPENED, DECISIONS, 100).worst_frame
    assert (found.file, found.frame, found.macs, found.count) == ("two", 1, 60, 12_000)
    assert found.open == {"block": 3, "head": 0, "group": 1, "mix": 1}
    assert bytes.fromhex(found.gates) == bytes([0b101, 1, 0b110])


def test_where_nothing_is_counted_the_longest_frame_is_the_one_with_most_macs():
    runs = [("one", run(None, [90, 80])), ("two", run(None, [70, 95]))]
    found = deadline_of(Clock(16.0, 0, "none"), runs, run(None, [100]), DECISIONS, 100)
    assert (found.worst_frame.file, found.worst_frame.frame, found.worst_frame.count) == ("two", 1, None)
    assert (found.load_mean, found.load_p99, found.misses) == (None, None, None)
    assert (found.worst_case.macs, found.worst_case.count, found.worst_case.load) == (100, None, None)


def test_instructions_have_no_load():
    found = deadline_of(Clock(16.0, 1_000_000, "instructions"), [("one", run([9], [9]))], OPENED, DECISIONS, 100)
    assert (found.load_mean, found.load_max, found.misses, found.worst_case.load) == (None, None, None, None)
    assert (found.worst_frame.count, found.worst_case.count) == (9, 15_500)


def test_frames_beyond_the_worst_case_are_counted():
    runs = [("one", run([15_500, 15_501, 10_000], [100, 100, 101]))]
    found = deadline_of(CYCLES, runs, OPENED, DECISIONS, 100).worst_case
    assert (found.macs, found.count, found.load, found.exceeded) == (100, 15_500, 15_500 / 16_000, 2)
    assert deadline_of(CYCLES, [("one", run([15_500], [100]))], OPENED, DECISIONS, 100).worst_case.exceeded == 0
