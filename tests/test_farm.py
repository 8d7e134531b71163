"""A farm of boards: a labgrid coordinator and exporter of this computer, and virtual boards behind TCP ports."""

from __future__ import annotations

import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from traceback import walk_stack

import numpy as np
import pytest
import soundfile
from conftest import DATA
from faulty_line import FaultyLine
from test_evaluation import FAST, RATE, texts

from slimse_mcu import cli
from slimse_mcu.board import board
from slimse_mcu.data.sources import Item, TestSet
from slimse_mcu.errors import BoardError, SlimseError
from slimse_mcu.evaluation.evaluate import Evaluation, Subject, evaluate
from slimse_mcu.farm import Farm
from slimse_mcu.harness.server import BoardServer
from slimse_mcu.harness.session import Session

CLIPS = 6


def needs_labgrid() -> None:
    pytest.importorskip("labgrid")


@pytest.fixture(scope="module")
def test_set(tmp_path_factory) -> TestSet:
    """Short pairs."""
    made = tmp_path_factory.mktemp("set")
    items = []
    for number in range(1, CLIPS + 1):
        for role in ("noisy", "clean"):
            samples, _ = soundfile.read(DATA / role / f"clip{number:02d}.wav", dtype="int16", frames=RATE // 2)
            (made / role).mkdir(exist_ok=True)
            soundfile.write(made / role / f"clip{number:02d}.wav", samples, RATE, subtype="PCM_16")
        name = f"clip{number:02d}"
        items.append(Item(name, made / "noisy" / f"{name}.wav", made / "clean" / f"{name}.wav", {}))
    return TestSet(tuple(items), (), "pairs")


@pytest.fixture
def servers(build_tiny) -> Iterator[list[BoardServer]]:
    """Two host boards behind ports."""
    with ExitStack() as stack:
        image = build_tiny("host")
        yield [stack.enter_context(BoardServer(board("host"), image.elf)) for _ in range(2)]


# ---- boards behind ports ----


def test_a_board_behind_a_port_outlives_its_peers(build_tiny, servers):
    audio = np.random.default_rng(1).integers(-3000, 3000, (20, 256)).astype(np.int16)
    image, found = build_tiny("host"), []
    for _ in range(3):
        with Session(board("host"), image, port=servers[0].url) as session:
            found.append([one.output.tobytes() for one in session.frames(audio)])
    assert found[0] == found[1] == found[2]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_serve_says_where_its_board_is_and_ends_when_it_is_told_to(tiny_model, build_tiny):
    command = [sys.executable, "-c", "from slimse_mcu.cli import main; main()", "serve", str(tiny_model)]
    audio = np.random.default_rng(1).integers(-3000, 3000, (5, 256)).astype(np.int16)
    with subprocess.Popen(
        [*command, "--board", "host"], stdout=subprocess.PIPE, text=True, env=environment()
    ) as served:
        try:
            url = served.stdout.readline().strip()
            with Session(board("host"), build_tiny("host"), port=url) as session:
                assert len(list(session.frames(audio))) == 5
        finally:
            served.terminate()
        assert served.wait(60) == 130


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.timeout(60)
@pytest.mark.usefixtures("heeded_signals")
def test_a_signal_that_wakes_nobody_ends_the_waiting_for_a_server(build_tiny):
    """The system may hand a signal to a thread other than the one that has to act on it, and that sleeps on."""
    waiting = threading.get_ident()

    def take_a_signal() -> None:
        while BoardServer.wait.__code__ not in (at.f_code for at, _ in walk_stack(sys._current_frames()[waiting])):
            time.sleep(0.001)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    taker = threading.Thread(target=take_a_signal)
    with BoardServer(board("host"), build_tiny("host").elf) as server:
        taker.start()
        with pytest.raises(KeyboardInterrupt):
            server.wait()
    taker.join()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--listen", "nowhere"], "HOST:PORT"),
        (["--board", "netduinoplus2", "--listen", "127.0.0.1:99999"], "HOST:PORT"),
    ],
)
def test_serve_refuses_what_it_cannot_listen_at(tiny_model, capsys, options, why):
    assert cli.run(["serve", str(tiny_model), *options]) == 2
    assert why in capsys.readouterr().err


@pytest.fixture(scope="module")
def of_one_board(tiny_compiled, test_set, tmp_path_factory) -> Evaluation:
    """What a single board says."""
    cache = tmp_path_factory.mktemp("one_board")
    return evaluate([Subject("tiny", tiny_compiled)], test_set, replace(FAST, target=board("host")), cache=cache)


def test_several_boards_give_the_results_of_one(tiny_compiled, test_set, servers, of_one_board, tmp_path):
    ports = tuple(server.url for server in servers)
    settings = replace(FAST, target=board("host"), ports=ports)
    found = evaluate([Subject("tiny", tiny_compiled)], test_set, settings, cache=tmp_path)
    assert texts(found) == texts(of_one_board)
    assert found.lost_boards == of_one_board.lost_boards == ()


def test_a_board_that_dies_in_mid_run_loses_nothing(
    tiny_compiled, build_tiny, test_set, servers, of_one_board, tmp_path, monkeypatch
):
    monkeypatch.setattr("slimse_mcu.evaluation.evaluate.SHORT_PATIENCE_S", 0.5)
    subjects = [Subject("tiny", tiny_compiled)]
    settings = replace(FAST, target=board("host"))
    # In the middle of its first recording: later ones might all go to the other board.
    with FaultyLine(board("host"), build_tiny("host"), unplug_after=3000, away_s=math.inf) as dying:
        both = servers[0].url, dying.url
        found = evaluate(subjects, test_set, replace(settings, ports=both), cache=tmp_path)
    assert dying.happened["unplug"] == 1
    assert texts(found) == texts(of_one_board)
    assert len(found.lost_boards) == 1
    assert found.lost_boards[0].startswith(both[1])


