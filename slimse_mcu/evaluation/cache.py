"""Records of recordings that were evaluated before, so that an interrupted evaluation goes on where it was.

A record lies in a file named by everything that it depends on: the model with its integers and kernels, the content of
the recording, and what was asked for.  A file that is damaged counts as missing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from slimse_mcu.errors import AudioError, SlimseError
from slimse_mcu.evaluation.records import SignalRecord

FORMAT = 3
"""Goes up when a record means something else than before."""

_CHUNK_BYTES = 1 << 20


def digest_of_files(*paths: Path | None) -> str:
    """SHA-256 over the contents of files, in hexadecimal; None stands for no file.

    Raises:
        AudioError: A file cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        one = hashlib.sha256()
        if path is not None:
            try:
                with path.open("rb") as file:
                    while chunk := file.read(_CHUNK_BYTES):
                        one.update(chunk)
            except OSError as error:
                raise AudioError(f"{path} cannot be read ({error.strerror}).") from error
        digest.update(one.digest() if path is not None else b"none")
    return digest.hexdigest()


def digest_of_text(*parts: str) -> str:
    """SHA-256 over texts, in hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part.encode()).digest())
    return digest.hexdigest()


class Cache:
    """A folder of records.

    Args:
        folder: Made when the first record is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, key: str) -> dict[str, SignalRecord] | None:
        """The signals' records under a key; None where there is none that can be read."""
        try:
            values = json.loads(self._path(key).read_text(encoding="utf-8"))
            if not isinstance(values, dict) or values.get("format") != FORMAT or values.get("key") != key:
                return None
            return {str(name): SignalRecord.from_json(one) for name, one in values["signals"].items()}
        except (OSError, ValueError, KeyError, AttributeError, RecursionError):
            return None

    def keep(self, key: str, signals: Mapping[str, SignalRecord]) -> None:
        """Write records, whole or not at all.

        Raises:
            SlimseError: The folder cannot be written.
        """
        values = {"format": FORMAT, "key": key, "signals": {name: one.to_json() for name, one in signals.items()}}
        path = self._path(key)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(values, allow_nan=False), encoding="utf-8")
            temporary.replace(path)
        except OSError as error:
            raise SlimseError(
                f"{path} cannot be written ({error.strerror}).", hint="Free some space, or choose another --out."
            ) from error
        finally:
            temporary.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"
