"""Where ``firmware/``, ``templates/`` and ``boards/`` are found; nothing else reads them by path.

They are written next to the package and carried inside it by the wheel.  The bundled copy comes first, so that
an installed slimse-mcu never picks up a source tree that happens to be near.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path, PurePosixPath

_PACKAGE = Path(__file__).resolve().parent


@cache
def root() -> Path:
    """Return the folder that holds ``firmware``, ``templates`` and ``boards``.

    Raises:
        FileNotFoundError: The installation is incomplete.
    """
    for folder in (_PACKAGE / "_assets", _PACKAGE.parent):
        if (folder / "firmware").is_dir():
            return folder
    raise FileNotFoundError(f"{_PACKAGE} carries no firmware; the installation of slimse-mcu is incomplete.")


def path(relative: str) -> Path:
    """Return the path of an asset, ``relative`` as in ``"firmware/slimse.h"`` or ``"boards/virtual-m4"``.

    Raises:
        ValueError: ``relative`` leaves the assets.
        FileNotFoundError: There is no such asset.
    """
    parts = PurePosixPath(relative)
    if parts.is_absolute() or ".." in parts.parts:
        raise ValueError(f"{relative} is no path inside the assets.")
    found = root() / parts
    if not found.exists():
        raise FileNotFoundError(f"slimse-mcu has no asset {relative}.")
    return found


def read_text(relative: str) -> str:
    """Return the text of an asset (UTF-8, line ends as ``\\n``)."""
    return path(relative).read_text(encoding="utf-8")
