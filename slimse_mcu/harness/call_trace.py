"""Which basic blocks of a firmware ran how often, by call path: a plugin of QEMU counts them.

``call_trace.c``, next to this file, is compiled with the computer's own C compiler when it is first needed and kept in
the user's cache folder.  Counts are exact and the same in every run.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from slimse_mcu.errors import BoardError
from slimse_mcu.harness.virtual import QEMU

_COMPILERS = ("cc", "gcc", "clang")
_SOURCE = Path(__file__).with_name("call_trace.c")
#: Since version 9 QEMU takes plugins from version 2 of its interface on.
_NEWER_INTERFACE = 9


@dataclass(frozen=True, slots=True)
class Node:
    """A call path: a function as it was called from one place.

    Attributes:
        parent: Index of the node that called it; 0 for the first node, which nobody called.
        site: Address that the call returns to.
        entry: Address of the function's first instruction.
        calls: How often.
    """

    parent: int
    site: int
    entry: int
    calls: int


@dataclass(frozen=True, slots=True)
class Block:
    """Instructions that ran one after the other.

    Attributes:
        node: Index of the call path.
        start: Address of the first instruction.
        end: Address behind the last one.
        count: How often they ran.
        taken: How often the last one did not go on at ``end``.
    """

    node: int
    start: int
    end: int
    count: int
    taken: int


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted during one call of the root function, or from reset to the end.

    Attributes:
        nodes: Call paths; node 0 is the root itself, and parents stand before their children.
        blocks: What ran.
    """

    nodes: tuple[Node, ...]
    blocks: tuple[Block, ...]


def options(out: Path, root: int | None = None, interrupt: int | None = None) -> list[str]:
    """Arguments for QEMU that make it count.

    Args:
        out: File that receives the counts; :func:`read` reads it.
        root: Address of a function: count inside of its calls, each call for itself.  None: count everything until the
            emulator ends by itself.
        interrupt: Address of the interrupt handler, which runs now and then and is not counted.

    Raises:
        BoardError: The plugin cannot be compiled.
    """
    fields = [str(_plugin()), f"out={out}"]
    fields += [f"{name}={address & ~1:x}" for name, address in (("root", root), ("interrupt", interrupt)) if address]
    return ["-plugin", ",".join(field.replace(",", ",,") for field in fields)]


def run(command: Sequence[str], out: Path, timeout_s: float) -> None:
    """Run an emulator that ends by itself.

    Raises:
        BoardError: It goes on for longer than ``timeout_s``, or left no counts.
    """
    try:
        result = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BoardError(
            f"The firmware did not end within {timeout_s:g} s.", hint="It must leave by semihosting's exit."
        ) from error
    if not out.is_file() or out.stat().st_size == 0:
        said = result.stderr.strip().splitlines()
        raise BoardError(f"{QEMU} counted nothing{': ' + said[-1] if said else ''}.", hint="See `slimse doctor`.")


def read(path: Path) -> tuple[Window, ...]:
    """Read what was counted; a window that was not completed is left out.

    Raises:
        BoardError: There is no such file.
    """
    try:
        with path.open(encoding="ascii") as lines:
            return tuple(_windows(lines))
    except OSError as error:
        raise BoardError(f"{QEMU} left no counts.", hint="Run the command again.") from error


def _windows(lines: Iterator[str]) -> Iterator[Window]:
    nodes: list[Node] = []
    blocks: list[Block] = []
    for line in lines:
        kind, *fields = line.split()
        if kind == "window":
            nodes, blocks = [], []
        elif kind == "n":
            _, parent, site, entry, calls = fields
            nodes.append(Node(int(parent), int(site, 16), int(entry, 16), int(calls)))
        elif kind == "b":
            node, start, end, count, taken = fields
            blocks.append(Block(int(node), int(start, 16), int(end, 16), int(count), int(taken)))
        elif kind == "end":
            yield Window(tuple(nodes), tuple(blocks))


@cache
def _plugin() -> Path:
    compiler = next((found for name in _COMPILERS if (found := shutil.which(name))), None)
    if compiler is None:
        raise BoardError(
            "Counting needs a C compiler for this computer.", hint="Install one (Debian: apt install gcc libc6-dev)."
        )
    source = _SOURCE.read_bytes()
    interface = 1 if _qemu_major() < _NEWER_INTERFACE else 2
    flags = ["-std=c11", "-O2", "-shared", "-fPIC", f"-DPLUGIN_VERSION={interface}"]
    if sys.platform == "darwin":
        flags += ["-undefined", "dynamic_lookup"]
    key = hashlib.sha256("\0".join([platform.machine(), *flags]).encode() + source).hexdigest()[:20]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slimse-mcu"
    plugin = folder / f"call_trace-{key}.so"
    if not plugin.is_file():
        _compile([compiler, *flags, str(_SOURCE)], plugin)
    return plugin


def _compile(command: list[str], plugin: Path) -> None:
    temporary = plugin.with_suffix(f".{os.getpid()}")
    try:
        plugin.parent.mkdir(parents=True, exist_ok=True)
        result = subprocess.run(
            [*command, "-o", str(temporary)], capture_output=True, encoding="utf-8", errors="replace", check=False
        )
        if result.returncode != 0:
            said = (result.stderr.strip().splitlines() or ["no message"])[0]
            raise BoardError(f"The plugin for {QEMU} does not compile: {said}", hint="Install gcc and libc6-dev.")
        temporary.replace(plugin)
    except OSError as error:
        raise BoardError(
            f"{plugin.parent} cannot be written: {error.strerror}.", hint="Set XDG_CACHE_HOME to a folder of yours."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _qemu_major() -> int:
    program = shutil.which(QEMU)
    if program is None:
        raise BoardError(
            f"The emulator {QEMU} was not found.", hint="Install QEMU (Debian: apt install qemu-system-arm)."
        )
    said = subprocess.run([program, "--version"], capture_output=True, encoding="utf-8", check=False).stdout
    found = re.search(r"version (\d+)\.", said)
    return int(found.group(1)) if found else 0
