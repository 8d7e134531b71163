"""Writes a compiled project to a folder, whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from slimse_mcu.emit import MANIFEST, Project
from slimse_mcu.errors import BuildError


def write_project(project: Project, out: Path) -> None:
    """Write all files of a project.

    ``out`` is replaced if it is empty or holds an earlier project and nothing else; what is not slimse's is never
    removed.  The new folder takes the old one's place by renaming.

    Raises:
        BuildError: ``out`` holds something else, or cannot be written.
    """
    check_replaceable(out)
    out = out.resolve()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
            new, old = Path(scratch) / "new", Path(scratch) / "old"
            new.mkdir()
            for relative, text in project.files.items():
                target = new / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8", newline="\n")
            _exchange(new, out, old)
    except OSError as error:
        raise BuildError(
            f"{out} cannot be written: {error.strerror}.", hint="Choose another folder with --out."
        ) from error


def _exchange(new: Path, out: Path, old: Path) -> None:
    """Put ``new`` in the place of ``out``; put the former back if that fails."""
    if not out.exists():
        new.rename(out)
        return
    out.rename(old)
    try:
        new.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old)


def check_replaceable(out: Path) -> None:
    """Refuse a folder that holds anything but an earlier project.

    Raises:
        BuildError: Names what is in the way.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise BuildError(f"{out} is a file, expected a folder.", hint="Choose another folder with --out.")
    known = _known_files(out)
    for found in out.rglob("*"):  # in no order: the first one is enough, and the folder may be someone's home
        if not found.is_dir() and found.relative_to(out).as_posix() not in known:
            raise BuildError(
                f"{out} holds {found.relative_to(out)}, which slimse did not write.",
                hint="Choose another folder with --out, or empty this one.",
            )


def _known_files(folder: Path) -> set[str]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return {MANIFEST, *map(str, manifest["files"])}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
