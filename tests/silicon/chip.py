"""A bench for real firmware images: an instruction emulator (Unicorn) with peripherals made of registers.

A :class:`Chip` loads the ELF file that ``slimse build`` made for a board and runs it from the reset vector.  Every
access outside of memory ends here, where a subclass says what the part's manual says: which registers there are, their
values after reset, what becomes ready when, and under which conditions.  What the manual forbids is an
``AssertionError`` in the test.  Then a session talks to the firmware through the modelled serial port.

Unicorn executes instructions only; interrupt entry, SysTick, the cycle counter and the system control space are here.
"""

from __future__ import annotations

import ctypes
import mmap
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from elftools.elf.elffile import ELFFile
from unicorn import (
    UC_ARCH_ARM,
    UC_HOOK_INTR,
    UC_HOOK_MEM_WRITE,
    UC_MODE_MCLASS,
    UC_MODE_THUMB,
    UC_PROT_ALL,
    Uc,
    UcError,
)
from unicorn.arm_const import (
    UC_ARM_REG_LR,
    UC_ARM_REG_PC,
    UC_ARM_REG_R0,
    UC_ARM_REG_R1,
    UC_ARM_REG_R2,
    UC_ARM_REG_R3,
    UC_ARM_REG_R4,
    UC_ARM_REG_R5,
    UC_ARM_REG_R6,
    UC_ARM_REG_R7,
    UC_ARM_REG_R8,
    UC_ARM_REG_R9,
    UC_ARM_REG_R10,
    UC_ARM_REG_R11,
    UC_ARM_REG_R12,
    UC_ARM_REG_SP,
    UC_CPU_ARM_CORTEX_M0,
    UC_CPU_ARM_CORTEX_M3,
    UC_CPU_ARM_CORTEX_M4,
    UC_CPU_ARM_CORTEX_M7,
    UC_CPU_ARM_CORTEX_M33,
)

from silicon.wire import Wire

CPUS = {
    "cortex-m0": UC_CPU_ARM_CORTEX_M0,
    "cortex-m0plus": UC_CPU_ARM_CORTEX_M0,
    "cortex-m3": UC_CPU_ARM_CORTEX_M3,
    "cortex-m4": UC_CPU_ARM_CORTEX_M4,
    "cortex-m7": UC_CPU_ARM_CORTEX_M7,
    "cortex-m33": UC_CPU_ARM_CORTEX_M33,
}

CORE_REGISTERS = (
    *(UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2, UC_ARM_REG_R3, UC_ARM_REG_R4, UC_ARM_REG_R5, UC_ARM_REG_R6),
    *(UC_ARM_REG_R7, UC_ARM_REG_R8, UC_ARM_REG_R9, UC_ARM_REG_R10, UC_ARM_REG_R11, UC_ARM_REG_R12),
    *(UC_ARM_REG_SP, UC_ARM_REG_LR),
)
RETURN = 0x0FFF0000  # where exception handlers return to; no part has anything there
_PAGE = 0x1000

# Arm: system control space and trace unit (Armv6-M, Armv7-M and Armv8-M Architecture Reference Manuals, chapter B3).
SYSTEM = {
    0xE0001000: "DWT_CTRL",
    0xE0001004: "DWT_CYCCNT",
    0xE0001FB0: "DWT_LAR",
    0xE000E010: "SYST_CSR",
    0xE000E014: "SYST_RVR",
    0xE000E018: "SYST_CVR",
    0xE000ED08: "VTOR",
    0xE000ED0C: "AIRCR",
    0xE000ED14: "CCR",
    0xE000ED24: "SHCSR",
    0xE000ED80: "CCSIDR",
    0xE000ED84: "CSSELR",
    0xE000ED88: "CPACR",
    0xE000ED90: "MPU_TYPE",
    0xE000ED94: "MPU_CTRL",
    0xE000ED98: "MPU_RNR",
    0xE000ED9C: "MPU_RBAR",
    0xE000EDA0: "MPU_RASR",
    0xE000EDFC: "DEMCR",
    0xE000EF50: "ICIALLU",
    0xE000EF60: "DCISW",
    **{0xE000E100 + 4 * i: f"NVIC_ISER{i}" for i in range(8)},
    **{0xE000E180 + 4 * i: f"NVIC_ICER{i}" for i in range(8)},
}


