"""What a board is: flat data read from ``boards/<name>/board.toml``."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pydantic
from pydantic import ConfigDict, Field

from slimse_mcu import assets
from slimse_mcu.errors import BoardError

DEFAULT_BOARD = "virtual-m4"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_NAME_LIMIT = 64
_PIPES = "serial_semihosting.c"
_TOML_LIMIT_BYTES = 64 * 1024

# The description of a field says what it must be; error messages and docs/porting.md use the same words.
_Line = Annotated[str, Field(pattern=r"^[^\n]{1,200}$", description="one line of text")]
_Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]{0,64}$", description="one word, or empty")]
_Program = Annotated[str, Field(pattern=r"^[^\n\x00]{1,200}$", description="the name of a program")]
_Texts = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[^\n\x00]{1,400}$")], ...],
    Field(max_length=64, description="a list of texts"),
]
_Names = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$")], ...],
    Field(min_length=1, max_length=64, description="a list of file names"),
]
_Hertz = Annotated[int, Field(ge=0, le=10**10, description="a whole number of Hz from 0 to 10000000000")]
_Bytes = Annotated[int, Field(ge=0, le=2**32, description="a whole number of bytes from 0 to 4294967296")]
_UsbIds = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{4}:[0-9a-f]{4}$")], ...],
    Field(max_length=16, description='a list of USB vendor and product numbers such as "0483:374b"'),
]

Core = Literal["host", "cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"]
Checked = Literal["native", "emulated", "register-tested", "built"]
Counter = Literal["instructions", "cycles", "none"]
Emulator = Literal["qemu", "process", ""]


def _one_of(kind: Any) -> Any:
    names = ", ".join(f"'{name}'" for name in kind.__args__)
    return Field(description=f"one of {names}")


@dataclass(frozen=True, slots=True)
class Usb:
    """How a board is told from others on the bus: ``vendor:product``, hexadecimal, lower case.

    Attributes:
        probe: Of the debug probe on the board.
        serial: Of its serial port.
        bootloader: Of a boot loader that takes firmware over USB.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid")

    probe: _UsbIds = ()
    serial: _UsbIds = ()
    bootloader: _UsbIds = ()


