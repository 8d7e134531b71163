"""What a debug probe is wired to: the debug port of a part of :mod:`silicon.chip`, and the ways that probes reach it.

Real flash tools run against it: :func:`pyocd_probe` is a probe for pyOCD, :class:`JtagWire` one for OpenOCD.

Arm Debug Interface Architecture Specification ADIv5.2 (IHI 0031), chapters B2, B3, C2; Armv7-M Architecture Reference
Manual (DDI 0403), chapter C1.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from unicorn import UcError

from silicon.chip import Chip
from silicon.wire import Wire

_POLLED = 5000  # instructions that the core runs between two looks of the debugger
_BREAKPOINT = 7  # the emulator's number of the exception of BKPT
_ROM_TABLE = 0xE00FF000


class Fault(Exception):
    """There is nothing at an address: the access port answers so."""


class Silence(Exception):
    """The debug port does not answer."""


def _identification(base: int, part: int, designer: int, kind: int) -> dict[int, int]:
    """Registers by which a debugger knows a component (CoreSight Architecture Specification, chapter B2)."""
    peripheral = (part & 0xFF, part >> 8 | (designer & 0xF) << 4, (designer >> 4 & 7) | 8)
    component = (0x0D, kind << 4, 0x05, 0xB1)
    return {
        base + 0xFD0: designer >> 7,
        **{base + 0xFE0 + 4 * i: value for i, value in enumerate(peripheral)},
        **{base + 0xFF0 + 4 * i: value for i, value in enumerate(component)},
        **({base + 0xFCC: 1} if kind == 1 else {}),
    }


class DebugPort:
    """Debug port, one access port to memory, and the halting debug of a Cortex-M3.

    Attributes:
        worn: Address -> value, of bytes that read otherwise than they were written.
        silent: Nothing answers, as when firmware has switched the debug pins off, until the reset pin is pulled low.
        dead: Nothing answers whatever the pins do.
    """

    identity = 0x1BA01477
    access_port = 0x14770011

    def __init__(self, chip: Chip, *, silent: bool = False, dead: bool = False) -> None:
        self.chip = chip
        self.worn: dict[int, int] = {}
        self.silent = silent
        self.dead = dead
        self.pulled_low = 0
        self._fixed = {
            0xE000ED00: 0x411FC231,  # CPUID: Cortex-M3 r1p1
            _ROM_TABLE: 0xE000E000 - _ROM_TABLE + 2**32 | 3,
            **_identification(_ROM_TABLE, 0x414, 0x20, 1),
            **_identification(0xE000E000, 0, 4 << 7 | 0x3B, 14),
            **chip.identity,
        }
        self._stored: dict[int, int] = {}
        self._control = self._select = self._last = 0
        self._csw, self._address = 0x23000040, 0
        self._debug = 0  # DHCSR, its low bits
        self._halted = self._locked = self._was_reset = self._held = False
        self._data = 0

    # The debug port.

    def read_dp(self, register: int) -> int:
        """DPIDR, CTRL/STAT, RESEND, RDBUFF."""
        self._answer()
        if register & 0xC == 0xC:
            return self._last
        if register & 0xC == 4:
            return self._control | (self._control & 0x50000000) << 1
        return self.identity if register & 0xC == 0 else 0

    def write_dp(self, register: int, value: int) -> None:
        """ABORT, CTRL/STAT, SELECT."""
        self._answer()
        if register & 0xC == 0 and value & 4:
            self._control &= ~0x20
        elif register & 0xC == 4:
            sticky = self._control & 0x20 & ~value
            self._control = value & 0x50000F01 | sticky
        elif register & 0xC == 8:
            self._select = value

    def read_ap(self, register: int) -> int:
        """A register of the access port in the bank that SELECT chose."""
        self._answer()
        if self._select >> 24:
            return 0
        place = self._select & 0xF0 | register & 0xC
        if place == 0x0C:
            self._last = self._next_word(None)
        elif place & 0xF0 == 0x10:
            self._last = self._load(self._address & ~15 | place & 0xC, 4)
        else:
            values = {0x00: self._csw, 0x04: self._address, 0xF8: _ROM_TABLE | 3, 0xFC: self.access_port}
            self._last = values.get(place, 0)
        return self._last

    def write_ap(self, register: int, value: int) -> None:
        """A register of the access port in the bank that SELECT chose."""
        self._answer()
        place = self._select & 0xF0 | register & 0xC
        if self._select >> 24:
            return
        if place == 0x00:
            # Sizes of 1, 2 and 4 bytes; no packed transfers.
            self._csw = value & 0x7F000010 | 0x40 | min(value & 7, 2)
        elif place == 0x04:
            self._address = value
        elif place == 0x0C:
            self._next_word(value)
        elif place & 0xF0 == 0x10:
            self._store(self._address & ~15 | place & 0xC, 4, value)

    def hold_reset(self, low: bool) -> None:
        """The reset pin."""
        if low != self._held:
            self._held = low
            self._restart()
        if low:
            self.silent = False
            self.pulled_low += 1

    @property
    def held(self) -> bool:
        """Whether the reset pin is low."""
        return self._held

    @property
    def answers(self) -> bool:
        """Whether there is an answer to anything."""
        return not (self.silent or self.dead)

    def _answer(self) -> None:
        if not self.answers:
            raise Silence

    # The access port.

    def _next_word(self, value: int | None) -> int:
        size = 1 << (self._csw & 3)
        lane = 8 * (self._address & 3)
        if value is None:
            found = self._load(self._address, size) << lane
        else:
            found = 0
            self._store(self._address, size, value >> lane & (1 << 8 * size) - 1)
        if self._csw & 0x10:
            # Within 4 KiB, as the access ports of Cortex-M3 and M4 do.
            self._address = self._address & ~0xFFF | self._address + size & 0xFFF
        return found

    def _load(self, address: int, size: int) -> int:
        if self._running():
            self._go(_POLLED)
        if address >> 20 == 0xE00:
            return self._system(address & ~3) >> 8 * (address & 3) & (1 << 8 * size) - 1
        try:
            data = bytearray(self.chip.load(address, size).to_bytes(size, "little"))
        except LookupError as error:
            self._control |= 0x20
            raise Fault from error
        for at in range(size):
            data[at] = self.worn.get(address + at, data[at])
        return int.from_bytes(data, "little")

    def _store(self, address: int, size: int, value: int) -> None:
        if address >> 20 == 0xE00:
            self._set_system(address, value)
            return
        try:
            self.chip.store(address, size, value)
        except LookupError as error:
            self._control |= 0x20
            raise Fault from error

    # The core.

    def _running(self) -> bool:
        return bool(self._debug & 1) and not (self._halted or self._held or self._locked)

    def _go(self, count: int) -> None:
        try:
            stopped = self.chip.advance(count)
        except UcError:
            self._locked = True
            return
        if stopped == _BREAKPOINT:
            place = self.chip.register(15)
            if self.chip.load(place, 2) >> 8 != 0xBE:
                self.chip.set_register(15, place - 2)
            self._halt(2)

    def _halt(self, why: int) -> None:
        self._halted, self._locked = True, False
        self._stored[0xE000ED30] = self._stored.get(0xE000ED30, 0) | why

    def _restart(self) -> None:
        self.chip.forget_code()
        self.chip.restart()
        self._halted = self._locked = False
        self._was_reset = True
        if self._debug & 1 and self._stored.get(0xE000EDFC, 0) & 1:
            self._halt(8)

    def _system(self, address: int) -> int:
        if address == 0xE000EDF0:
            state = self._debug | 1 << 16 | self._halted << 17 | self._locked << 19 | self._was_reset << 25
            self._was_reset = self._held
            return state
        if address == 0xE000EDF8:
            return self._data
        return self._fixed.get(address, self._stored.get(address, 0))

    def _set_system(self, address: int, value: int) -> None:
        if address == 0xE000EDF0 and value >> 16 == 0xA05F:
            self._control_core(value)
        elif address == 0xE000EDF4:
            self._transfer(value & 0x7F, bool(value >> 16 & 1))
        elif address == 0xE000EDF8:
            self._data = value
        elif address == 0xE000ED30:
            self._stored[address] = self._stored.get(address, 0) & ~value
        elif address == 0xE000ED0C and value >> 16 == 0x05FA and value & 5:
            self._restart()
        elif address != 0xE000ED0C:
            self._stored[address] = value

    def _control_core(self, value: int) -> None:
        self._debug = value & 0xF
        if not value & 1:
            self._halted = False
        elif value & 2:
            self._halt(1)
        elif value & 4 and self._halted:
            self._go(1)
        else:
            self.chip.forget_code()
            self._halted = False

    def _transfer(self, number: int, is_write: bool) -> None:
        assert self._halted, "registers of a running core are asked for"
        if number in (16, 18, 20):  # xPSR, PSP, CONTROL and masks: kept, and of no effect here
            if is_write:
                self._stored[number] = self._data
            else:
                self._data = self._stored.get(number, 0) | (1 << 24 if number == 16 else 0)
            return
        place = 13 if number == 17 else number
        if is_write:
            self.chip.set_register(place, self._data)
        else:
            self._data = self.chip.register(place)


def pyocd_probe(port: DebugPort, serial: str) -> type[Any]:
    """A class of probes for pyOCD, with one probe, wired to a debug port."""
    from pyocd.core import exceptions
    from pyocd.probe.debug_probe import DebugProbe

    def told(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Silence as error:
            raise exceptions.TransferError("no acknowledge") from error
        except Fault as error:
            raise exceptions.TransferFaultError from error

    class Probe(DebugProbe):  # type: ignore[misc]
        vendor_name, product_name, unique_id = "slimse", "bench", serial
        supported_wire_protocols = (DebugProbe.Protocol.DEFAULT, DebugProbe.Protocol.SWD)
        capabilities: frozenset[Any] = frozenset()
        wire_protocol = None
        is_open = False

        @classmethod
        def get_all_connected_probes(cls, unique_id: str | None = None, is_explicit: bool = False) -> list[Any]:
            return [cls()]

        @classmethod
        def get_probe_with_id(cls, unique_id: str, is_explicit: bool = False) -> Any:
            return cls() if unique_id == serial else None

        def open(self) -> None:
            self.is_open = True

        def close(self) -> None:
            self.is_open = False

        def connect(self, protocol: Any = None) -> None:
            self.wire_protocol = DebugProbe.Protocol.SWD

        def disconnect(self) -> None:
            self.wire_protocol = None

        def set_clock(self, frequency: float) -> None:
            pass

        def flush(self) -> None:
            pass

        def reset(self) -> None:
            port.hold_reset(True)
            port.hold_reset(False)

        def assert_reset(self, asserted: bool) -> None:
            port.hold_reset(asserted)

        def is_reset_asserted(self) -> bool:
            return port.held

        def read_dp(self, addr: int, now: bool = True) -> Any:
            value = told(lambda: port.read_dp(addr))
            return value if now else lambda: value

        def write_dp(self, addr: int, data: int) -> None:
            told(lambda: port.write_dp(addr, data))

        def read_ap(self, addr: int, now: bool = True) -> Any:
            value = told(lambda: port.read_ap(addr))
            return value if now else lambda: value

        def write_ap(self, addr: int, data: int) -> None:
            told(lambda: port.write_ap(addr, data))

        def read_ap_multiple(self, addr: int, count: int = 1, now: bool = True) -> Any:
            values = [told(lambda: port.read_ap(addr)) for _ in range(count)]
            return values if now else lambda: values

        def write_ap_multiple(self, addr: int, values: Any) -> None:
            for value in values:
                told(lambda value=value: port.write_ap(addr, value))

    return Probe


# ---- JTAG, bit by bit, for OpenOCD's remote_bitbang ----

# State -> next state with TMS low, with TMS high (IEEE 1149.1, figure 6-1).
_STATES = {
    "reset": ("idle", "reset"), "idle": ("idle", "select dr"),
    "select dr": ("capture dr", "select ir"), "capture dr": ("shift dr", "exit1 dr"),
    "shift dr": ("shift dr", "exit1 dr"), "exit1 dr": ("pause dr", "update dr"),
    "pause dr": ("pause dr", "exit2 dr"), "exit2 dr": ("shift dr", "update dr"), "update dr": ("idle", "select dr"),
    "select ir": ("capture ir", "reset"), "capture ir": ("shift ir", "exit1 ir"),
    "shift ir": ("shift ir", "exit1 ir"), "exit1 ir": ("pause ir", "update ir"),
    "pause ir": ("pause ir", "exit2 ir"), "exit2 ir": ("shift ir", "update ir"), "update ir": ("idle", "select dr"),
}  # fmt: skip
_CORE_ID, _BOUNDARY_ID = 0x3BA00477, 0x06414041  # RM0008 31.6.2, 31.6.3
_IDCODE, _BYPASS, _DPACC, _APACC, _ABORT = 0xE, 0xF, 0xA, 0xB, 0x8


class Taps:
    """The chain of an STM32F1: the core's JTAG debug port next to TDO, and boundary scan (RM0008 31.5)."""

    def __init__(self, port: DebugPort) -> None:
        self.port = port
        self.state = "reset"
        self._core, self._boundary = _IDCODE, 1
        self._shift, self._length = 0, 1
        self._result = 0

    @property
    def tdo(self) -> int:
        """The level at the end of the chain; a pull-up where nothing drives it."""
        return self._shift & 1 if self.port.answers else 1

    def clock(self, tms: int, tdi: int) -> None:
        """A rising edge of TCK."""
        if self.state in ("shift dr", "shift ir"):
            self._shift = self._shift >> 1 | tdi << (self._length - 1)
        self.state = _STATES[self.state][tms]
        if self.state == "reset":
            self._core, self._boundary = _IDCODE, 1
        elif self.state == "capture ir":
            self._shift, self._length = 0b00001_0001, 9
        elif self.state == "update ir":
            self._core, self._boundary = self._shift & 15, self._shift >> 4
        elif self.state == "capture dr":
            value, length = self._capture()
            other, more = (_BOUNDARY_ID, 32) if self._boundary == 1 else (0, 1)
            self._shift, self._length = value | other << length, length + more
        elif self.state == "update dr":
            self._update()

    def _capture(self) -> tuple[int, int]:
        if self._core == _IDCODE:
            return _CORE_ID, 32
        if self._core in (_DPACC, _APACC, _ABORT):
            return self._result << 3 | 0b010, 35  # what was asked for last; OK or FAULT
        return 0, 1

    def _update(self) -> None:
        if self._core not in (_DPACC, _APACC, _ABORT):
            return
        request = self._shift & (1 << 35) - 1
        register, value = request >> 1 << 2 & 0xC, request >> 3
        try:
            if self._core == _ABORT:
                self.port.write_dp(0, value)
            elif self._core == _DPACC and request & 1:
                # The result of an access port is read here; there is no identification.
                self._result = self._result if register == 0xC else self.port.read_dp(register)
            elif self._core == _DPACC:
                self.port.write_dp(register, value)
            elif request & 1:
                self._result = self.port.read_ap(register)
            else:
                self.port.write_ap(register, value)
        except (Fault, Silence):
            self._result = 0


class JtagWire(Wire):
    """A TCP port that OpenOCD's adapter driver ``remote_bitbang`` drives."""

    def __init__(self, port: DebugPort) -> None:
        super().__init__()
        self._taps = Taps(port)

    @property
    def script(self) -> str:
        """What OpenOCD's configuration has to say."""
        return f"adapter driver remote_bitbang\nremote_bitbang host 127.0.0.1\nremote_bitbang port {self.port}\n"

    def talk(self, peer: socket.socket) -> None:
        """Carry out commands, one character each (OpenOCD, doc/manual/jtag/drivers/remote_bitbang.txt)."""
        taps, before = self._taps, 0
        while data := peer.recv(65536):
            answers = bytearray()
            for command in data:
                if 0x30 <= command <= 0x37:
                    levels = command - 0x30
                    if levels >> 2 > before:
                        taps.clock(levels >> 1 & 1, levels & 1)
                    before = levels >> 2
                elif command == 0x52:  # R
                    answers.append(0x30 + taps.tdo)
                elif 0x72 <= command <= 0x75:  # r to u: TRST, SRST
                    taps.port.hold_reset(bool(command - 0x72 & 1))
                elif command == 0x51:  # Q
                    return
            peer.sendall(answers)
