"""Any folders anywhere, named in a toml file.

For each split either ``noisy`` and ``clean`` (pairs, matched by name) or ``speech`` and ``noise`` (to mix)::

    [train]
    speech = ["/data/speech/a", "speech/b"]    # relative to this file
    noise = "/data/noise"
    [test]
    noisy = "/data/recorded"
    clean = "/data/reference"                  # may be left out
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from slimse_mcu.data.audio_files import find
from slimse_mcu.data.sets.layout import SPLITS, Layout, Listing, match_by_name, no_split
from slimse_mcu.errors import SlimseError

_KEYS = ("noisy", "clean", "speech", "noise")
_LARGEST_BYTES = 1 << 20


class _Folders(Layout):
    kind = "folders"
    title = "folders named in a file"
    looks_like = "a .toml file with [train], [valid] and [test], each with noisy and clean, or speech and noise"

    def recognises(self, path: Path) -> bool:
        return path.is_file() and path.suffix.lower() == ".toml"

    def splits(self, path: Path) -> tuple[str, ...]:
        named = _read(path)
        return tuple(split for split in SPLITS if split in named)

    def listing(self, path: Path, split: str) -> Listing:
        named = _read(path).get(split)
        if named is None:
            raise no_split(self, path, split)
        if "noisy" in named:
            return match_by_name(named["noisy"][0], named["clean"][0] if "clean" in named else None)
        speech, noise = (tuple(file for folder in named[key] for file in find(folder)) for key in ("speech", "noise"))
        return Listing(speech=speech, noise=noise)


def _read(path: Path) -> dict[str, dict[str, list[Path]]]:
    """Folders by split and role.

    Raises:
        SlimseError: The file cannot be read, or says something else.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise SlimseError(f"{path} is too large for a list of folders.")
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SlimseError(f"{path} cannot be read as toml ({error}).", hint="Mend the file.") from error
    return {split: _table(path, split, table) for split, table in tables.items()}


def _table(path: Path, split: str, table: Any) -> dict[str, list[Path]]:
    """One split."""
    if split not in SPLITS or not isinstance(table, dict):
        raise SlimseError(f"{path} has an entry {split}.", hint=f"Give tables named {', '.join(SPLITS)}.")
    unknown = [key for key in table if key not in _KEYS]
    if unknown:
        raise SlimseError(f"{path}, {split}: unknown key {unknown[0]}.", hint=f"Known keys: {', '.join(_KEYS)}.")
    named = {key: _folders(path, split, key, value) for key, value in table.items()}
    pairs, mixed = {"noisy", "clean"} & named.keys(), {"speech", "noise"} & named.keys()
    if bool(pairs) == bool(mixed) or (pairs and "noisy" not in named) or (mixed and len(mixed) < 2):
        raise SlimseError(
            f"{path}, {split}: names {' and '.join(named) or 'nothing'}.",
            hint="Name either noisy and clean, or speech and noise.",
        )
    if any(len(named[key]) > 1 for key in pairs):
        raise SlimseError(f"{path}, {split}: pairs come from one folder each.", hint="Name one noisy and one clean.")
    return named


def _folders(path: Path, split: str, key: str, value: Any) -> list[Path]:
    names = [value] if isinstance(value, str) else value
    if (
        not isinstance(names, list)
        or not names
        or not all(isinstance(name, str) and "\0" not in name for name in names)
    ):
        raise SlimseError(f"{path}, {split}.{key} is no folder and no list of folders.", hint='Write "folder".')
    return [path.parent / name for name in names]


LAYOUT = _Folders()
