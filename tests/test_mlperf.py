"""The command set of the MLPerf Tiny runner, driven over the line as the public runner drives it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from conftest import needs_arm, needs_qemu
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from slimse_mcu.board import board
from slimse_mcu.build import MLPERF, build
from slimse_mcu.harness.virtual import VirtualBoard
from slimse_mcu.streaming import Stream

BOARDS = ["host", pytest.param("virtual-m4", marks=[needs_arm, needs_qemu])]
BYTES_PER_COMMAND = 31
"""What the runner puts into one ``db``."""


class Runner:
    """The other end of the line: commands that end with ``%``, lines up to ``m-ready``."""

    def __init__(self, running: VirtualBoard) -> None:
        self._running = running
        self._text = b""

    def send(self, text: str) -> None:
        self._running.send(text.encode("latin-1"))

    def lines(self, seconds: float = 60.0) -> list[str]:
        """The lines in front of the next ``m-ready``."""
        end, found = time.monotonic() + seconds, []
        while True:
            while b"\n" not in self._text:
                assert time.monotonic() < end, f"only {found} and {self._text!r} came"
                self._text += self._running.receive(1.0)
            line, _, self._text = self._text.partition(b"\n")
            told = line.decode("ascii").rstrip("\r")
            if told == "m-ready":
                return found
            found.append(told)

    def ask(self, command: str) -> list[str]:
        self.send(f"{command}%")
        return self.lines()

    def load(self, data: bytes) -> list[str]:
        """What comes after the last ``db``."""
        assert self.ask(f"db load {len(data)}") == [f"m-[Expecting {len(data)} bytes]"]
        told: list[str] = []
        for first in range(0, len(data), BYTES_PER_COMMAND):
            assert told == []
            told = self.ask(f"db {data[first : first + BYTES_PER_COMMAND].hex()}")
        return told


@pytest.fixture(scope="module")
def runner(tiny_compiled, tmp_path_factory) -> Callable:
    """``with runner(name) as it:`` a board that runs the tiny model and speaks the command set, built once."""
    elves = {}

    @contextmanager
    def start(name: str) -> Iterator[Runner]:
        target = board(name)
        if name not in elves:
            folder = tmp_path_factory.mktemp(name)
            elves[name] = build(tiny_compiled.project, target, folder, application=MLPERF).elf
        with VirtualBoard(target, elves[name]) as running:
            found = Runner(running)
            found.send("%")  # the port is open: what the board has said before may be lost
            told = found.lines()
            assert told in ([], ["m-init-done"])
            if told:
                assert found.lines() == []
            yield found

    return start


def outputs(compiled, features: NDArray[np.int8], runs: int) -> list[str]:
    """What ``results`` must say after so many frames of the same features, from reset."""
    graph, quantized = compiled.graph, compiled.quantized
    trace = Stream.integer(quantized).run(np.repeat(features[None], runs, 0))
    grid = quantized.quantization[graph.output]
    real = np.float32(grid.scale) * (trace.output[-1].astype(np.int32) - grid.zero_point).astype(np.float32)
    thousandths = np.floor(np.abs(real) * np.float32(1000.0) + np.float32(0.5)).astype(int)
    return [
        f"{'-' if one < 0 and count else ''}{count // 1000}.{count % 1000:03d}"
        for one, count in zip(real, thousandths, strict=True)
    ]


@pytest.mark.parametrize("name", BOARDS)
def test_the_runner_loads_infers_and_gets_the_results_of_the_specification(runner, tiny_compiled, name):
    rng = np.random.default_rng(0)
    size = tiny_compiled.graph.tensors[tiny_compiled.graph.input].size
    with runner(name) as it:
        assert it.ask("name") == [f"m-name-dut-[{name}]"]
        profile, model = it.ask("profile")
        assert re.match(r"^m-(profile)-\[([^]]+)]$", profile)
        assert model == "m-model-[tiny]"
        for _ in range(2):
            features = rng.integers(-128, 128, size).astype(np.int8)
            assert it.load(features.tobytes()) == ["m-load-done"]
            told = it.ask("infer 3 2")
            wanted = ["m-warmup-start-2", "m-warmup-done", "m-infer-start-3", None, None, "m-infer-done", None]
            assert [line if one is not None else None for line, one in zip(told, wanted, strict=True)] == wanted
            start, end = (int(re.fullmatch(r"m-lap-us-(\d+)", line)[1]) for line in told[3:5])
            assert end > start if name != "host" else end == start == 0
            results = f"m-results-[{','.join(outputs(tiny_compiled, features, 5))}]"
            assert told[6] == results
            assert it.ask("results") == [results]
            assert it.ask("infer 3 2")[6] == results, "the same command has the same result"


def test_numbers_that_are_left_out_are_one_frame_and_ten_to_warm_up(runner, tiny_compiled):
    size = tiny_compiled.graph.tensors[tiny_compiled.graph.input].size
    with runner("host") as it:
        it.load(bytes(size))
        assert [it.ask("infer")[n] for n in (0, 2)] == ["m-warmup-start-10", "m-infer-start-1"]
        assert [it.ask("infer 2")[n] for n in (0, 2)] == ["m-warmup-start-10", "m-infer-start-2"]
        assert it.ask("timestamp") == ["m-lap-us-0"], "this computer counts nothing"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("nonsense 1 2", "e-[Unknown command: nonsense]"),
        ("db", "e-[Command 'db' requires a subcommand]"),
        ("db load", "e-[Command 'db load' requires the # of bytes]"),
        ("db load 0", "e-[Command 'db load' takes 1 to 257 bytes]"),
        ("db load 258", "e-[Command 'db load' takes 1 to 257 bytes]"),
        ("db load -1", "e-[Command 'db load' takes 1 to 257 bytes]"),
        ("db load 99999999999", "e-[Command 'db load' takes 1 to 257 bytes]"),
        ("db 00", "e-[Command 'db load' comes first]"),
        ("infer 0", "e-[Inference iterations must be >0]"),
        ("infer x", "e-[Inference iterations must be >0]"),
        ("infer 1 x", "e-[Inference warmup must be >=0]"),
        ("infer 1 0", "e-[The input has 257 bytes: load them first]"),
        ("db " + "00" * 40, "e-[Command too long]"),
    ],
)
def test_mistakes_are_told_and_change_nothing(runner, command, told):
    with runner("host") as it:
        assert it.ask(command) == [told]
        assert it.ask("name") == ["m-name-dut-[host]"]


def test_what_is_loaded_can_be_printed(runner):
    with runner("host") as it:
        assert it.load(bytes(range(10))) == ["m-load-done"]
        assert it.ask("db print") == ["m-buffer-00-01-02-03-04-05-06-07", "m-buffer-08-09"]
        assert it.ask("db load 2") == ["m-[Expecting 2 bytes]"]
        assert it.ask("db 0") == ["e-[Insufficent number of hex digits]"]
        assert it.ask("db 0g") == ["e-[Invalid hex digit]"]
        assert it.ask("db AbcDeF") == ["m-load-done"], "what is more than asked for is not taken"
        assert it.ask("db print") == ["m-buffer-ab-cd"]
        assert it.ask("\r\ndb print\r\n") == ["m-buffer-ab-cd"], "line ends of terminals mean nothing"


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.one_of(st.binary(max_size=200), st.sampled_from([b"db load 257%", b"infer 1 0%", b"db ", b"ff%"]))))
def test_any_bytes_are_safe(runner, chunks):
    with runner("host") as it:
        data = b"".join(chunks)
        it.send(data.decode("latin-1"))
        for _ in range(data.count(b"%")):
            it.lines()
        it.send("%")
        it.lines()
        assert it.ask("name") == ["m-name-dut-[host]"]
