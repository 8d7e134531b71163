"""What is installed on this machine, what is missing, what it would be for and how to get it."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from slimse_mcu.data.engines import engines
from slimse_mcu.data.engines.engine import Engine
from slimse_mcu.flash.tool import Tool
from slimse_mcu.flash.tool import tools as flash_tools

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that slimse-mcu uses.

    Attributes:
        name: Program or package.
        purpose: What needs it.
        found: Version or place; empty when it is missing.
        required: Whether compiling, building and measuring on a virtual board needs it.
        remedy: How to get it, one sentence.
    """

    name: str
    purpose: str
    found: str
    required: bool
    remedy: str

    @property
    def status(self) -> str:
        """``"ok"``, ``"missing"``, or ``"optional"`` for something missing that is not required."""
        if self.found:
            return "ok"
        return "missing" if self.required else "optional"


@dataclass(frozen=True, slots=True)
class _Program:
    name: str
    purpose: str
    required: bool
    debian: str
    elsewhere: str


@dataclass(frozen=True, slots=True)
class _Package:
    name: str
    purpose: str
    required: bool
    extra: str


_PROGRAMS = (
    _Program(
        "arm-none-eabi-gcc",
        "builds firmware for Cortex-M boards, virtual ones too",
        True,
        "gcc-arm-none-eabi libnewlib-arm-none-eabi",
        "developer.arm.com/downloads/-/arm-gnu-toolchain-downloads",
    ),
    _Program(
        "qemu-system-arm",
        "runs the virtual boards",
        True,
        "qemu-system-arm",
        "www.qemu.org/download",
    ),
    _Program(
        "gcc",
        "builds for the board 'host', this computer, and what `slimse profile` counts with",
        False,
        "gcc libc6-dev",
        "gcc.gnu.org",
    ),
    _Program(
        "arm-none-eabi-objdump",
        "reads instructions for `slimse profile`; it comes with the compiler",
        False,
        "binutils-arm-none-eabi",
        "developer.arm.com/downloads/-/arm-gnu-toolchain-downloads",
    ),
)

_PACKAGES = (
    _Package("numpy", "arithmetic", True, ""),
    _Package("h5py", "reads .keras files", True, ""),
    _Package("soundfile", "reads and writes audio", True, ""),
    _Package("soxr", "resamples audio", True, ""),
    _Package("pyserial", "talks to boards", True, ""),
    _Package("cobs", "frames the serial link", True, ""),
    _Package("matplotlib", "draws the report's pictures", True, ""),
    _Package("jinja2", "writes C and reports from templates", True, ""),
    _Package("pyelftools", "reads sizes of firmware", True, ""),
    _Package("pydantic", "checks descriptions of boards and trainings", True, ""),
    _Package("rich", "prints tables and progress", True, ""),
    _Package("pystoi", "STOI, intelligibility", True, ""),
    _Package("pesq", "PESQ, quality", False, "quality"),
    _Package("speechmos", "DNSMOS, quality without a reference", False, "dnsmos"),
    _Package("labgrid", "boards of a farm", False, "farm"),
    _Package("keras", "trains models", False, "train"),
    _Package("tensorflow", "trains models; never needed to compile or measure one", False, "train"),
    _Package("pyroomacoustics", "simulates rooms for synthetic speech", False, "data"),
)


def examine() -> tuple[Finding, ...]:
    """Look at the interpreter, the programs, the packages and the serial ports of this machine."""
    found = (_python(), *map(_program, _PROGRAMS), _newlib(), *map(_package, _PACKAGES))
    return (*found, *map(_engine, engines().values()), *map(_flash_tool, flash_tools().values()), *_ports())


def _python() -> Finding:
    version = platform.python_version() if (3, 11) <= sys.version_info[:2] <= (3, 13) else ""
    return Finding("python", "runs slimse", version, True, "Install Python 3.11, 3.12 or 3.13.")


def _program(program: _Program) -> Finding:
    return Finding(
        program.name,
        program.purpose,
        _version(program.name),
        program.required,
        f"Debian, Ubuntu: sudo apt-get install {program.debian}. Elsewhere: {program.elsewhere}.",
    )


def _version(name: str) -> str:
    """First line of ``NAME --version``, or nothing when the program is missing or does not run."""
    place = shutil.which(name)
    if place is None:
        return ""
    try:
        done = subprocess.run([place, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.partition("\n")[0].strip() or place


def _newlib() -> Finding:
    """The C headers of the cross compiler are a Debian package of their own."""
    found = ""
    compiler = shutil.which("arm-none-eabi-gcc")
    if compiler is not None:
        command = [compiler, "-E", "-x", "c", "-"]
        try:
            subprocess.run(command, input=b"#include <string.h>\n", capture_output=True, timeout=_SECONDS, check=True)
            found = "string.h found"
        except (OSError, subprocess.SubprocessError):
            found = ""
    return Finding(
        "newlib",
        "C library for Cortex-M boards",
        found,
        True,
        "Debian, Ubuntu: sudo apt-get install libnewlib-arm-none-eabi. Arm's own toolchain contains it.",
    )


def _package(package: _Package) -> Finding:
    try:
        found = metadata.version(package.name)
    except metadata.PackageNotFoundError:
        found = ""
    target = f"slimse-mcu[{package.extra}]" if package.extra else "slimse-mcu"
    return Finding(package.name, package.purpose, found, package.required, f"pip install '{target}'")


def _engine(engine: Engine) -> Finding:
    """A speech engine; its voices are packages of their own."""
    lacking = engine.lacks()
    return Finding(
        engine.name,
        "speaks for `slimse data synth`",
        "" if lacking else engine.version(),
        False,
        f"Debian, Ubuntu: sudo apt-get install {' '.join(lacking)}.",
    )


def _flash_tool(tool: Tool) -> Finding:
    lack = tool.lacks()
    return Finding(tool.title, "loads boards for `slimse flash`", "" if lack else "found", False, lack)


def _ports() -> Iterator[Finding]:
    try:
        from serial.tools import list_ports
    except ImportError:
        return
    ports = sorted(list_ports.comports())
    for port in ports:
        yield Finding(port.device, "serial port", port.description or "unnamed", False, "")
    if not ports:
        yield Finding("serial port", "real boards", "", False, "Plug in a board; virtual boards need no port.")
