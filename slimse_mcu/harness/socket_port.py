"""A board behind a TCP socket, ``socket://host:port``: a serial server, or a board's own network."""

from __future__ import annotations

import contextlib
import socket
from urllib.parse import urlsplit

from slimse_mcu.errors import LinkError
from slimse_mcu.harness.transport import GoneError, reason

SCHEME = "socket://"

_CONNECT_TIMEOUT_S = 5.0
_SEND_TIMEOUT_S = 10.0
_CHUNK_BYTES = 65536


class SocketPort:
    """A TCP connection, as a transport.

    Args:
        url: ``socket://host:port``.

    Raises:
        LinkError: The URL is none, or nothing listens there.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        parts = urlsplit(url)
        try:
            host, number = parts.hostname, parts.port
        except ValueError:
            host, number = None, None
        if not host or not number:
            raise LinkError(f"{url} names no port of a machine.", hint="Give socket://HOST:PORT.")
        self._address = host, number
        try:
            self._socket = self._connected()
        except OSError as error:
            raise LinkError(
                f"The port {url} cannot be opened: {reason(error)}.",
                hint="Check that the program that serves the board runs there.",
            ) from error

    @property
    def name(self) -> str:
        """What error messages call it."""
        return f"the board at {self._url}"

    def send(self, data: bytes) -> None:
        """Send all bytes.

        Raises:
            GoneError: The connection has ended.
        """
        try:
            self._socket.settimeout(_SEND_TIMEOUT_S)
            self._socket.sendall(data)
        except OSError as error:
            raise self._gone(reason(error)) from error

    def receive(self, timeout_s: float) -> bytes:
        """Return what has arrived, waiting up to ``timeout_s`` for it; empty if nothing came.

        Raises:
            GoneError: The connection has ended.
        """
        try:
            self._socket.settimeout(max(timeout_s, 1e-4))
            data = self._socket.recv(_CHUNK_BYTES)
        except TimeoutError:
            return b""
        except OSError as error:
            raise self._gone(reason(error)) from error
        if not data:
            raise self._gone("the other end closed the connection")
        return data

    def reopen(self) -> bool:
        """Try once to connect again; whether that worked."""
        self.close()
        try:
            self._socket = self._connected()
        except OSError:
            return False
        return True

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _connected(self) -> socket.socket:
        opened = socket.create_connection(self._address, _CONNECT_TIMEOUT_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return opened

    def _gone(self, why: str) -> GoneError:
        return GoneError(f"The port {self._url} failed: {why}.", hint="Check the cable and try again.")
