"""Boards of a farm: places of a labgrid coordinator, acquired, used and given back.

labgrid (https://labgrid.readthedocs.io) has a coordinator, which knows who uses what, exporters, which run where the
boards hang, and places, which are what people acquire.  A place of a board needs one serial port, exported as
``USBSerialPort``, ``RawSerialPort`` or ``NetworkSerialPort``; the tag ``board`` may say which board it is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Any

from slimse_mcu.errors import BoardError

DEFAULT_PORT = 20408
"""Where a coordinator listens."""

_TAG = "board"
_SERIAL = "NetworkSerialPort"
_SCHEMES = {"raw": "socket", "rfc2217": "rfc2217"}


@dataclass(frozen=True, slots=True)
class Seat:
    """A board of a farm.

    Attributes:
        place: Name of its place.
        port: Where it is connected, as ``--port`` takes it.
    """

    place: str
    port: str


class Farm:
    """All free boards of a coordinator that match; a context manager that acquires them, and gives them back.

    Args:
        address: ``HOST``, ``HOST:PORT``, or either with ``/PATTERN`` behind it for the names of places.
        board: Name of the board; places that are tagged as another are left alone.

    Raises:
        BoardError: On entry: labgrid is not installed, the coordinator is not there, or no board is free.
    """

    def __init__(self, address: str, board: str) -> None:
        self._address, _, pattern = address.partition("/")
        self._pattern = pattern or "*"
        self._board = board
        self._acquired: list[str] = []
        self.seats: tuple[Seat, ...] = ()

    def __enter__(self) -> Farm:
        with _session(self._address) as session:
            try:
                self.seats = tuple(self._acquire(session))
            except BaseException:
                self._release(session)
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._acquired:
            with _session(self._address) as session:
                self._release(session)

    def _acquire(self, session: Any) -> Iterator[Seat]:
        """Every free place that matches and has a serial port.

        Raises:
            BoardError: There is none.
        """
        matching = [place for name, place in sorted(session.places.items()) if fnmatchcase(name, self._pattern)]
        matching = [one for one in matching if one.tags.get(_TAG, self._board) == self._board]
        refused = []
        for place in matching:
            try:
                _call(session, "AcquirePlace", place.name)
            except _RefusedError as error:
                refused.append(f"{place.name}: {error}")
                continue
            self._acquired.append(place.name)
            yield Seat(place.name, _port(session, place))
        if not self._acquired:
            why = f" ({'; '.join(refused)})" if refused else ""
            raise BoardError(
                f"The coordinator {self._address} has no free place {self._pattern} for the board {self._board}{why}.",
                hint="`labgrid-client places` lists them; another user may hold them.",
            )

    def _release(self, session: Any) -> None:
        while self._acquired:
            name = self._acquired.pop()
            try:
                _call(session, "ReleasePlace", name)
            except _RefusedError as error:  # somebody else has released it: nothing is left to give back
                logging.getLogger(__name__).debug("%s was not released: %s", name, error)


def _port(session: Any, place: Any) -> str:
    """Where an acquired place's board is connected.

    Raises:
        BoardError: The place has no serial port, or one of a kind that is not known.
    """
    found = [entry for (_, kind), entry in session.get_target_resources(place).items() if kind == _SERIAL]
    if not found:
        raise BoardError(
            f"The place {place.name} has no serial port.",
            hint=f"Match its port: labgrid-client -p {place.name} add-match EXPORTER/GROUP/{_SERIAL}.",
        )
    told = found[0].args
    scheme = _SCHEMES.get(str(told.get("protocol", "rfc2217")))
    if scheme is None or not told.get("host") or not told.get("port"):
        raise BoardError(
            f"The serial port of the place {place.name} cannot be used: {told}.",
            hint="Export it as USBSerialPort, RawSerialPort or NetworkSerialPort.",
        )
    host = str(told["host"])
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{int(told['port'])}"


class _RefusedError(Exception):
    """The coordinator refuses a request; never leaves this module."""


def _call(session: Any, method: str, place: str) -> None:
    """Ask the coordinator for a change of a place, and wait until it is known here."""
    import grpc
    from labgrid.remote.generated import labgrid_coordinator_pb2 as messages

    request = getattr(messages, f"{method}Request")(placename=place)
    try:
        session.loop.run_until_complete(getattr(session.stub, method)(request))
        session.loop.run_until_complete(session.sync_with_coordinator())
    except grpc.aio.AioRpcError as error:
        raise _RefusedError(error.details()) from error


@contextmanager
def _session(address: str) -> Iterator[Any]:
    """A connection to a coordinator.

    Raises:
        BoardError: labgrid is not installed, or nothing answers.
    """
    try:
        from labgrid.remote import client
    except ImportError as error:
        raise BoardError(
            f"A farm needs the Python package labgrid ({error}).", hint="pip install 'slimse-mcu[farm]'"
        ) from error
    host, _, port = address.rpartition(":") if ":" in address else (address, "", str(DEFAULT_PORT))
    if not host or not port.isdigit():
        raise BoardError(f"{address} is no address of a coordinator.", hint="Give HOST or HOST:PORT.")
    try:
        with _quiet():
            session = client.start_session(f"{host}:{port}")
    except (client.Error, OSError) as error:
        raise BoardError(
            f"The labgrid coordinator {host}:{port} does not answer.",
            hint="Start labgrid-coordinator, or check the name.",
        ) from error
    try:
        yield session
    finally:
        with _quiet():
            session.stopping.set()
            session.loop.run_until_complete(session.stop())
            session.loop.run_until_complete(session.close())


@contextmanager
def _quiet() -> Iterator[None]:
    """Labgrid logs as errors what is told here in words, and a connection that is closed on purpose."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
