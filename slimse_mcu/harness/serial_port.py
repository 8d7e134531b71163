"""A board behind anything that pyserial opens: ``/dev/tty*``, ``COM*``, ``rfc2217://``."""

from __future__ import annotations

import contextlib

import serial
from serial.tools import list_ports

from slimse_mcu.errors import LinkError
from slimse_mcu.harness.transport import GoneError, reason

DEFAULT_BAUD = 115200

_SEND_TIMEOUT_S = 10.0
_ERRORS = (serial.SerialException, OSError, ValueError, TypeError)  # pyserial has all of them for a port that went away


class SerialPort:
    """An open serial port, as a transport.

    A USB adapter that is plugged in again is found by its serial number, whatever name it gets.

    Args:
        port: Device name or pyserial URL.
        baud: Speed in bits per second; 0: 115,200.

    Raises:
        LinkError: The port does not exist, may not be opened or is in use.
    """

    def __init__(self, port: str, baud: int) -> None:
        self._port = port
        self._baud = baud or DEFAULT_BAUD
        self._adapter = _adapter_of(port)
        try:
            self._serial = self._opened(port)
        except _ERRORS as error:
            raise LinkError(
                f"The port {port} cannot be opened: {reason(error)}.",
                hint="If another program uses it, close that; slimse doctor lists the ports there are.",
            ) from error

    @property
    def name(self) -> str:
        """What error messages call it."""
        return f"the board at {self._port}"

    def send(self, data: bytes) -> None:
        """Send all bytes.

        Raises:
            GoneError: The port is gone.
        """
        try:
            self._serial.write(data)
        except _ERRORS as error:
            raise self._gone(error) from error

    def receive(self, timeout_s: float) -> bytes:
        """Return what has arrived, waiting up to ``timeout_s`` for it; empty if nothing came.

        Raises:
            GoneError: The port is gone.
        """
        try:
            self._serial.timeout = timeout_s
            data = bytes(self._serial.read(1))
            waiting = self._serial.in_waiting if data else 0
            return data + bytes(self._serial.read(waiting)) if waiting else data
        except _ERRORS as error:
            raise self._gone(error) from error

    def reopen(self) -> bool:
        """Try once to open the port again; whether that worked."""
        self.close()
        try:
            self._serial = self._opened(_port_of(self._adapter) or self._port)
        except _ERRORS:
            return False
        return True

    def close(self) -> None:
        """Give the port back."""
        with contextlib.suppress(*_ERRORS):
            self._serial.close()

    def _opened(self, port: str) -> serial.SerialBase:
        opened = serial.serial_for_url(port, do_not_open=True)
        opened.baudrate = self._baud
        opened.write_timeout = _SEND_TIMEOUT_S
        if "://" not in port:
            opened.exclusive = True
        opened.open()
        return opened

    def _gone(self, error: Exception) -> GoneError:
        return GoneError(f"The port {self._port} failed: {reason(error)}.", hint="Check the cable and try again.")


_Adapter = tuple[int, int, str, str]


def _adapter_of(port: str) -> _Adapter | None:
    """What tells the USB adapter of a port from all others; None where there is no such thing."""
    found = next((one for one in list_ports.comports(include_links=True) if one.device == port), None)
    if found is None or found.vid is None or not found.serial_number:
        return None
    return found.vid, found.pid, found.serial_number, (found.location or "").partition(":")[2]


def _port_of(adapter: _Adapter | None) -> str | None:
    """Where an adapter is plugged in now; None where it is not, or is no USB adapter."""
    if adapter is None:
        return None
    return next((one.device for one in list_ports.comports() if _adapter_of(one.device) == adapter), None)
