"""Sessions over a line whose time is simulated: what is mended, how fast the line is, what cannot be mended."""

from __future__ import annotations

import math

import numpy as np
import pytest
import soundfile
from conftest import DATA
from faulty_line import KINDS
from firmware_native import NativeBoard
from simulated_line import Clock, SimulatedLine

from slimse_mcu.board import board
from slimse_mcu.errors import LinkError
from slimse_mcu.harness import link
from slimse_mcu.harness.link import LinkErrors
from slimse_mcu.harness.packets import ANSWER, Decoder, Kind, Packet, encode
from slimse_mcu.harness.session import FrameResult, Session

HOP = 256


@pytest.fixture(scope="module")
def native(tiny_compiled, tmp_path_factory) -> NativeBoard:
    """The tiny model's firmware in this process."""
    return NativeBoard(tmp_path_factory.mktemp("native"), tiny_compiled.project)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    stand_in = Clock()
    monkeypatch.setattr(link, "time", stand_in)
    return stand_in


@pytest.fixture(scope="module")
def audio() -> np.ndarray:
    """Noisy speech, int16 ``[frames, hop]``."""
    clips = [soundfile.read(path, dtype="int16")[0] for path in sorted((DATA / "noisy").glob("*.wav"))]
    return np.concatenate(clips)[: 600 * HOP].reshape(-1, HOP)


@pytest.fixture(scope="module")
def expected(build_tiny, audio) -> list[FrameResult]:
    with Session(board("host"), build_tiny("host")) as session:
        return list(session.frames(audio))


@pytest.fixture
def connect(native, clock, build_tiny):
    """``connect(window, **line)``: a session over a simulated line, and the line."""

    def make(window: int = 4, packed: bool = True, **options) -> tuple[Session, SimulatedLine]:
        native.grant(window)
        line = SimulatedLine(native, clock, **options)
        return Session(board("host"), build_tiny("host"), transport=line, packed=packed), line

    return make


def assert_identical(ours: list[FrameResult], theirs: list[FrameResult]) -> None:
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one.output, other.output)
        np.testing.assert_array_equal(one.gates, other.gates)
        assert (one.index, one.macs) == (other.index, other.macs)


# ---- what is mended ----


@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_a_sound_line_needs_no_mending(connect, audio, expected, window, packed):
    session, _ = connect(window, packed)
    with session:
        assert_identical(list(session.frames(audio[:100])), expected[:100])
    assert session.errors == LinkErrors()


@pytest.mark.parametrize("seed", range(6))
def test_a_line_that_hardly_works(connect, audio, expected, seed):
    session, line = connect(window=[1, 4][seed % 2], rates=dict.fromkeys(KINDS, 6e-4), seed=seed)
    with session:
        assert_identical(list(session.frames(audio[:150])), expected[:150])
    assert line.faults > 100
    assert session.errors.damaged > 10


def test_a_board_that_is_deaf_while_it_computes(connect, audio, expected):
    """It grants a window of 1; requests cross answers, and none gets lost."""
    session, _ = connect(window=1, deaf_s=0.005)
    with session:
        assert_identical(list(session.frames(audio[:150])), expected[:150])
    assert session.errors == LinkErrors()


@pytest.mark.parametrize("window", [1, 4])
def test_cables_and_restarts(connect, audio, expected, window):
    rates = dict.fromkeys(KINDS, 1e-4)
    session, line = connect(window, rates=rates, unplug_after=31_000, reset_after=37_000, deaf_s=0.001)
    with session:
        assert_identical(list(session.frames(audio[:300])), expected[:300])
    assert session.errors.reconnects == line.happened["unplug"] >= 3
    assert session.errors.restarts == line.happened["reset"] == 2


def test_requests_between_streams_survive_a_restart(connect, native, audio, expected):
    session, _ = connect()
    with session:
        native.start()
        session.configure("pcm", gates="open")
        native.start()
        opened = list(session.frames(audio[:5]))
        output, computed = session.dump("app_output"), session.status().frames
        native.start()
        np.testing.assert_array_equal(session.dump("app_output"), output)
        assert session.status().frames == computed + 5  # once more
        session.configure("pcm")
        native.start()
        rest = list(session.frames(audio[5:10]))
        session.reset()
        assert_identical(list(session.frames(audio[:20])), expected[:20])
        assert session.errors.restarts == 4
    assert any((one.gates != other.gates).any() for one, other in zip(opened, expected, strict=False))
    assert len(rest) == 5


