"""A virtual board behind a TCP port, as a serial server would have it: for other machines, and for farms."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from pathlib import Path
from types import TracebackType

from slimse_mcu.board import Board
from slimse_mcu.errors import LinkError
from slimse_mcu.harness.transport import reason
from slimse_mcu.harness.virtual import VirtualBoard

_CHUNK_BYTES = 65536
_POLL_S = 0.2


class BoardServer:
    """A virtual board that one peer at a time reaches at ``url``; a context manager.

    The board runs on between peers, as one on a desk would.  When it ends, because a peer said bye or because it
    crashed, the peer is hung up on and the board starts anew.

    Args:
        board: A virtual board.
        elf: Its firmware.
        host: Address to listen at; the default lets only this computer in.
        port: To listen at; 0: any that is free.

    Raises:
        LinkError: On entry: the address cannot be listened at.
    """

    def __init__(self, board: Board, elf: Path, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._board = board
        self._elf = elf
        self._address = host, port
        self._server: socket.socket | None = None
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=f"board {board.name}", daemon=True)
        self._error: Exception | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None, "the server was not entered"
        return int(self._server.getsockname()[1])

    @property
    def url(self) -> str:
        """What ``--port`` takes."""
        return f"socket://{self._address[0]}:{self.port}"

    def __enter__(self) -> BoardServer:
        try:
            self._server = socket.create_server(self._address)
        except OSError as error:
            host, port = self._address
            raise LinkError(
                f"{host}:{port} cannot be listened at: {reason(error)}.", hint="Choose another --listen."
            ) from error
        self._server.settimeout(_POLL_S)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self._server is not None:
            self._server.close()

    def wait(self) -> None:
        """Wait until the server ends, which only an error makes it do.

        Raises:
            BoardError: The board does not start.
        """
        # Again and again: a signal that comes just before this thread falls asleep, or to another thread, does not wake
        # it, and Ctrl-C would do nothing.  (And no join: it takes a thread for ended when a signal interrupts it.)
        while not self._ended.wait(_POLL_S):
            pass
        if self._error is not None:
            raise self._error

    def _serve(self) -> None:
        try:
            while not self._stop.is_set():
                with VirtualBoard(self._board, self._elf) as running:
                    self._run(running)
        except Exception as error:  # noqa: BLE001 - told by wait(), in the thread that asks
            self._error = error
        finally:
            self._ended.set()

    def _run(self, running: VirtualBoard) -> None:
        """Serve peers until the board ends."""
        while not self._stop.is_set():
            peer = self._accepted()
            if peer is None:
                continue
            with peer:
                if not self._pass_on(peer, running):
                    return

    def _accepted(self) -> socket.socket | None:
        assert self._server is not None
        with contextlib.suppress(TimeoutError):
            peer, _ = self._server.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return peer
        return None

    def _pass_on(self, peer: socket.socket, running: VirtualBoard) -> bool:
        """Pass bytes on until the peer hangs up (True) or the board ends (False)."""
        with selectors.DefaultSelector() as selector:
            selector.register(peer, selectors.EVENT_READ)
            selector.register(running, selectors.EVENT_READ)
            while not self._stop.is_set():
                ready = [key.fileobj for key, _ in selector.select(_POLL_S)]
                try:
                    if running in ready:
                        _send(peer, running.receive(0.0))
                    if peer in ready:
                        data = _received(peer)
                        if not data:
                            return True
                        running.send(data)
                except LinkError:
                    return False
        return True


def _received(peer: socket.socket) -> bytes:
    """What a peer has sent; empty: it has hung up."""
    try:
        return peer.recv(_CHUNK_BYTES)
    except OSError:
        return b""


def _send(peer: socket.socket, data: bytes) -> None:
    """A peer that takes nothing any more is noticed when it is read from."""
    with contextlib.suppress(OSError):
        peer.sendall(data)
