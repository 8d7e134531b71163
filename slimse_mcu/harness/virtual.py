"""Boards that this computer runs: QEMU machines, and the host process.

The link is a socket pair or two pipes whose other ends the child inherits: no port that another program could take or
connect to, and the child's ends close with it.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple

from slimse_mcu.board import Board
from slimse_mcu.errors import BoardError, LinkError

QEMU = "qemu-system-arm"

_END_TIMEOUT_S = 5.0
_SEND_TIMEOUT_S = 60.0
_CHUNK_BYTES = 65536

_TRANSLATED_MIB = 1
"""Of translated code that QEMU keeps: enough for a firmware, and full so soon that a leak would show beside it."""

# Run by a fresh interpreter in place of the board, which then takes its place: the kernel kills it when the
# thread that started it ends, however that happens.  (A function run between fork and exec could deadlock in a
# program with threads.)
_LAUNCHER = """
import ctypes, os, signal, sys
parent = int(sys.argv[1])
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != parent:
    sys.exit(0)
os.execv(sys.argv[2], sys.argv[2:])
"""


class VirtualBoard:
    """A running emulator or host process; also the transport to it.

    It lives no longer than the thread that started it.

    Args:
        board: A virtual board.
        elf: The firmware.
        options: Further arguments for QEMU, such as :func:`slimse_mcu.harness.call_trace.options`.

    Raises:
        BoardError: The emulator is missing or does not start.
    """

    def __init__(self, board: Board, elf: Path, options: Sequence[str] = ()) -> None:
        self._board = board
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the board
        self._link, theirs = _piped() if board.piped else _paired()
        try:
            command = _command(board, elf, theirs, options)
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                pass_fds=theirs,
                start_new_session=True,  # Ctrl-C is for the session, which then ends the board
            )
        except OSError as error:
            self._release()
            raise BoardError(
                f"The board {board.name} could not be started: {error.strerror}.",
                hint="Close other programs if memory or files are short, and try again.",
            ) from error
        except BaseException:
            self._release()
            raise
        finally:
            for fd in set(theirs):
                os.close(fd)

    @property
    def name(self) -> str:
        """What error messages call it."""
        return f"the board {self._board.name}"

    @property
    def pid(self) -> int:
        """Process number of the emulator or host process."""
        return self._process.pid

    def fileno(self) -> int:
        """Of the link, for ``select``: something to read is there, or the board has ended."""
        return self._link.receiving

    def send(self, data: bytes) -> None:
        """Send all bytes.

        Raises:
            LinkError: The process has ended, or hangs.
        """
        try:
            left = memoryview(data)
            while left:
                if not _ready(self._link.sending, select.POLLOUT, _SEND_TIMEOUT_S):
                    raise LinkError(
                        f"The board {self._board.name} took no bytes for {_SEND_TIMEOUT_S:g} s.",
                        hint="Run the command again.",
                    )
                with contextlib.suppress(BlockingIOError):
                    left = left[os.write(self._link.sending, left) :]
        except OSError as error:
            raise self._ended() from error

    def receive(self, timeout_s: float) -> bytes:
        """Return what has arrived, waiting up to ``timeout_s`` for it; empty if nothing came.

        Raises:
            LinkError: The process has ended.
        """
        try:
            if not _ready(self._link.receiving, select.POLLIN, timeout_s):
                return b""
            data = os.read(self._link.receiving, _CHUNK_BYTES)
        except OSError as error:
            raise self._ended() from error
        if not data:
            raise self._ended()
        return data

    def reopen(self) -> bool:
        """Nothing can be plugged in again: a process that has ended stays ended."""
        return False

    def wait(self, timeout_s: float = _END_TIMEOUT_S) -> int | None:
        """Wait for the process to end by itself; return its exit code, or None if it goes on."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        """End the process, whatever it does, and free everything."""
        if self._process.poll() is None:
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_TIMEOUT_S)
        self._release()

    def _release(self) -> None:
        # Once: the system gives a number that was closed to the next file that is opened.
        fds, self._link = set(self._link) - {-1}, _Ends(-1, -1)
        for fd in fds:
            os.close(fd)
        self._errors.close()

    def _ended(self) -> LinkError:
        code = self.wait()
        if code is None:
            how = "closed the link"
        elif code < 0:
            how = f"was ended by signal {_signal_name(-code)}"
        else:
            how = f"ended with code {code}"
        program = QEMU if self._board.emulator == "qemu" else "the firmware's process"
        said = self._said()
        return LinkError(
            f"The board {self._board.name} stopped: {program} {how}{f' and said: {said}' if said else ''}.",
            hint="Run the command again.",
        )

    def _said(self) -> str:
        """The last line that the process wrote to its error output."""
        self._errors.seek(0)
        text = self._errors.read(_CHUNK_BYTES).decode("utf-8", "replace")
        # QEMU complains about its own clock on a busy computer; that is no cause of anything.
        lines = [line for line in text.strip().splitlines() if "icount" not in line]
        return lines[-1][:300] if lines else ""

    def __enter__(self) -> VirtualBoard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return str(number)


class _Ends(NamedTuple):
    """File descriptors of one side of a link; the same where one does both."""

    receiving: int
    sending: int


def _paired() -> tuple[_Ends, _Ends]:
    """Ours and theirs of a socket pair."""
    sockets = [one.detach() for one in socket.socketpair()]
    os.set_blocking(sockets[0], False)
    return _Ends(sockets[0], sockets[0]), _Ends(sockets[1], sockets[1])


def _piped() -> tuple[_Ends, _Ends]:
    """Ours and theirs of two pipes."""
    from_us, from_them = os.pipe(), os.pipe()
    os.set_blocking(from_us[1], False)
    return _Ends(from_them[0], from_us[1]), _Ends(from_us[0], from_them[1])


def _ready(fd: int, event: int, timeout_s: float) -> bool:
    waiting = select.poll()
    waiting.register(fd, event)
    return bool(waiting.poll(max(timeout_s, 0.0) * 1000))


def _command(board: Board, elf: Path, theirs: _Ends, options: Sequence[str]) -> list[str]:
    if board.emulator == "process":
        if not elf.is_file():
            raise _no_firmware(elf)
        return [str(elf.resolve()), str(theirs.receiving)]
    cache = ["-accel", f"tcg,tb-size={_TRANSLATED_MIB}"]
    if board.piped:
        return qemu_command(board, elf, [*cache, *options], [f"/dev/fd/{fd}" for fd in theirs])
    link = ["-chardev", f"socket,id=link,fd={theirs.receiving}", "-serial", "chardev:link"]
    return qemu_command(board, elf, [*cache, *link, *options])


def qemu_command(board: Board, elf: Path, options: Sequence[str] = (), arguments: Sequence[str] = ()) -> list[str]:
    """The command that runs a firmware on a virtual board, with nothing connected but what the options connect.

    Raises:
        BoardError: The board is none of QEMU's, the emulator is missing, or there is no such firmware.
    """
    if not elf.is_file():
        raise _no_firmware(elf)
    if board.emulator != "qemu":
        raise BoardError(f"The board {board.name} is no virtual board.", hint="Give the port it is connected to.")
    program = shutil.which(QEMU)
    if program is None:
        raise BoardError(
            f"The emulator {QEMU} was not found.", hint="Install QEMU (Debian: apt install qemu-system-arm)."
        )
    return [
        program,
        *("-M", board.machine),
        *("-nodefaults", "-display", "none", "-monitor", "none"),
        *options,
        *("-semihosting-config", ",".join(["enable=on", *(f"arg={one}" for one in arguments)]), "-no-reboot"),
        *("-icount", f"shift={board.counter_shift},sleep=off"),
        *("-kernel", str(elf.resolve())),
    ]


def _no_firmware(elf: Path) -> BoardError:
    return BoardError(f"There is no firmware {elf}.", hint="Build it first.")