def test_the_last_board_that_dies_ends_the_evaluation_and_what_is_done_is_kept(
    tiny_compiled, build_tiny, test_set, servers, tmp_path, monkeypatch
):
    monkeypatch.setattr("slimse_mcu.evaluation.evaluate.SHORT_PATIENCE_S", 0.5)
    subjects = [Subject("tiny", tiny_compiled)]
    settings = replace(FAST, target=board("host"))

    def pull(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("tiny", 2):
            for server in servers:
                server.__exit__(None, None, None)

    both = tuple(server.url for server in servers)
    with pytest.raises(SlimseError, match="What is done is kept"):
        evaluate(subjects, test_set, replace(settings, ports=both), cache=tmp_path, progress=pull)
    seen: list[tuple[str, int, int]] = []
    with BoardServer(board("host"), build_tiny("host").elf) as another:
        again = replace(settings, ports=(another.url,))
        evaluate(subjects, test_set, again, cache=tmp_path, progress=lambda *told: seen.append(told))
    assert next(done for stage, done, _ in seen if stage == "tiny") >= 2


# ---- labgrid ----


@pytest.fixture(scope="module")
def labgrid(tmp_path_factory) -> Iterator[str]:
    """Address of a coordinator that knows no places yet."""
    needs_labgrid()
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    folder = tmp_path_factory.mktemp("coordinator")
    with started(folder, "labgrid.remote.coordinator", "--listen", address):
        end = time.monotonic() + 60
        while client(address, "places", check=False).returncode != 0:
            assert time.monotonic() < end
        yield address


def started(folder: Path, module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A program of labgrid; ends with the ``with`` block."""

    class Program(subprocess.Popen):
        def __exit__(self, *exception: object) -> None:
            self.terminate()
            super().__exit__(*exception)

    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", module, *arguments]
        return Program(command, cwd=folder, stdout=log, stderr=log, env=environment())


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def client(address: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "labgrid.remote.client", "-x", address, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=check, env=environment())


@pytest.fixture
def places(labgrid, servers, tmp_path) -> Iterator[str]:
    """The coordinator with the two boards and a place without a port."""
    lines = []
    for number, server in enumerate(servers):
        lines.append(f"m{number}:\n  NetworkSerialPort:\n    host: 127.0.0.1\n    port: {server.port}\n")
        lines.append("    speed: 115200\n    protocol: raw\n")
    config = tmp_path / "exported.yaml"
    config.write_text("".join(lines))
    with started(tmp_path, "labgrid.remote.exporter", "--coordinator", labgrid, "--name", "bench", str(config)):
        end = time.monotonic() + 60
        while client(labgrid, "resources").stdout.count("NetworkSerialPort") < 2:
            assert time.monotonic() < end, (tmp_path / "log").read_text()
        for number in range(2):
            name = f"board-{number}"
            client(labgrid, "-p", name, "create")
            client(labgrid, "-p", name, "add-match", f"bench/m{number}/NetworkSerialPort")
            client(labgrid, "-p", name, "set-tags", "board=host")
        yield labgrid
        for number in range(2):
            client(labgrid, "-p", f"board-{number}", "delete", check=False)


def test_evaluate_on_a_farm_says_what_one_board_says(places, servers, test_set, tmp_path, capsys):
    with Farm(f"{places}/board-*", "host") as farm:
        assert [one.place for one in farm.seats] == ["board-0", "board-1"]
        assert [one.port for one in farm.seats] == [server.url for server in servers]
        with pytest.raises(BoardError, match="no free place"), Farm(places, "host"):
            pass
    folder = test_set.items[0].noisy.parents[1]
    command = ["evaluate", str(DATA / "tiny.keras"), "--data", str(folder), "--board", "host", "--no-dnsmos"]
    assert cli.run([*command, "--jobs", "1", "--out", str(tmp_path / "one")]) == 0
    assert cli.run([*command, "--farm", f"{places}/board-*", "--out", str(tmp_path / "farm")]) == 0
    assert "board-0, board-1" in capsys.readouterr().err
    for name in ("results.json", "results.csv", "results.md"):
        assert (tmp_path / "farm" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
    assert client(places, "places", "--acquired").stdout.strip() == ""


def test_a_farm_that_cannot_be_used_says_why(places):
    for address, name, why in (
        (f"{places}/nothing-*", "host", "no free place nothing-"),
        (places, "virtual-m4", "no free place"),
        ("127.0.0.1:1", "host", "does not answer"),
        ("127.0.0.1:one", "host", "no address"),
    ):
        with pytest.raises(BoardError, match=why) as caught, Farm(address, name):
            pass
        assert caught.value.hint
    client(places, "-p", "bare", "create")
    try:
        with pytest.raises(BoardError, match="has no serial port"), Farm(f"{places}/bare", "host"):
            pass
        assert client(places, "places", "--acquired").stdout.strip() == ""
    finally:
        client(places, "-p", "bare", "delete")


def test_without_labgrid_a_farm_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "labgrid.remote", None)
    with pytest.raises(BoardError, match="needs the Python package labgrid") as caught, Farm("lab", "host"):
        pass
    assert "slimse-mcu[farm]" in caught.value.hint