# ---- how fast the line is ----

REAL_TIME = 16_000 / HOP


def wire_bytes(payload: int) -> int:
    """Type, sequence number, checksum and delimiter around a payload, at most one more per 254 bytes."""
    packet = 1 + 2 + payload + 4
    return packet + math.ceil(packet / 254) + 1


@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_throughput_is_that_of_the_arithmetic(connect, clock, audio, window, packed):
    """At 921,600 baud; with window 1 the next request crosses the answer."""
    session, line = connect(window, packed, bytes_per_s=92_160)
    with session:
        down, up, start = line.down.passed, line.up.passed, clock.now
        list(session.frames(audio))
        frames_per_s = len(audio) / (clock.now - start)
        sent, received = (line.down.passed - down) / len(audio), (line.up.passed - up) / len(audio)
        gates = session.info.gate_bytes
    if not packed:
        assert sent <= wire_bytes(2 * HOP)
        assert received <= wire_bytes(12 + gates + 2 * HOP)
    assert frames_per_s == pytest.approx(92_160 / max(sent, received), rel=0.02 if window > 1 else 0.25)
    assert frames_per_s > 2.5 * REAL_TIME


# ---- what cannot be mended ----


def results_until(session: Session, audio: np.ndarray, match: str) -> list[FrameResult]:
    """What came before the run ended with an error."""
    results: list[FrameResult] = []
    with pytest.raises(LinkError, match=match):
        results.extend(session.frames(audio))
    return results


def test_a_cable_that_stays_away_ends_the_run(connect, clock, audio, expected):
    session, _ = connect(unplug_after=20_000, away_s=math.inf)
    with session:
        results = results_until(session, audio, match=r"cable was pulled, and it did not come back within 60 s")
    assert 30 < len(results) < 100
    assert_identical(results, expected[: len(results)])
    assert 59 < clock.now < 65


def test_a_board_that_falls_silent_ends_the_run(connect, clock, audio, expected, monkeypatch):
    session, line = connect()
    with session:
        stream = session.frames(audio)
        first = next(stream)
        monkeypatch.setattr(line, "_compute", lambda now: line._ring.clear())
        line.up.queue.clear()
        with pytest.raises(LinkError, match=r"did not answer request 0x05 for 60 s"):
            next(stream)
    assert_identical([first], expected[:1])
    assert 60 < clock.now < 70


def test_a_board_that_restarts_at_every_frame_ends_the_run(connect, native, audio, monkeypatch):
    session, line = connect()
    with session:
        put = line.up.put

        def restart_at_frame(data: bytes) -> None:
            if is_frame(data):
                native.start()
            else:
                put(data)

        monkeypatch.setattr(line.up, "put", restart_at_frame)
        assert results_until(session, audio, match="restarted 3 times without one answer in between") == []
    assert session.errors.restarts == 3


def test_a_board_that_answers_otherwise_after_a_restart_ends_the_run(connect, native, audio, expected, monkeypatch):
    session, line = connect()
    with session:
        stream = session.frames(audio)
        results = [next(stream) for _ in range(10)]
        native.start()
        put, frames = line.up.put, 0

        def spoil_the_fifth(data: bytes) -> None:
            nonlocal frames
            frames += is_frame(data)
            put(with_another_mac(data) if is_frame(data) and frames == 5 else data)

        monkeypatch.setattr(line.up, "put", spoil_the_fifth)
        with pytest.raises(LinkError, match=r"answered request 6 since the reset not like before"):
            list(stream)
    assert_identical(results, expected[:10])


def packet_of(data: bytes) -> Packet:
    (packet,) = Decoder().feed(data)
    assert isinstance(packet, Packet)
    return packet


def is_frame(data: bytes) -> bool:
    """Whether these bytes answer a frame."""
    return packet_of(data).kind == Kind.FRAME | ANSWER


def with_another_mac(data: bytes) -> bytes:
    """The same answer, sound, that tells one more or less MAC."""
    packet = packet_of(data)
    return encode(Packet(packet.kind, packet.sequence, bytes([packet.payload[0] ^ 1]) + packet.payload[1:]))
