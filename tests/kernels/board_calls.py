"""Calls C functions on an emulated board, with memory that the host lays out: kernels under test, and what they cost.

The board runs ``caller.c``; jobs and answers go over the link.
"""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from elftools.elf.elffile import ELFFile

from slimse_mcu import assets
from slimse_mcu.board import Board
from slimse_mcu.harness.virtual import VirtualBoard

ARGUMENTS = 10
_TIMEOUT_S = 120.0
_HERE = Path(__file__).parent
_WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror"]


def build_caller(board: Board, folder: Path, sources: Sequence[Path], includes: Sequence[Path]) -> Path:
    """Link all functions of ``sources`` and the caller into a firmware."""
    hal = assets.path("firmware/hal")
    elf = folder / "caller.elf"
    defines = [f'HAL_BOARD="{board.name}"', f"HAL_CLOCK_HZ={board.clock_hz}u", f"HAL_COUNTER_HZ={board.counter_hz}u"]
    defines += ["HAL_BAUD=115200u", "HAL_SEMIHOSTING=1", *board.defines]
    command = [board.compiler, *board.flags, "-std=c11", "-ffp-contract=off", "-O3", "-g", *_WARNINGS]
    command += [f"-D{define}" for define in defines] + [f"-I{hal}"] + [f"-I{folder}" for folder in includes]

    def compile_one(source: Path) -> str:
        target = folder / f"{source.name}.o"
        subprocess.run([*command, "-c", str(source), "-o", str(target)], check=True)
        return str(target)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        own = [*(hal / name for name in board.hal), _HERE / "caller.c"]
        objects = list(pool.map(compile_one, [*own, *sources]))
    link = [board.compiler, *board.flags, "-nostartfiles", f"-L{board.path}", f"-L{hal}", f"-T{board.linker_script}"]
    link += ["-Wl,--defsym=hal_stack_reserve=8192", "-Wl,--no-warn-rwx-segments", *objects, "-lm", "-o", str(elf)]
    subprocess.run(link, check=True)
    return elf


@dataclass(frozen=True)
class Answer:
    """Result of a call, and the instructions it took."""

    result: int
    instructions: int


class BoardCalls:
    """A running board that waits for calls; a context manager."""

    def __init__(self, board: Board, elf: Path) -> None:
        self.board = board
        with elf.open("rb") as stream:
            table = ELFFile(stream).get_section_by_name(".symtab")
            self._symbols = {symbol.name: int(symbol["st_value"]) for symbol in table.iter_symbols()}
            self._room = int(table.get_symbol_by_name("caller_memory")[0]["st_size"])
        self.base = self._symbols["caller_memory"]
        self._running = VirtualBoard(board, elf)
        self._received = bytearray()
        self._overhead = 0
        self._overhead = self.run(b"", [(self._word("caller_nothing"), ())])[1][0].instructions

    def function(self, name: str) -> int:
        """Address of a function."""
        return self._symbols[name] | 1

    def _word(self, name: str) -> int:
        return self._symbols["nothing"] | 1 if name == "caller_nothing" else self._symbols[name]

    def run(self, memory: bytes, calls: Sequence[tuple[int, Sequence[int]]]) -> tuple[bytes, list[Answer]]:
        """Carry calls ``(function, argument words)`` out; what memory holds afterwards, and an answer each."""
        assert len(memory) <= self._room, f"a test lays out {len(memory)} bytes, the board has room for {self._room}"
        job = struct.pack("<2I", len(memory), len(calls)) + memory
        for function, arguments in calls:
            words = [*arguments, *[0] * (ARGUMENTS - len(arguments))]
            job += struct.pack(f"<{ARGUMENTS + 1}I", function, *(word & 0xFFFFFFFF for word in words))
        self._running.send(job)
        after = self._read(len(memory))
        answers = []
        for _ in calls:
            result, ticks = struct.unpack("<2I", self._read(8))
            answers.append(Answer(result, self.board.counts(ticks) - self._overhead))
        return after, answers

    def _read(self, count: int) -> bytes:
        while len(self._received) < count:
            more = self._running.receive(_TIMEOUT_S)
            assert more, "the board does not answer"
            self._received += more
        data = bytes(self._received[:count])
        del self._received[:count]
        return data

    def close(self) -> None:
        """End the board."""
        self._running.close()

    def __enter__(self) -> BoardCalls:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