@dataclass(frozen=True, slots=True)
class Board:
    """One target.

    Attributes:
        name: Folder name under ``boards/``.
        path: The board's folder (holds ``board.toml`` and ``link.ld``).
        title: One line for people.
        vendor: Who makes it.
        mcu: The part on it.
        core: ``"cortex-m4"``, ..., or ``"host"``.
        checked: How far the board layer was checked: ``"native"`` (this computer runs it), ``"emulated"`` (whole
            firmware in an emulator of the part), ``"register-tested"`` (whole firmware on an instruction emulator,
            what it writes to clock, pin and serial registers held against the reference manual), ``"built"`` (it
            compiles and links).  None of them means that silicon has run it.
        compiler: Executable name of the C compiler.
        flags: Core flags for compiler and linker.
        kernels: Kernel folders under ``firmware/`` in search order, the portable one last.
        hal: Sources that this board needs, in the board's folder or under ``firmware/hal``.
        defines: ``NAME=value`` pairs that those sources read: where the board's devices are.
        clock_hz: Core clock; 0 where it means nothing (host).
        flash_bytes: Room for code and constants; 0 = no limit.
        ram_bytes: Room for data and stack; 0 = no limit.
        stack_bytes: Part of the RAM that is kept for the stack, guard included; 0 = the system's business (host).
        counter: ``"instructions"``, ``"cycles"`` or ``"none"``: what ``hal_counter`` counts.
        baud: Serial speed for hardware.
        counter_hz: Rate of the counter's ticks in emulated time; 0 when a tick is one count.
        counter_shift: The emulator's ``icount`` shift; an instruction takes ``2**shift`` ns of emulated time.
        emulator: ``"qemu"``, ``"process"`` or ``""`` for hardware.
        machine: QEMU machine name.
        usb: Numbers by which probe and serial port are found; empty for virtual boards.
        flash: Settings of each flash tool that can load the board, by the tool's name, the preferred one first; see
            :mod:`slimse_mcu.flash`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid")

    name: str
    path: Path
    title: _Line
    vendor: _Line
    mcu: _Line
    core: Annotated[Core, _one_of(Core)]
    checked: Annotated[Checked, _one_of(Checked)]
    compiler: _Program
    flags: _Texts
    kernels: _Names
    hal: _Names
    defines: _Texts
    clock_hz: _Hertz
    flash_bytes: _Bytes
    ram_bytes: _Bytes
    stack_bytes: _Bytes
    counter: Annotated[Counter, _one_of(Counter)]
    baud: Annotated[int, Field(ge=0, le=10**8, description="a whole number from 0 to 100000000")]
    counter_hz: _Hertz = 0
    counter_shift: Annotated[int, Field(ge=0, le=10, description="a whole number from 0 to 10")] = 0
    emulator: Annotated[Emulator, _one_of(Emulator)] = ""
    machine: _Word = ""
    usb: Usb = field(default_factory=Usb)
    flash: Annotated[
        Mapping[str, Mapping[str, Any]], Field(max_length=16, description="a table for each tool, [flash.TOOL]")
    ] = field(default_factory=dict, hash=False)

    def counts(self, ticks: int) -> int:
        """Convert counter ticks to instructions (virtual boards) or cycles (hardware)."""
        if self.counter_hz == 0:
            return ticks
        return round(ticks * 1e9 / (self.counter_hz * (1 << self.counter_shift)))

    @property
    def audio_arithmetic(self) -> str:
        """What the front and back end computes in by itself: ``"float"`` with an FPU by the flags, or ``"fixed"``."""
        has_fpu = self.core == "host" or not {"-mfloat-abi=hard", "-mfloat-abi=softfp"}.isdisjoint(self.flags)
        return "float" if has_fpu else "fixed"

    @property
    def virtual(self) -> bool:
        """Whether this computer runs the board: an emulator or a process."""
        return self.emulator != ""

    @property
    def piped(self) -> bool:
        """Whether the link is two pipes that an emulator reads and writes for the firmware, and no serial port."""
        return _PIPES in self.hal

    @property
    def linker_script(self) -> Path | None:
        """The board's linker script; None where the system's own is used (host)."""
        return None if self.core == "host" else self.path / "link.ld"


def boards() -> tuple[Board, ...]:
    """Return the boards that come with slimse-mcu, by name.

    Raises:
        BoardError: A description is wrong.
    """
    folder = assets.path("boards")
    return tuple(_read(found.parent) for found in sorted(folder.glob("*/board.toml")))


def board(name_or_path: str | Path = DEFAULT_BOARD) -> Board:
    """Return a board by its name, or by the folder that holds its ``board.toml``.

    A name is looked up among the boards that come with slimse-mcu first.

    Raises:
        BoardError: There is no such board, or its description is wrong.
    """
    if isinstance(name_or_path, str) and _NAME.fullmatch(name_or_path):
        folder = assets.path("boards") / name_or_path
        if (folder / "board.toml").is_file():
            return _read(folder)
    folder = Path(name_or_path)
    if folder.name == "board.toml":
        folder = folder.parent
    if (folder / "board.toml").is_file():
        return _read(folder.resolve())
    known = ", ".join(sorted(found.parent.name for found in assets.path("boards").glob("*/board.toml")))
    raise BoardError(
        f"There is no board {name_or_path}.",
        hint=f"Choose one of {known}, or give a folder with a board.toml; slimse boards new makes one.",
    )


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a board's folder.

    Raises:
        BoardError: It has other characters than letters, digits and ``_.+-``, or is too long.
    """
    if not _NAME.fullmatch(name) or len(name) > _NAME_LIMIT:
        raise BoardError(f"{name} is no name for a board.", hint="Use letters, digits, dots, plus and minus signs.")