class Chip:
    """A part; subclasses give it peripherals.

    Attributes:
        memory: Start -> size in bytes, from the part's data sheet.
        mirrors: Another place where a memory shows -> start of that memory.
        registers: Address -> name, of all registers that the firmware may touch.
        reset: Name -> value after reset, where it is not 0.
        irq: Number of the serial port's interrupt.
        identity: Address -> value, of what only a debugger reads.
        windows: Address ranges of peripherals, start -> size.
    """

    memory: Mapping[int, int]
    mirrors: Mapping[int, int] = {}
    registers: Mapping[int, str]
    reset: Mapping[str, int] = {}
    irq: int
    identity: Mapping[int, int] = {}
    windows: Mapping[int, int] = {0x40000000: 0x20000000, 0xE0000000: 0x100000}

    def __init__(self, elf: Path | None, core: str) -> None:
        """Load an ELF file and begin at its reset; None: a debugger will load something and reset the part."""
        self.core = core
        self.values: dict[str, int] = {}
        self.log: list[tuple[str, int]] = []
        self.sent = bytearray()
        self.waiting = bytearray()
        self.interrupts = 0
        self.marks: list[tuple[str, bool]] = []
        self.mark_pins: dict[tuple[str, int], str] = {}
        self._names = {**SYSTEM, **self.registers}
        self._ticks = 0
        self._stopped_by: int | None = None
        self._memory: list[mmap.mmap] = []
        self._uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(CPUS[core])
        self._uc.mem_map(RETURN, _PAGE)
        for start, size in self.memory.items():
            self._map(start, -(-size // _PAGE) * _PAGE)
        for start, size in self.windows.items():
            self._uc.mmio_map(start, size, self._reader(start), None, self._writer(start), None)
        if elf is not None:
            with elf.open("rb") as stream:
                for segment in ELFFile(stream).iter_segments("PT_LOAD"):
                    if segment["p_filesz"]:
                        self._uc.mem_write(segment["p_paddr"], segment.data())
            self.restart()

    def _map(self, start: int, size: int) -> None:
        """Memory, at all places where it shows."""
        self._memory.append(mmap.mmap(-1, size))
        for place in (start, *(one for one, of in self.mirrors.items() if of == start)):
            self._uc.mem_map_ptr(
                place, size, UC_PROT_ALL, ctypes.addressof(ctypes.c_char.from_buffer(self._memory[-1]))
            )

    def restart(self) -> None:
        """The part's reset: registers have their first values, the core begins with the vectors."""
        self.values = dict(self.reset)
        self.values["MPU_TYPE"] = 0 if self.core in ("cortex-m0", "cortex-m33") else 8 << 8
        self.values["CCSIDR"] = 127 << 13 | 3 << 3 | 1  # 16 KiB, 4 ways, lines of 32 bytes
        self.vectors = self.find_vectors()
        self._uc.reg_write(UC_ARM_REG_SP, self.word(self.vectors))
        self._next = self.start()

    # What subclasses say.

    def find_vectors(self) -> int:
        """Where the part takes its vectors from at reset: the start of its memory at the lowest address."""
        return min(self.memory)

    def start(self) -> int:
        """Where the part begins to run, bit 0 set; a boot ROM may do something first."""
        address = self.word(self.vectors + 4)
        assert address & 1, "the reset vector is no Thumb code"
        return address

    def pins_driven(self, port: str, bits: int, high: bool) -> None:
        """Outputs were set; marks are remembered if their pin is an output."""
        for (name, bit), mark in self.mark_pins.items():
            if name == port and bits >> bit & 1 and self.is_output(port, bit):
                self.marks.append((mark, high))

    def is_output(self, port: str, bit: int) -> bool:
        """Whether a pin drives its level."""
        raise NotImplementedError

    def written(self, name: str, value: int) -> None:
        """A register was written; subclasses store what the part would."""
        self.values[name] = value

    def read(self, name: str) -> int:
        """A register is read."""
        return self.values.get(name, 0)

    def serial_interrupt(self) -> bool:
        """Whether the serial port asks for its interrupt."""
        raise NotImplementedError

    # Running.

    def word(self, address: int) -> int:
        """A word of memory."""
        return int.from_bytes(self.bytes(address, 4), "little")

    def bytes(self, address: int, count: int) -> bytes:
        """Memory."""
        return bytes(self._uc.mem_read(address, count))

    def write(self, address: int, data: bytes) -> None:
        """Change memory."""
        self._uc.mem_write(address, data)

    def run(self) -> None:
        """Run until the firmware sleeps with nothing left to do."""
        while True:
            self._sleepless()
            if not (self.waiting and self.serial_interrupt()):
                return
            self._interrupt(16 + self.irq)

    def _sleepless(self) -> None:
        """Run until the core sleeps."""
        try:
            self.advance(0)
        except UcError as error:
            raise AssertionError(f"the firmware fails at {self.register(15):#x}: {error}") from error

    def advance(self, count: int) -> int | None:
        """Run so many instructions, 0: without end, or until one sleeps or breaks.

        Returns:
            The emulator's number of what stopped the core; None: the count.

        Raises:
            UcError: It cannot go on.
        """
        self._stopped_by = None
        hook = self._uc.hook_add(UC_HOOK_INTR, self._exception)
        try:
            self._uc.emu_start(self._next, RETURN, count=count)
        finally:
            self._uc.hook_del(hook)
            self._next = self._uc.reg_read(UC_ARM_REG_PC) | 1
        return self._stopped_by

    def _exception(self, uc: Uc, number: int, _data: object) -> None:
        self._stopped_by = number
        uc.emu_stop()

    def _interrupt(self, number: int) -> None:
        """Run the handler of an exception at the end of a sleep, then let the code go on."""
        assert self.values.get(f"NVIC_ISER{(number - 16) // 32}", 0) >> ((number - 16) % 32) & 1, (
            f"interrupt {number - 16} is not enabled"
        )
        table = self.values["VTOR"]
        handler = self.word(table + 4 * number)
        saved = self._uc.context_save()
        self._uc.reg_write(UC_ARM_REG_SP, (self._uc.reg_read(UC_ARM_REG_SP) - 0x20) & ~7)
        self._uc.reg_write(UC_ARM_REG_LR, RETURN | 1)
        self._uc.emu_start(handler, RETURN)
        self._uc.context_restore(saved)
        self.interrupts += 1

    # What a debugger does.

    def register(self, number: int) -> int:
        """A register of the core, R0 to R15."""
        return self._next & ~1 if number == 15 else self._uc.reg_read(CORE_REGISTERS[number])

    def set_register(self, number: int, value: int) -> None:
        """Change a register of the core, R0 to R15."""
        if number == 15:
            self._next = value | 1
        else:
            self._uc.reg_write(CORE_REGISTERS[number], value)

    def forget_code(self) -> None:
        """Memory may hold other code than when it last ran."""
        self._uc.ctl_flush_tb()

    def on_write(self, start: int, size: int, told: Callable[[int, int, int], None]) -> None:
        """Have a function told address, size and value of what the core is about to write to memory."""

        def hook(_uc: Uc, _kind: int, address: int, count: int, value: int, _data: object) -> None:
            told(address, count, value)

        self._uc.hook_add(UC_HOOK_MEM_WRITE, hook, begin=start, end=start + size - 1)

    def load(self, address: int, size: int) -> int:
        """Read as from the bus.

        Raises:
            LookupError: There is nothing at the address.
        """
        if self._in_memory(address):
            return int.from_bytes(self.bytes(address, size), "little")
        name, shift, mask = self._known(address, size)
        return self._read(name) >> shift & mask

    def store(self, address: int, size: int, value: int) -> None:
        """Write as from the bus.

        Raises:
            LookupError: There is nothing at the address.
        """
        if self._in_memory(address):
            self.write(address, value.to_bytes(size, "little"))
        else:
            name, _, _ = self._known(address, size)
            self._write(name, value)

    def _in_memory(self, address: int) -> bool:
        return any(start <= address < start + size for start, size in self.memory.items())

    def _known(self, address: int, size: int) -> tuple[str, int, int]:
        if address not in self._names and address & ~3 not in self._names:
            raise LookupError(f"there is nothing at {address:#x}")
        return self._register(address, size)

    # The bus.

    def _reader(self, window: int) -> Callable[[Uc, int, int, object], int]:
        def read(_uc: Uc, offset: int, size: int, _data: object) -> int:
            address = window + offset
            name, shift, mask = self._register(address, size)
            return self._read(name) >> shift & mask

        return read

    def _writer(self, window: int) -> Callable[[Uc, int, int, int, object], None]:
        def write(_uc: Uc, offset: int, size: int, value: int, _data: object) -> None:
            address = window + offset
            name, shift, mask = self._register(address, size)
            if mask != 0xFFFFFFFF:
                value = (self.values.get(name, 0) & ~(mask << shift)) | (value & mask) << shift
            self._write(name, value & 0xFFFFFFFF)

        return write

    def _register(self, address: int, size: int) -> tuple[str, int, int]:
        """The register at an address, and which of its bits an access of ``size`` bytes means."""
        name = self._names.get(address)
        if name is not None:
            return name, 0, 0xFFFFFFFF >> (32 - 8 * size)
        name = self._names.get(address & ~3)
        assert name is not None and size < 4, f"there is no register at {address:#x}"
        return name, 8 * (address & 3), 0xFFFFFFFF >> (32 - 8 * size)

    def _read(self, name: str) -> int:
        if name == "DWT_CYCCNT":
            running = self.values.get("DEMCR", 0) >> 24 & 1 and self.values.get("DWT_CTRL", 0) & 1
            if self.core == "cortex-m7":  # its unit is locked (Cortex-M7 TRM; CoreSight lock access register)
                running = running and self.values.get("DWT_LAR") == 0xC5ACCE55
            self._ticks += 7 if running else 0
            return self._ticks
        if name == "SYST_CVR":
            self._ticks += 7 if self.values.get("SYST_CSR", 0) & 1 else 0
            return -self._ticks & 0xFFFFFF
        if name.startswith("NVIC_ICER"):
            return self.values.get(name.replace("ICER", "ISER"), 0)
        return self.read(name)

    def _write(self, name: str, value: int) -> None:
        self.log.append((name, value))
        if name.startswith("NVIC_ISER"):
            self.values[name] = self.values.get(name, 0) | value
        elif name.startswith("NVIC_ICER"):
            self.values[name.replace("ICER", "ISER")] = self.values.get(name.replace("ICER", "ISER"), 0) & ~value
        elif name in SYSTEM.values():
            self.values[name] = value
        else:
            self.written(name, value)


class SerialWire(Wire):
    """A TCP port that leads to a chip's serial port; the firmware runs while bytes come in."""

    def __init__(self, chip: Chip) -> None:
        super().__init__()
        self._chip = chip

    @property
    def url(self) -> str:
        """What ``--port`` takes."""
        return f"socket://127.0.0.1:{self.port}"

    def talk(self, peer: socket.socket) -> None:
        self._chip.run()
        while data := peer.recv(4096):
            self._chip.waiting += data
            self._chip.run()
            peer.sendall(bytes(self._chip.sent))
            self._chip.sent.clear()
