"""Sessions: one suite for the host and every virtual board, with the probe model (tests/probe.py)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import probe
import psutil
import pytest
import serial
from conftest import needs_arm, needs_qemu

from slimse_mcu.board import Board, board, boards
from slimse_mcu.build import Image, build
from slimse_mcu.errors import BoardError, LinkError
from slimse_mcu.graph import Provenance
from slimse_mcu.harness.fault import FaultError
from slimse_mcu.harness.session import FrameResult, Session, digest_of

VIRTUAL = tuple(one.name for one in boards() if one.emulator == "qemu")
EMULATED = [pytest.param(name, marks=[needs_arm, needs_qemu]) for name in VIRTUAL]
ALL = ["host", *EMULATED]
ROOMY = [one for one in EMULATED if board(one.values[0]).stack_bytes >= 4096]
# These machines of QEMU answer 0 where there is nothing.
FORGIVING = ("lm3s6965evb", "microbit", "netduino2")
TWO = ["host", EMULATED[VIRTUAL.index("virtual-m4")]]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """``images(name)`` gives board and probe image, built once."""
    made: dict[str, tuple[Board, Image]] = {}

    def get(name: str) -> tuple[Board, Image]:
        if name not in made:
            target = board(name)
            made[name] = target, build(probe.project(), target, tmp_path_factory.mktemp(name))
        return made[name]

    return get


@pytest.fixture
def session(request, images):
    with Session(*images(request.param)) as opened:
        yield opened


def some_features(count: int, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(-128, 126, (count, probe.SIZE)).astype(np.int8))


def some_audio(count: int, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(-30_000, 30_000, (count, probe.HOP)).astype(np.int16))


def assert_equal(results: list[FrameResult], expected: list[tuple[np.ndarray, np.ndarray, int]]) -> None:
    assert len(results) == len(expected)
    for i, (result, (output, gates, macs)) in enumerate(zip(results, expected, strict=True)):
        assert result.index == i
        assert result.output.dtype == output.dtype
        np.testing.assert_array_equal(result.output, output)
        np.testing.assert_array_equal(result.gates, gates)
        assert result.macs == macs


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("session", ALL, indirect=True)
def test_board_says_what_it_runs(session, request):
    info = session.info

    assert info.board == request.node.callspec.params["session"]
    assert (info.model_name, info.model_hash, info.calibration_hash) == ("probe", "1" * 64, "2" * 64)
    assert (info.input_size, info.output_size, info.gate_bytes, info.hop) == (17, 17, 3, 16)
    assert [(gate.name, gate.channels, gate.offset) for gate in info.gates] == [("first", 10, 0), ("second", 5, 2)]
    assert [buffer.name for buffer in info.buffers] == ["last", "app_input", "app_output"]
    assert info.layers == ("gate", "sum")
    assert info.counter == ("none" if info.board == "host" else "instructions")


@pytest.mark.parametrize("session", ALL, indirect=True)
def test_features_and_audio_come_back_exactly(session):
    model = probe.Probe()
    features = some_features(60)
    session.configure("features")
    session.reset()
    assert_equal(list(session.frames(features)), [model.features(frame) for frame in features])

    model = probe.Probe()
    audio = some_audio(60)
    session.configure("pcm")
    session.reset()
    assert_equal(list(session.frames(audio)), [model.pcm(frame) for frame in audio])
    assert session.errors == type(session.errors)()


@pytest.mark.parametrize("session", ALL, indirect=True)
def test_counts_repeat_to_the_instruction(session):
    runs = []
    for _ in range(3):
        session.configure("pcm")
        session.reset()
        runs.append([(result.count, result.count_total) for result in session.frames(some_audio(40))])

    assert runs[0] == runs[1] == runs[2]
    if session.info.counter == "none":
        assert set(runs[0]) == {(0, 0)}
    else:
        assert all(100 < count < total < 50_000 for count, total in runs[0])


@pytest.mark.parametrize("session", TWO, indirect=True)
@pytest.mark.parametrize("gates", ["open", "closed", "pattern"])
def test_forced_gates_hold_over_a_reset(session, gates):
    patterns = {"open": [0xFF, 0x03, 0x1F], "closed": [0, 0, 0], "pattern": [0xA5, 0x02, 0x11]}
    pattern = np.array(patterns[gates], np.uint8)
    session.configure("features", gates=pattern if gates == "pattern" else gates)
    session.reset()
    model = probe.Probe()
    model.forced = pattern
    frames = some_features(5)
    assert_equal(list(session.frames(frames)), [model.features(frame) for frame in frames])

    session.configure("features")
    model.forced = None
    assert_equal(list(session.frames(frames)), [model.features(frame) for frame in frames])


@pytest.mark.parametrize("session", ALL, indirect=True)
def test_a_limit_holds_over_a_reset_until_the_next_configuration(session):
    model = probe.Probe()
    frames = some_features(5)
    for limit in (3, 0, None):
        session.configure("features", limit=limit)
        model.limit = limit
        session.reset()
        model.last[:] = 0
        assert_equal(list(session.frames(frames)), [model.features(frame) for frame in frames])
    session.configure("features", gates="open", limit=1)
    model.forced = np.array([0xFF, 0x03, 0x1F], np.uint8)
    assert_equal(list(session.frames(frames)), [model.features(frame) for frame in frames])


@pytest.mark.parametrize("session", ["host"], indirect=True)
def test_bits_of_no_channel_are_turned_down(session):
    with pytest.raises(LinkError, match="out of range"):
        session.configure("features", gates=np.array([0, 4, 0], np.uint8))
    with pytest.raises(ValueError, match="gate pattern"):
        session.configure("features", gates=np.zeros(4, np.uint8))
    with pytest.raises(ValueError, match="limit"):
        session.configure("features", limit=-1)


@pytest.mark.parametrize("session", ["host"], indirect=True)
def test_a_frame_of_the_wrong_shape_is_refused_before_it_is_sent(session):
    session.configure("features")
    with pytest.raises(ValueError, match=r"int8 \[17\]"):
        list(session.frames([np.zeros(16, np.int8)]))
    assert len(list(session.frames(some_features(3)))) == 3


@pytest.mark.parametrize("session", TWO, indirect=True)
def test_answers_under_way_are_not_taken_for_those_of_the_next_request(session):
    session.configure("features")
    with pytest.raises(ValueError, match=r"int8 \[17\]"):
        list(session.frames([*some_features(2), np.zeros(16, np.int8)]))
    assert session.status().frames >= 2

    stream = session.frames(some_features(20))
    next(stream)
    with pytest.raises(ValueError, match="under way"):
        session.dump("last")
    stream.close()
    assert session.dump("last").shape == (probe.SIZE,)


@pytest.mark.parametrize("session", TWO, indirect=True)
def test_layers_and_buffers_of_the_last_frame(session):
    frames = some_features(4)
    session.configure("features")
    session.reset()
    results = list(session.frames(frames))
    layers = session.layers()

    assert [(layer.name, layer.macs) for layer in layers] == [("gate", 17), ("sum", results[-1].macs - 17)]
    assert (session.info.counter == "none") == all(layer.count == 0 for layer in layers)
    assert sum(layer.count for layer in layers) <= results[-1].count
    np.testing.assert_array_equal(session.dump("last"), frames[-1])
    np.testing.assert_array_equal(session.dump("app_input"), frames[-1])
    np.testing.assert_array_equal(session.dump("app_output"), results[-1].output)
    with pytest.raises(KeyError):
        session.dump("nothing")


@pytest.mark.parametrize("session", TWO, indirect=True)
def test_the_digest_is_that_of_the_memory(session):
    session.configure("pcm")
    session.reset()
    digests = set()
    for frame in some_audio(3):
        (result,) = session.frames([frame])
        assert result.digest == digest_of(session.dump(one.name).tobytes() for one in session.info.buffers)
        digests.add(result.digest)
    assert len(digests) == 3


def test_the_digest_of_known_bytes():
    assert digest_of([]) == 0
    assert digest_of([b"123456789"]) == zlib.crc32(bytes(4) + 0xCBF43926.to_bytes(4, "little"))
    assert digest_of([b"a", b"b"]) != digest_of([b"b", b"a"])


@pytest.mark.parametrize("session", ROOMY, indirect=True)
def test_stack_high_water_mark_sees_a_deep_call(session):
    session.configure("features")
    list(session.frames(some_features(1)))
    before = session.status()
    deep = np.zeros(probe.SIZE, np.int8)
    deep[0] = 126
    list(session.frames([deep]))
    after = session.status()

    assert 200 < before.stack_peak_bytes < 2048
    assert 2048 <= after.stack_peak_bytes < before.stack_bytes == after.stack_bytes


@pytest.mark.parametrize("session", TWO, indirect=True)
def test_a_stream_may_be_left_early(session):
    session.configure("features")
    for result in session.frames(some_features(20)):
        if result.index == 3:
            break
    session.reset()
    model = probe.Probe()
    frames = some_features(5, seed=1)
    assert_equal(list(session.frames(frames)), [model.features(frame) for frame in frames])


# ---- faults ----

FAULTS = {
    1: "no memory at the address of a data access 0xffffff00",
    2: "undefined instruction",
    3: "stack overflow",
    4: "stack overflow",
    5: "execution where none is allowed",
}


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("name", EMULATED)
def test_a_fault_is_reported_and_ends_the_emulator(images, name, kind):
    if kind == 1 and name in FORGIVING:
        pytest.skip("this machine forgives it")
    words = FAULTS[kind]
    if board(name).core.startswith("cortex-m0") and kind not in (3, 4):
        words = "hard fault of unknown cause"  # Armv6-M does not tell
    guilty = np.zeros(probe.SIZE, np.int8)
    guilty[:2] = 127, kind
    pids = []

    def crash() -> None:
        with Session(*images(name)) as session:
            pids.append(session.pid)
            session.configure("features")
            list(session.frames([np.zeros(probe.SIZE, np.int8), guilty]))

    with pytest.raises(FaultError, match=words) as caught:
        crash()
    assert caught.value.fault.stack_overflow == (kind in (3, 4))
    if kind == 2:
        assert caught.value.function in ("fault", "model_frame")
    assert not alive(pids[0])


# ---- the process of a virtual board ----


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_no_process_is_left_however_the_session_ends(images, name, error):
    pid = None
    try:
        with Session(*images(name)) as session:
            pid = session.pid
            session.configure("features")
            stream = session.frames(some_features(100))
            next(stream)
            if error is not None:
                raise error
            stream.close()
    except (RuntimeError, KeyboardInterrupt):
        pass

    assert pid is not None
    assert not alive(pid)


@pytest.mark.parametrize("name", TWO)
def test_an_ended_emulator_is_named(images, name):
    with Session(*images(name)) as session:
        session.configure("features")
        stream = session.frames(some_features(1_000_000))
        next(stream)
        os.kill(session.pid, signal.SIGKILL)
        with pytest.raises(LinkError, match=f"board {name} stopped: .* was ended by signal SIGKILL"):
            for _ in stream:
                pass


@pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's parent-death signal")
@pytest.mark.parametrize("name", TWO)
def test_the_board_dies_with_its_parent(images, name, tmp_path):
    _, image = images(name)
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from slimse_mcu.board import board\n"
        "from slimse_mcu.harness.virtual import VirtualBoard\n"
        f"running = VirtualBoard(board({name!r}), Path({str(image.elf)!r}))\n"
        "print(running.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root}
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment)
    try:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.3)
        assert alive(pid)
    finally:
        parent.kill()
        parent.wait()
    end = time.monotonic() + 5
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(pid)


@pytest.mark.parametrize("session", EMULATED, indirect=True)
def test_an_idle_emulator_sleeps(session):
    session.configure("features")
    list(session.frames(some_features(3)))
    process = psutil.Process(session.pid)
    before = process.cpu_times()
    time.sleep(0.5)
    after = process.cpu_times()

    assert (after.user + after.system) - (before.user + before.system) < 0.2


# ---- what is refused ----


def test_a_board_of_another_model_is_refused(images):
    target, image = images("host")
    for other in (Provenance("0.0.0", "other", "3" * 64, "2" * 64), Provenance("0.0.0", "probe", "1" * 64, "4" * 64)):
        with (
            pytest.raises(LinkError, match="runs the model probe") as caught,
            Session(target, replace(image, provenance=other)),
        ):
            pass
        assert caught.value.hint


def test_firmware_of_another_version_is_refused(images):
    target, image = images("host")
    made = replace(image.provenance, tool_version="0.0.1")
    with (
        pytest.raises(LinkError, match=r"of slimse-mcu 0\.0\.0, not 0\.0\.1"),
        Session(target, replace(image, provenance=made)),
    ):
        pass


@needs_arm
def test_a_missing_emulator_is_named(images, monkeypatch):
    target, image = images("virtual-m4")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(BoardError, match="qemu-system-arm was not found") as caught, Session(target, image):
        pass
    assert "Install" in caught.value.hint


def test_an_emulator_that_does_not_start_says_why(images, tmp_path):
    target, image = images("host")
    broken = tmp_path / "firmware.elf"
    broken.write_bytes(b"no program")
    broken.chmod(0o755)
    with pytest.raises(LinkError, match="Exec format error"), Session(target, replace(image, elf=broken)):
        pass
    with pytest.raises(BoardError, match="no firmware"), Session(target, replace(image, elf=tmp_path / "none")):
        pass


def test_hardware_needs_a_port(images):
    target, image = images("host")
    with pytest.raises(BoardError, match="no virtual board"), Session(replace(target, emulator=""), image):
        pass


def test_a_session_through_pyserial(images):
    target, image = images("host")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        process = subprocess.Popen([str(image.elf), str(server.fileno())], pass_fds=(server.fileno(),))
    try:
        with Session(target, image, port=f"socket://127.0.0.1:{port}") as session:
            session.configure("features")
            session.reset()
            model = probe.Probe()
            frames = some_features(20)
            assert_equal(list(session.frames(frames)), [model.features(frame) for frame in frames])
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()


def test_a_port_in_use_and_a_missing_port_are_named(images):
    target, image = images("host")
    ours, theirs = os.openpty()
    path = os.ttyname(theirs)
    with (
        serial.Serial(path, exclusive=True),
        pytest.raises(LinkError, match=f"port {path} cannot be opened"),
        Session(target, image, port=path),
    ):
        pass
    os.close(ours)
    os.close(theirs)
    with pytest.raises(LinkError, match="/dev/tty-none cannot be opened"), Session(target, image, port="/dev/tty-none"):
        pass


# ---- generated models ----


def streamed(target: Board, image: Image, frames: list[np.ndarray], mode: str) -> list[tuple[bytes, bytes, int]]:
    with Session(target, image) as session:
        session.configure(mode)
        session.reset()
        return [(result.output.tobytes(), result.gates.tobytes(), result.macs) for result in session.frames(frames)]


@pytest.mark.parametrize("name", [one for one in EMULATED if board(one.values[0]).ram_bytes > 8192])
def test_a_generated_model_gives_the_same_bytes_on_every_board(build_tiny, name):
    image = build_tiny("host")
    audio = [frame.repeat(16) // 8 for frame in some_audio(12)]

    expected = streamed(board("host"), image, audio, "pcm")
    assert len({output for output, _, _ in expected}) > 5
    assert streamed(board(name), build_tiny(name), audio, "pcm") == expected


@pytest.mark.parametrize("name", TWO)
def test_a_model_without_front_end_takes_features_only(plain_model, name, tmp_path):
    from slimse_mcu import compile_model

    features = np.random.default_rng(1).normal(size=(40, 12)).astype(np.float32)
    np.save(tmp_path / "features.npy", features)
    compiled = compile_model(plain_model, calibration=tmp_path / "features.npy")
    target = board(name)
    with Session(target, build(compiled.project, target, tmp_path / "out")) as session:
        assert not session.info.has_audio
        assert session.info.gates == ()
        with pytest.raises(LinkError, match="no audio front end"):
            session.configure("pcm")
        session.configure("features")
        frames = list(np.random.default_rng(2).integers(-128, 128, (5, 12)).astype(np.int8))
        results = list(session.frames(frames))
    assert len(results) == 5
    assert all(result.macs > 0 for result in results)


@pytest.mark.parametrize("name", TWO)
def test_an_instrumented_build_counts_layers_and_keeps_tensors(tiny_model, name, tmp_path):
    from slimse_mcu import compile_model

    compiled = compile_model(tiny_model, instrumented=True)
    target = board(name)
    with Session(target, build(compiled.project, target, tmp_path)) as session:
        session.configure("pcm")
        session.reset()
        results = list(session.frames([frame.repeat(16) // 8 for frame in some_audio(3)]))
        layers = session.layers()
        assert session.info.instrumented
        assert sum(layer.macs for layer in layers) == results[-1].macs
        if session.info.counter != "none":
            assert all(layer.count > 0 for layer in layers)
            assert 0.9 < sum(layer.count for layer in layers) / results[-1].count < 1
        for buffer in session.info.buffers:
            assert session.dump(buffer.name).shape == (buffer.size_bytes,)
