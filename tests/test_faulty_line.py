"""A link that survives: what comes over a line that loses bytes, is unplugged, or whose board restarts, is identical
to what comes over a sound one; or the run ends with an error that names what happened."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from conftest import DATA, needs_arm, needs_qemu
from faulty_line import KINDS, FaultyLine

from slimse_mcu.board import board
from slimse_mcu.harness.link import LinkErrors
from slimse_mcu.harness.session import FrameResult, Session

FRAMES = 1000
HOP = 256


@pytest.fixture(scope="module")
def audio() -> np.ndarray:
    """Noisy speech, int16 ``[frames, hop]``."""
    clips = [soundfile.read(path, dtype="int16")[0] for path in sorted((DATA / "noisy").glob("*.wav"))]
    return np.concatenate(clips)[: FRAMES * HOP].reshape(FRAMES, HOP)


def streamed(session: Session, audio: np.ndarray) -> list[FrameResult]:
    session.configure("pcm")
    session.reset()
    return list(session.frames(audio))


@pytest.fixture(scope="module")
def undisturbed(build_tiny, audio):
    """``undisturbed(name)``: what a board answers over a sound line."""
    known: dict[str, list[FrameResult]] = {}

    def get(name: str) -> list[FrameResult]:
        if name not in known:
            with Session(board(name), build_tiny(name)) as session:
                known[name] = streamed(session, audio)
                assert session.errors == LinkErrors()
        return known[name]

    return get


def assert_identical(ours: list[FrameResult], theirs: list[FrameResult]) -> None:
    assert len(ours) == len(theirs) == FRAMES
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one.output, other.output)
        np.testing.assert_array_equal(one.gates, other.gates)
        assert (one.index, one.macs, one.count, one.count_total) == (
            other.index,
            other.macs,
            other.count,
            other.count_total,
        )


@pytest.mark.parametrize("rate", [1e-4, 1e-3])
@pytest.mark.parametrize("kind", KINDS)
def test_damage_leaves_no_trace(build_tiny, audio, undisturbed, kind, rate):
    image = build_tiny("host")
    with (
        FaultyLine(board("host"), image, rates={kind: rate}) as line,
        Session(board("host"), image, port=line.url) as session,
    ):
        assert_identical(streamed(session, audio), undisturbed("host"))
        errors = session.errors
    assert line.faults > 10
    assert (errors.damaged > 0 and errors.refused > 0) or kind == "delay"
    assert errors.restarts == errors.reconnects == 0


@needs_arm
@needs_qemu
def test_all_at_once_on_an_emulated_core(build_tiny, audio, undisturbed):
    image = build_tiny("virtual-m4")
    with (
        FaultyLine(board("virtual-m4"), image, rates=dict.fromkeys(KINDS, 1e-4), unplug_after=150_000) as line,
        Session(board("virtual-m4"), image, port=line.url) as session,
    ):
        assert_identical(streamed(session, audio), undisturbed("virtual-m4"))
        assert session.errors.reconnects == line.happened["unplug"] >= 2


def test_a_cable_that_is_pulled_and_put_back(build_tiny, audio, undisturbed):
    image = build_tiny("host")
    with (
        FaultyLine(board("host"), image, unplug_after=40_000) as line,
        Session(board("host"), image, port=line.url) as session,
    ):
        assert_identical(streamed(session, audio), undisturbed("host"))
        assert session.errors.reconnects == line.happened["unplug"] > 5
        assert session.errors.restarts == 0


@pytest.mark.parametrize("name", ["host", pytest.param("virtual-m4", marks=[needs_arm, needs_qemu])])
def test_a_board_that_restarts_in_mid_run(build_tiny, audio, undisturbed, name):
    image = build_tiny(name)
    told: list[str] = []
    with (
        FaultyLine(board(name), image, reset_after=90_000, times=3) as line,
        Session(board(name), image, port=line.url, notice=told.append) as session,
    ):
        assert_identical(streamed(session, audio), undisturbed(name))
        assert session.errors.restarts == line.happened["reset"] == 3
    assert any("has restarted" in one for one in told)


def test_everything_at_once(build_tiny, audio, undisturbed):
    image = build_tiny("host")
    rates = dict.fromkeys(KINDS, 3e-4)
    with (
        FaultyLine(board("host"), image, rates=rates, unplug_after=150_000, reset_after=200_000, times=2) as line,
        Session(board("host"), image, port=line.url) as session,
    ):
        assert_identical(streamed(session, audio), undisturbed("host"))
    assert line.happened == {"unplug": 2, "reset": 2}
