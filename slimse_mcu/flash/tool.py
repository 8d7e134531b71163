"""What a flash tool is, and which there are: the modules of :mod:`slimse_mcu.flash.tools`."""

from __future__ import annotations

import json
import pkgutil
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import pydantic

from slimse_mcu.board import Board
from slimse_mcu.errors import BoardError, FlashError

Progress = Callable[[str, int, int], None]
"""Told how far a step is: its name, done, total."""

_SECONDS = 300.0


class Settings(pydantic.BaseModel):
    """A table ``[flash.TOOL]`` of a board.toml; each tool has its own."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be loaded where.

    Attributes:
        board: The target.
        elf: The firmware.
        probe: Serial number of the probe, or part of it; None: the only one there is.
        drive: Where a boot loader's drive is mounted; None: it is looked for.
        progress: Told how far it is.
    """

    board: Board
    elf: Path
    probe: str | None = None
    drive: Path | None = None
    progress: Progress = lambda _step, _done, _total: None


class Tool(ABC):
    """A program or library that loads firmware.

    Attributes:
        name: As in board.toml and after ``--tool``; the module has the same.
        title: What people call it.
        settings: What its table in board.toml holds.
        verifies: Whether it reads back what it wrote; where not, only the answer to ``hello`` tells.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    settings: ClassVar[type[Settings]]
    verifies: ClassVar[bool] = True

    @abstractmethod
    def lacks(self) -> str:
        """How to get what is missing, one imperative sentence; empty when the tool can be used."""

    @abstractmethod
    def load(self, job: Job, settings: Any) -> None:
        """Load the firmware, verify it if the tool can, and let it run.

        Raises:
            FlashError: There is no probe or more than one, or the tool failed.
        """


def tools() -> dict[str, Tool]:
    """All flash tools by name."""
    from slimse_mcu.flash import tools as package

    found = {}
    for module in sorted(one.name for one in pkgutil.iter_modules(package.__path__)):
        made = import_module(f"{package.__name__}.{module}").TOOL
        assert isinstance(made, Tool)
        found[made.name] = made
    return found


def settings_of(board: Board, tool: Tool) -> Any:
    """The table ``[flash.TOOL]`` of a board, checked.

    Raises:
        BoardError: There is none, or something in it is wrong; names the field.
    """
    file = board.path / "board.toml"
    if tool.name not in board.flash:
        named = ", ".join(board.flash) or "none"
        raise BoardError(
            f"The board {board.name} does not say how {tool.title} loads it.",
            hint=f"Choose another --tool (there is {named}), or write [flash.{tool.name}] into {file}.",
        )
    try:
        return tool.settings.model_validate_json(json.dumps(board.flash[tool.name]))
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(("flash", tool.name, *(str(part) for part in first["loc"])))
        known = ", ".join(tool.settings.model_fields) or "nothing"
        reason = first["msg"][:1].lower() + first["msg"][1:]
        raise BoardError(f"{file}: {key}: {reason}.", hint=f"[flash.{tool.name}] holds {known}.") from error


def check_tables(board: Board) -> None:
    """Check all ``[flash.TOOL]`` tables of a board.

    Raises:
        BoardError: There is no such tool, or a table is wrong.
    """
    known = tools()
    for name in board.flash:
        if name not in known:
            raise BoardError(
                f"{board.path / 'board.toml'}: flash.{name} is no flash tool.", hint=f"There are {', '.join(known)}."
            )
        settings_of(board, known[name])


def find_program(names: Sequence[str], places: Sequence[Path] = ()) -> str | None:
    """The first of ``names`` on the PATH or in one of ``places``."""
    for name in names:
        found = shutil.which(name) or next((str(place / name) for place in places if (place / name).is_file()), None)
        if found is not None:
            return found
    return None


def run_program(command: Sequence[str], *, title: str, causes: Mapping[str, tuple[str, str]]) -> str:
    """Run a tool to its end and return what it printed.

    Args:
        command: Program and arguments.
        title: What people call it, for messages.
        causes: Text that the tool prints, in lower case -> what it means and the way out.

    Raises:
        FlashError: It cannot be started, takes for ever, or ends with an error.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except OSError as error:
        raise FlashError(f"{title} cannot be started: {error.strerror}.", hint="Install it again.") from error
    except subprocess.TimeoutExpired as error:
        raise FlashError(
            f"{title} did not end within {_SECONDS:g} s.", hint="Unplug the board, plug it in, try again."
        ) from error
    said = done.stdout.lower()
    for text, (meaning, way_out) in causes.items():
        if text in said and (done.returncode != 0 or text.startswith("error")):
            raise FlashError(meaning, hint=way_out)
    if done.returncode != 0:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower() or "fail" in line.lower()]
        last = (errors or lines or [f"it ended with code {done.returncode}"])[-1]
        raise FlashError(f"{title} failed: {last[:300].rstrip('.')}.", hint="Check the cable and the board's power.")
    return done.stdout
