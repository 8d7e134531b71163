"""Boot loaders that are a drive: a UF2 file is copied there (github.com/microsoft/uf2)."""

from __future__ import annotations

import os
import re
import string
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from slimse_mcu.board import Board
from slimse_mcu.errors import FlashError
from slimse_mcu.flash.formats import segments, to_uf2
from slimse_mcu.flash.tool import Job, Settings, Tool, settings_of

_WAIT_S = 10.0
_CHUNK_BYTES = 65536


class Uf2Settings(Settings):
    """The table ``[flash.uf2]``.

    Attributes:
        family: Number of the family of microcontrollers, as in ``"0xe48bff56"``.
        drive: What ``Board-ID`` in the drive's INFO_UF2.TXT is or begins with.
    """

    family: Annotated[str, Field(pattern="^0x[0-9a-f]{8}$")]
    drive: str


class _Uf2(Tool):
    name = "uf2"
    title = "UF2 by drive copy"
    settings = Uf2Settings
    verifies = False

    def lacks(self) -> str:
        return ""

    def load(self, job: Job, settings: Uf2Settings) -> None:
        drive = job.drive or _only_drive(job, settings)
        check_drive(drive, settings)
        data = to_uf2(segments(job.elf), int(settings.family, 16))
        try:
            with (drive / "firmware.uf2").open("wb") as file:
                for start in range(0, len(data), _CHUNK_BYTES):
                    file.write(data[start : start + _CHUNK_BYTES])
                    job.progress("flash", min(start + _CHUNK_BYTES, len(data)), len(data))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            # With the last block the board leaves: the drive is gone before the file could be closed.
            if drive.is_dir() and (drive / "INFO_UF2.TXT").is_file():
                raise FlashError(
                    f"The drive {drive} takes no file: {error.strerror}.",
                    hint="Plug the board in again, with its boot button held down.",
                ) from error


TOOL = _Uf2()


def family_of(board: Board) -> int | None:
    """Number of the family in the UF2 files of a board; None where its boot loader takes none.

    Raises:
        BoardError: The board's table is wrong.
    """
    return int(settings_of(board, TOOL).family, 16) if TOOL.name in board.flash else None


def check_drive(drive: Path, settings: Uf2Settings) -> None:
    """Refuse a folder that is not the drive of the board's boot loader.

    Raises:
        FlashError: It has no INFO_UF2.TXT, or that names another board.
    """
    try:
        info = (drive / "INFO_UF2.TXT").read_bytes()[:4096].decode("utf-8", "replace")
    except OSError as error:
        raise FlashError(
            f"{drive} is no drive of a UF2 boot loader: it has no INFO_UF2.TXT.",
            hint="Plug the board in with its boot button held down.",
        ) from error
    found = re.search(r"^Board-ID:\s*(\S+)", info, re.MULTILINE)
    name = found.group(1) if found else ""
    if name != settings.drive and not name.startswith(f"{settings.drive}-"):
        raise FlashError(
            f"The drive {drive} is of another board ({name or 'without Board-ID'}), not {settings.drive}.",
            hint="Choose the board that is plugged in with --board.",
        )


def _only_drive(job: Job, settings: Uf2Settings) -> Path:
    """The drive of the board's boot loader, waited for while it is being mounted."""
    end = time.monotonic() + _WAIT_S
    while True:
        found = [drive for drive in _mounted() if _fits(drive, settings)]
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            raise FlashError(
                f"There are {len(found)} boards in boot mode: {', '.join(map(str, found))}.",
                hint="Choose one with --drive.",
            )
        if time.monotonic() > end:
            raise FlashError(
                f"No drive {settings.drive} is mounted.",
                hint=f"Plug {job.board.name} in with its boot button held down, mount its drive, or name it with"
                " --drive.",
            )
        time.sleep(0.2)


def _fits(drive: Path, settings: Uf2Settings) -> bool:
    try:
        check_drive(drive, settings)
    except FlashError:
        return False
    return True


def _mounted() -> Iterator[Path]:
    """Where drives of boot loaders may be."""
    if sys.platform == "win32":
        places = [Path(f"{letter}:/") for letter in string.ascii_uppercase[3:]]
    else:
        roots = (Path("/media"), Path("/run/media"), Path("/Volumes"), Path("/mnt"))
        places = [place for root in roots for pattern in ("*", "*/*") for place in root.glob(pattern)]
    for place in places:
        if (place / "INFO_UF2.TXT").is_file():
            yield place