def field_rules() -> dict[str, str]:
    """What each field of a board.toml must be, in words, by its name; tables have a name with a dot."""
    rules = {}
    for prefix, kind in (("", Board), ("usb.", Usb)):
        for one in fields(kind):
            text = _description(kind, one.name)
            if text:
                rules[prefix + one.name] = text
    return rules


def _read(folder: Path) -> Board:
    file = folder / "board.toml"
    check_name(folder.name)
    try:
        if file.stat().st_size > _TOML_LIMIT_BYTES:
            raise BoardError(
                f"{file} is too large for a board description.", hint="docs/porting.md says what it holds."
            )
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise BoardError(f"{file} cannot be read: {error}.", hint="docs/porting.md says what it holds.") from error
    for own in ("name", "path"):
        if own in table:
            raise _unknown(file, own)
    try:
        # Through JSON, where pydantic takes an array for a tuple and yet nothing else for a number.
        values = json.dumps({**table, "name": folder.name, "path": str(folder)}, default=str)
        result = _ADAPTER.validate_json(values)
    except pydantic.ValidationError as error:
        raise _refusal(file, error) from error
    except RecursionError as error:
        raise BoardError(f"{file} cannot be read: {error}.", hint="docs/porting.md says what it holds.") from error
    _check(result, file)
    return result


_ADAPTER: pydantic.TypeAdapter[Board] = pydantic.TypeAdapter(Board)


def _description(kind: type[Any], name: str) -> str:
    schema = pydantic.TypeAdapter(kind).json_schema()
    return str(schema["properties"].get(name, {}).get("description", ""))


def _refusal(file: Path, error: pydantic.ValidationError) -> BoardError:
    """The first complaint of pydantic in the project's words."""
    first = error.errors(include_url=False)[0]
    place = [str(part) for part in first["loc"]]
    nested = place[0] == "usb" and len(place) > 1
    name = ".".join(place[:2]) if nested else place[0]
    if first["type"] == "missing":
        return BoardError(f"{file}: {name} is missing.", hint="See the boards that come with slimse-mcu.")
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return _unknown(file, name)
    expected = _description(Usb if nested else Board, place[1] if nested else place[0])
    if not expected:
        expected = "a table"
    return BoardError(
        f"{file}: {name} must be {expected}, not {first['input']!r}.", hint="docs/porting.md says what it holds."
    )


def _unknown(file: Path, name: str) -> BoardError:
    known = ", ".join(rule for rule in field_rules() if "." not in rule)
    return BoardError(f"{file}: {name} is no field of a board.", hint=f"Remove or correct it; there are {known}, usb.")


def _check(result: Board, file: Path) -> None:
    """Check what no single field shows."""
    if result.core != "host":
        if not (result.path / "link.ld").is_file():
            raise BoardError(f"{file.parent} has no link.ld.", hint="Write the linker script of the board.")
        if result.stack_bytes < 1024 or result.stack_bytes % 256:
            raise BoardError(f"{file}: stack_bytes must be a multiple of 256 and at least 1024.")
    if result.piped and result.emulator != "qemu":
        raise BoardError(f"{file}: {_PIPES} in hal needs the emulator 'qemu'.", hint="Name serial.c and a uart_ file.")
    if result.emulator == "qemu" and not result.machine:
        raise BoardError(f"{file}: machine must name the QEMU machine.")
    if (result.emulator == "process") != (result.core == "host"):
        raise BoardError(f"{file}: emulator 'process' belongs to core 'host', and to no other.")
    if (result.checked == "native") != (result.core == "host"):
        raise BoardError(f"{file}: checked 'native' belongs to core 'host', and to no other.")
    if result.checked == "emulated" and result.emulator != "qemu":
        raise BoardError(f"{file}: checked 'emulated' needs an emulator.", hint="Name emulator and machine.")
