"""Where things are in a synthetic corpus, and the hash that tells whether it is as it was made."""

from __future__ import annotations

import hashlib
from pathlib import Path

DONE = "corpus.json"
"""What a finished corpus says about itself."""

STARTED = ".unfinished.json"
"""What an unfinished one is going to be."""


def content_hash(root: Path) -> str:
    """SHA-256 over the names and contents of all audio and index files, in hexadecimal."""
    digest = hashlib.sha256()
    for path in sorted(root.glob("*/**/*")):
        relative = path.relative_to(root)
        if path.suffix in (".flac", ".csv") and not any(part.startswith(".") for part in relative.parts):
            digest.update(f"{relative.as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
