"""TCP ports that lead to modelled hardware."""

from __future__ import annotations

import contextlib
import socket
import threading
from abc import ABC, abstractmethod
from typing import Self


class Wire(ABC):
    """A TCP port that one peer at a time talks to, served by a thread; a context manager.

    What goes wrong in that thread is raised at the end.
    """

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._peer: socket.socket | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @abstractmethod
    def talk(self, peer: socket.socket) -> None:
        """Serve a peer until it hangs up."""

    @property
    def port(self) -> int:
        """Number of the port on this computer."""
        return int(self._server.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A thread that waits for a socket does not notice that it is closed, but that it is shut down.
        for one in (self._server, self._peer):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(30)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            with peer:
                self._peer = peer
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    self.talk(peer)
                except OSError:
                    pass
                except BaseException as error:  # noqa: BLE001 - the test raises it
                    self._error = error
                self._peer = None
