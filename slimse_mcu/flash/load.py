"""Firmware into a board: choose the tool, load, and ask the board what it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimse_mcu.board import Board
from slimse_mcu.build import Image
from slimse_mcu.errors import FlashError, LinkError
from slimse_mcu.flash.tool import Job, Progress, Tool, check_tables, settings_of, tools
from slimse_mcu.harness.device import DeviceInfo
from slimse_mcu.harness.session import Session

_PORT_WAIT_S = 10.0
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was done.

    Attributes:
        tool: Name of the flash tool.
        verified: Whether the tool read back what it wrote.
        port: Where the board answered; None when it was not asked.
        info: What it said; None when it was not asked.
    """

    tool: str
    verified: bool
    port: str | None
    info: DeviceInfo | None


def choose_tool(board: Board, wanted: str | None = None) -> Tool:
    """The flash tool to use.

    Args:
        board: The target; it names its tools, the preferred one first.
        wanted: Name of a tool; None: the board's first that is installed.

    Raises:
        FlashError: There is none, or it is not installed; says how to get it.
        BoardError: The board says nothing about it, or a table of it is wrong.
    """
    known = tools()
    check_tables(board)
    if board.virtual and not board.flash:
        raise FlashError(
            f"The board {board.name} is virtual: every measurement starts it with its firmware.",
            hint="Use slimse measure.",
        )
    if wanted is not None:
        if wanted not in known:
            raise FlashError(f"There is no flash tool {wanted}.", hint=f"Choose one of {', '.join(known)}.")
        settings_of(board, known[wanted])
        if lack := known[wanted].lacks():
            raise FlashError(f"{known[wanted].title} is not installed.", hint=lack)
        return known[wanted]
    named = [known[name] for name in board.flash]
    for tool in named:
        if not tool.lacks():
            return tool
    if not named:
        raise FlashError(
            f"The board {board.name} names no flash tool.",
            hint=f"Write a table [flash.TOOL] into {board.path / 'board.toml'}; there are {', '.join(known)}.",
        )
    titles = ", ".join(tool.title for tool in named)
    raise FlashError(f"None of the tools that load {board.name} is installed: {titles}.", hint=named[0].lacks())


def load(
    board: Board,
    image: Image,
    *,
    tool: str | None = None,
    probe: str | None = None,
    drive: Path | None = None,
    port: str | None = None,
    ask: bool = True,
    progress: Progress = lambda _step, _done, _total: None,
) -> Loaded:
    """Load firmware into a board, and check that the board then runs this model.

    Args:
        board: The target.
        image: Its firmware.
        tool: Name of the flash tool; None: the board's first that is installed.
        probe: Serial number of the probe, or part of it.
        drive: Where the drive of a UF2 boot loader is mounted.
        port: Serial port of the board; None: found by the USB numbers that the board names.
        ask: Whether ``hello`` has to be answered with the image's hashes.
        progress: Told how far it is.

    Raises:
        FlashError: The tool is missing or failed, or there is no serial port.
        BoardError: The board's description of the tool is wrong.
        LinkError: The board does not answer, or runs something else.
    """
    chosen = choose_tool(board, tool)
    chosen.load(Job(board, image.elf, probe, drive, progress), settings_of(board, chosen))
    if not ask:
        return Loaded(chosen.name, chosen.verifies, None, None)
    found = port or wait_for_port(board, probe)
    try:
        with Session(board, image, port=found) as session:
            info = session.info
    except LinkError as error:
        raise LinkError(
            f"{chosen.title} has loaded {board.name}, but then: {error.message}",
            hint=error.hint or "Reset the board and try slimse measure.",
        ) from error
    return Loaded(chosen.name, chosen.verifies, found, info)


def wait_for_port(board: Board, probe: str | None = None, *, seconds: float = _PORT_WAIT_S) -> str:
    """The serial port of a board, by the USB numbers that the board names; waits for it to appear.

    Raises:
        FlashError: There is none, or more than one.
    """
    end = time.monotonic() + seconds
    while True:
        found = serial_ports(board, probe)
        if len(found) == 1:
            return str(found[0].device)
        if time.monotonic() > end:
            break
        time.sleep(_POLL_S)
    if found:
        names = ", ".join(f"{one.device} ({one.serial_number})" for one in found)
        raise FlashError(f"There are {len(found)} serial ports that fit {board.name}: {names}.", hint="Give --port.")
    raise FlashError(
        f"No serial port of the board {board.name} was found.",
        hint="Give --port; slimse doctor lists the ports there are.",
    )


def serial_ports(board: Board, probe: str | None = None) -> Sequence[Any]:
    """The serial ports whose USB numbers the board names."""
    from serial.tools import list_ports

    return [
        one
        for one in sorted(list_ports.comports())
        if one.vid is not None
        and f"{one.vid:04x}:{one.pid:04x}" in board.usb.serial
        and (probe is None or probe in (one.serial_number or ""))
    ]
