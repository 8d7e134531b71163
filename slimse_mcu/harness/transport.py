"""What carries the bytes of a link: a port of this computer, one of another machine, or a process."""

from __future__ import annotations

from typing import Protocol

from slimse_mcu.errors import LinkError


class GoneError(LinkError):
    """A port went away: a cable was pulled, or what serves the port ended.  It may come back."""


class Transport(Protocol):
    """A stream of bytes in both directions.

    ``send`` and ``receive`` raise :class:`GoneError` when the port is away, and any other LinkError when the other end
    is gone for good.
    """

    @property
    def name(self) -> str:
        """What error messages call it."""

    def send(self, data: bytes) -> None:
        """Send all bytes."""

    def receive(self, timeout_s: float) -> bytes:
        """Return what has arrived, waiting up to ``timeout_s`` for it; empty if nothing came."""

    def reopen(self) -> bool:
        """Try once to open a port that went away; whether that worked."""

    def close(self) -> None:
        """Free everything."""


def sentence_case(text: str) -> str:
    """``text`` with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def reason(error: Exception) -> str:
    """The first line of a system's or library's message without its last full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
