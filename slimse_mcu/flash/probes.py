"""Debug probes on this computer's USB, and which of them a board's firmware goes through."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slimse_mcu.board import Board
from slimse_mcu.errors import FlashError

LINUX = Path("/sys/bus/usb/devices")
"""Where Linux lists what is on the bus, for everybody to read."""


@dataclass(frozen=True, slots=True)
class Device:
    """Something on the bus.

    Attributes:
        id: ``vendor:product``, hexadecimal, lower case.
        serial: Serial number; empty if it has none.
        name: What it calls itself.
    """

    id: str
    serial: str
    name: str


def devices(folder: Path = LINUX) -> tuple[Device, ...]:
    """What is on the bus, as far as this computer tells: all of it on Linux, elsewhere what has a serial port."""
    found = set(_listed(folder)) if folder.is_dir() else set(_with_ports())
    return tuple(sorted(found, key=lambda one: (one.id, one.serial)))


def probe_serial(board: Board, wanted: str | None, found: tuple[Device, ...] | None = None) -> str | None:
    """The serial number by which a tool has to choose the probe; None leaves it to the tool, which finds only one.

    Args:
        board: Names the USB numbers of its probe.
        wanted: Serial number or part of it; None: the board's probe.
        found: What is on the bus; None: look.

    Raises:
        FlashError: Several probes fit.
    """
    found = devices() if found is None else found
    ours = [one for one in found if one.id in board.usb.probe]
    if wanted is None:
        if len(ours) > 1:
            raise _several(ours)
        # Tools take any CMSIS-DAP probe for theirs, also that of another board.
        alike = [one for one in found if "CMSIS-DAP" in one.name]
        return ours[0].serial or None if len(alike) > 1 and ours else None
    fit = [one for one in found if one.serial == wanted] or [one for one in ours if wanted in one.serial]
    fit = fit or [one for one in found if wanted in one.serial]
    if len({one.serial for one in fit}) > 1:
        raise _several(fit)
    return fit[0].serial if fit else wanted  # a tool may know probes that are not on this bus


def _several(found: list[Device]) -> FlashError:
    names = ", ".join(f"{one.serial or 'without number'} ({one.name or one.id})" for one in found)
    return FlashError(f"There are {len(found)} debug probes that fit: {names}.", hint="Choose one with --probe.")


def _listed(folder: Path) -> Iterator[Device]:
    for place in folder.iterdir():
        with contextlib.suppress(OSError):  # no device but an interface, or just unplugged
            numbers = (_text(place / "idVendor"), _text(place / "idProduct"))
            serial, name = (_text(place / one) if (place / one).is_file() else "" for one in ("serial", "product"))
            yield Device(":".join(numbers), serial, name)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace").strip()


def _with_ports() -> Iterator[Device]:
    from serial.tools import list_ports

    for one in list_ports.comports():
        if one.vid is not None and one.pid is not None:
            yield Device(f"{one.vid:04x}:{one.pid:04x}", one.serial_number or "", one.product or "")
