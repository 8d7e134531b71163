"""What a board is: flat data read from ``boards/<name>/board.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Board:
    """One target.

    Attributes:
        name: Folder name under ``boards/``.
        title: One line for people.
        core: ``"cortex-m4"``, ..., or ``"host"``.
        compiler: Executable name of the C compiler.
        flags: Core flags for compiler and linker.
        kernels: Kernel folders under ``firmware/`` in search order, the portable one last.
        hal: Sources under ``firmware/hal`` that this board needs.
        clock_hz: Core clock; 0 where it means nothing (host).
        flash_bytes: Room for code and constants; 0 = no limit.
        ram_bytes: Room for data and stack; 0 = no limit.
        counter: ``"instructions"``, ``"cycles"`` or ``"none"``: what ``hal_counter`` counts.
        counter_hz: Rate of the counter's ticks in emulated time; 0 when a tick is one count.
        counter_shift: The emulator's ``icount`` shift; an instruction takes ``2**shift`` ns of emulated time.
        emulator: ``"qemu"``, ``"process"`` or ``""`` for hardware.
        machine: QEMU machine name.
        baud: Serial speed for hardware.
        path: The board's folder (holds ``board.toml`` and ``link.ld``).
    """

    name: str
    title: str
    core: str
    compiler: str
    flags: tuple[str, ...]
    kernels: tuple[str, ...]
    hal: tuple[str, ...]
    clock_hz: int
    flash_bytes: int
    ram_bytes: int
    counter: str
    counter_hz: int
    counter_shift: int
    emulator: str
    machine: str
    baud: int
    path: Path

    def counts(self, ticks: int) -> int:
        """Convert counter ticks to instructions (virtual boards) or cycles (hardware)."""
        if self.counter_hz == 0:
            return ticks
        return round(ticks * 1e9 / (self.counter_hz * 2**self.counter_shift))
