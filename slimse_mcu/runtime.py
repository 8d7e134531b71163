"""Which files of the C runtime a model needs: its kernels, and what these share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from slimse_mcu import assets
from slimse_mcu.kernels import PORTABLE, folder_of, sources

TARGET_HEADER = "slimse_target"
"""The header by which the kernels of a folder refuse a core that lacks what they need."""
AUDIO = "dsp"
"""The folder of the front and back end that runs everywhere."""
_INCLUDE = re.compile(r'^#include "(\w+)\.h"$', re.MULTILINE)


def kernel_files(functions: Iterable[str], kernels: Sequence[str] = (PORTABLE,)) -> dict[str, str]:
    """Sources and headers of kernels, and all that they include: path in the project -> text.

    A header that several kernels share may have a source of its name, which comes with it.

    Args:
        functions: The kernels.
        kernels: Folders under ``firmware/`` in search order.
    """
    return _with_includes([*functions, TARGET_HEADER], kernels)


def audio_files(names: Iterable[str], kernels: Sequence[str] = (PORTABLE,)) -> dict[str, str]:
    """Sources and headers of the front and back end, and all that they include: path in the project -> text.

    Args:
        names: Of the sources, without ending.
        kernels: Folders under ``firmware/`` in search order; those before the portable kernels' may hold sources that
            replace the portable ones of the front and back end by name.
    """
    return _with_includes(names, [*(folder for folder in kernels if folder != PORTABLE), AUDIO])


def _with_includes(names: Iterable[str], folders: Sequence[str]) -> dict[str, str]:
    """What has these names, and all that it includes, below the name of the last folder."""
    files: dict[str, str] = {}
    waiting = list(names)
    known = set(waiting)
    while waiting:
        for path in _files(waiting.pop(), folders):
            text = path.read_text(encoding="utf-8")
            files[f"{folders[-1]}/{path.name}"] = text
            included = set(_INCLUDE.findall(text)) - known
            known |= included
            waiting += sorted(included)
    return files


def _files(name: str, folders: Sequence[str]) -> Iterator[Path]:
    """Sources and header of one name: both of one folder, else the portable header; nothing for the runtime's own."""
    folder = folder_of(name, folders)
    if folder is not None:
        yield from sources(folder, name)
    for candidate in folders if folder is None else (folder, folders[-1]):
        header = assets.root() / "firmware" / candidate / f"{name}.h"
        if header.is_file():
            yield header
            return
