"""A board behind anything that pyserial opens: ``/dev/tty*``, ``COM*``, ``socket://``, ``rfc2217://``."""

from __future__ import annotations

import serial

from slimse_mcu.errors import LinkError


class SerialPort:
    """An open serial port, as a transport.

    Args:
        port: Device name or pyserial URL.
        baud: Speed in bits per second.

    Raises:
        LinkError: The port does not exist, may not be opened or is in use.
    """

    def __init__(self, port: str, baud: int) -> None:
        self._port = port
        try:
            self._serial = serial.serial_for_url(port, do_not_open=True)
            self._serial.baudrate = baud or 115200
            if "://" not in port:
                self._serial.exclusive = True
            self._serial.open()
        except (serial.SerialException, OSError, ValueError) as error:
            raise LinkError(
                f"The port {port} cannot be opened: {_reason(error)}.",
                hint="If another program uses it, close that; slimse doctor lists the ports there are.",
            ) from error

    @property
    def name(self) -> str:
        """What error messages call it."""
        return f"the board at {self._port}"

    def send(self, data: bytes) -> None:
        """Send all bytes.

        Raises:
            LinkError: The port is gone.
        """
        try:
            self._serial.write(data)
        except (serial.SerialException, OSError) as error:
            raise self._gone(error) from error

    def receive(self, timeout_s: float) -> bytes:
        """Return what has arrived, waiting up to ``timeout_s`` for it; empty if nothing came.

        Raises:
            LinkError: The port is gone.
        """
        try:
            self._serial.timeout = timeout_s
            data = bytes(self._serial.read(1))
            waiting = self._serial.in_waiting if data else 0
            return data + bytes(self._serial.read(waiting)) if waiting else data
        except (serial.SerialException, OSError) as error:
            raise self._gone(error) from error

    def close(self) -> None:
        """Give the port back."""
        self._serial.close()

    def _gone(self, error: Exception) -> LinkError:
        return LinkError(f"The port {self._port} failed: {_reason(error)}.", hint="Check the cable and try again.")


def _reason(error: Exception) -> str:
    """The first line of pyserial's message without its last full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
