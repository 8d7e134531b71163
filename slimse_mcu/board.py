"""What a board is: flat data read from ``boards/<name>/board.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimse_mcu import assets
from slimse_mcu.errors import BoardError

DEFAULT_BOARD = "virtual-m4"

_COUNTERS = ("instructions", "cycles", "none")
_EMULATORS = ("qemu", "process", "")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_NAME_LIMIT = 64
_TOML_LIMIT_BYTES = 64 * 1024


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
        hal: Sources that this board needs, in the board's folder or under ``firmware/hal``.
        defines: ``NAME=value`` pairs that those sources read: where the board's devices are.
        clock_hz: Core clock; 0 where it means nothing (host).
        flash_bytes: Room for code and constants; 0 = no limit.
        ram_bytes: Room for data and stack; 0 = no limit.
        stack_bytes: Part of the RAM that is kept for the stack, guard included; 0 = the system's business (host).
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
    defines: tuple[str, ...]
    clock_hz: int
    flash_bytes: int
    ram_bytes: int
    stack_bytes: int
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
    if isinstance(name_or_path, str) and _FILE_NAME.fullmatch(name_or_path):
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
        hint=f"Choose one of {known}, or give a folder with a board.toml.",
    )


def _read(folder: Path) -> Board:
    file = folder / "board.toml"
    if not _FILE_NAME.fullmatch(folder.name) or len(folder.name) > _NAME_LIMIT:
        raise BoardError(f"{folder} is no name for a board.", hint="Use letters, digits, dots, plus and minus signs.")
    try:
        if file.stat().st_size > _TOML_LIMIT_BYTES:
            raise BoardError(
                f"{file} is too large for a board description.", hint="docs/porting.md says what it holds."
            )
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise BoardError(f"{file} cannot be read: {error}.", hint="docs/porting.md says what it holds.") from error
    fields = _Fields(file, table)
    result = Board(
        name=folder.name,
        title=fields.text("title"),
        core=fields.text("core"),
        compiler=fields.text("compiler"),
        flags=fields.texts("flags"),
        kernels=fields.names("kernels", at_least=1),
        hal=fields.names("hal", at_least=1),
        defines=fields.texts("defines"),
        clock_hz=fields.integer("clock_hz", 10**10),
        flash_bytes=fields.integer("flash_bytes", 2**32),
        ram_bytes=fields.integer("ram_bytes", 2**32),
        stack_bytes=fields.integer("stack_bytes", 2**32),
        counter=fields.choice("counter", _COUNTERS),
        counter_hz=fields.integer("counter_hz", 10**10),
        counter_shift=fields.integer("counter_shift", 10),
        emulator=fields.choice("emulator", _EMULATORS),
        machine=fields.text("machine", empty=True),
        baud=fields.integer("baud", 10**8),
        path=folder,
    )
    fields.finish()
    _check(result, file)
    return result


def _check(result: Board, file: Path) -> None:
    """Check what no single field shows."""
    if result.core != "host":
        if not (result.path / "link.ld").is_file():
            raise BoardError(f"{file.parent} has no link.ld.", hint="Write the linker script of the board.")
        if result.stack_bytes < 1024 or result.stack_bytes % 256:
            raise BoardError(f"{file}: stack_bytes must be a multiple of 256 and at least 1024.")
    if result.emulator == "qemu" and not result.machine:
        raise BoardError(f"{file}: machine must name the QEMU machine.")
    if result.emulator == "process" and result.core != "host":
        raise BoardError(f"{file}: emulator 'process' is for core 'host' only.")


class _Fields:
    """The entries of one board.toml; every error names the file and the field."""

    def __init__(self, file: Path, table: dict[str, Any]) -> None:
        self._file = file
        self._table = table
        self._known: set[str] = set()

    def _get(self, name: str) -> Any:
        self._known.add(name)
        if name not in self._table:
            raise BoardError(f"{self._file}: {name} is missing.", hint="See the boards that come with slimse-mcu.")
        return self._table[name]

    def _wrong(self, name: str, expected: str) -> BoardError:
        return BoardError(f"{self._file}: {name} must be {expected}, not {self._table[name]!r}.")

    def text(self, name: str, *, empty: bool = False) -> str:
        value = self._get(name)
        if not isinstance(value, str) or not (value or empty) or len(value) > 200 or "\n" in value:
            raise self._wrong(name, "one line of text")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._get(name)
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self._wrong(name, "a list of texts")
        return tuple(value)

    def names(self, name: str, *, at_least: int) -> tuple[str, ...]:
        value = self.texts(name)
        if len(value) < at_least or not all(_FILE_NAME.fullmatch(item) for item in value):
            raise self._wrong(name, "a list of file names")
        return value

    def integer(self, name: str, most: int) -> int:
        value = self._get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise self._wrong(name, f"a whole number from 0 to {most}")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self._get(name)
        if value not in choices:
            raise self._wrong(name, "one of " + ", ".join(f"'{choice}'" for choice in choices))
        return str(value)

    def finish(self) -> None:
        unknown = sorted(set(self._table) - self._known)
        if unknown:
            raise BoardError(f"{self._file}: {unknown[0]} is no field of a board.", hint="Remove or correct it.")
