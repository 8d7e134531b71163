"""What a crashed board reports, in words."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from slimse_mcu.errors import LinkError

_LAYOUT = struct.Struct("<BBB13I")

# Bits of the configurable fault status register (Armv7-M and Armv8-M Architecture Reference Manuals).
_CAUSES = {
    0: "execution where none is allowed",
    1: "data access where none is allowed",
    3: "access violation when an exception returned",
    4: "access violation when an exception was entered",
    5: "access violation when floating-point registers were saved",
    8: "no memory at the program counter",
    9: "no memory at the address of a data access",
    10: "no memory at the address of an earlier data access",
    11: "no memory when an exception returned",
    12: "no memory when an exception was entered",
    13: "no memory when floating-point registers were saved",
    16: "undefined instruction",
    17: "invalid state (a branch to an even address)",
    18: "invalid return from an exception",
    19: "coprocessor or FPU that is switched off",
    20: "stack overflow",
    24: "unaligned access",
    25: "division by zero",
}
_MMARVALID = 1 << 7
_BFARVALID = 1 << 15


@dataclass(frozen=True, slots=True)
class Fault:
    """The last words of a board; the fields are those of ``hal_fault_t`` in ``firmware/hal/hal.h``."""

    exception: int
    frame_valid: bool
    stack_overflow: bool
    r0: int
    r1: int
    r2: int
    r3: int
    r12: int
    lr: int
    pc: int
    xpsr: int
    sp: int
    cfsr: int
    hfsr: int
    mmfar: int
    bfar: int

    @property
    def cause(self) -> str:
        """What went wrong, from the status registers."""
        if self.stack_overflow:
            return "stack overflow"
        causes = [text for bit, text in _CAUSES.items() if self.cfsr >> bit & 1]
        address = ""
        if self.cfsr & _BFARVALID:
            address = f" 0x{self.bfar:08x}"
        elif self.cfsr & _MMARVALID:
            address = f" 0x{self.mmfar:08x}"
        if not causes:  # Armv6-M has no status registers
            causes = ["hard fault of unknown cause" if self.exception == 3 else f"exception {self.exception}"]
        return ", ".join(causes) + address

    @property
    def registers(self) -> str:
        """The registers that are known, in one line."""
        names: tuple[str, ...] = ("sp", "cfsr", "hfsr", "mmfar", "bfar")
        if self.frame_valid:
            names = ("pc", "lr", "r0", "r1", "r2", "r3", "r12", "xpsr", *names)
        return ", ".join(f"{name} 0x{getattr(self, name):08x}" for name in names)


class FaultError(LinkError):
    """The firmware crashed; ``fault`` holds its registers, ``function`` the name of the guilty function if known."""

    def __init__(self, board: str, fault: Fault, function: str = "") -> None:
        place = f" in {function}" if function else ""
        super().__init__(
            f"The firmware on {board} crashed{place}: {fault.cause} ({fault.registers}).",
            hint="Give the board more stack_bytes."
            if fault.stack_overflow
            else "Report this as a bug of the firmware.",
        )
        self.fault = fault
        self.function = function


def parse_fault(payload: bytes) -> Fault:
    """Read the payload of a fault packet.

    Raises:
        ValueError: It does not follow the specification.
    """
    if len(payload) != _LAYOUT.size:
        raise ValueError("a fault packet of the wrong size")
    exception, valid, overflow, *words = _LAYOUT.unpack(payload)
    return Fault(exception, bool(valid), bool(overflow), *words)
