"""The corpus that ``slimse data synth`` writes."""

from __future__ import annotations

import json
from pathlib import Path

from slimse_mcu.data.audio_files import Rejected, find
from slimse_mcu.data.corpus_folder import DONE, STARTED, content_hash
from slimse_mcu.data.sets.index import INDEX, tagged
from slimse_mcu.data.sets.layout import SPLITS, Layout, Listing, match_by_name, no_split
from slimse_mcu.errors import SlimseError


class _Synthetic(Layout):
    kind = "synthetic"
    title = "a synthetic corpus"
    looks_like = "what `slimse data synth` writes, with a corpus.json"

    def recognises(self, path: Path) -> bool:
        return any((path / name).is_file() for name in (DONE, STARTED))

    def splits(self, path: Path) -> tuple[str, ...]:
        if not (path / DONE).is_file():
            raise SlimseError(
                f"The corpus {path} is not finished.", hint="Run `slimse data synth` again with the same options."
            )
        return tuple(split for split in SPLITS if (path / split).is_dir())

    def listing(self, path: Path, split: str) -> Listing:
        if split not in self.splits(path):
            raise no_split(self, path, split)
        if split == "train":
            return Listing(speech=tuple(find(path / split / "clean")), noise=tuple(find(path / split / "noise")))
        return tagged(match_by_name(path / split / "noisy", path / split / "clean"), path / split / INDEX)

    def damage(self, path: Path) -> tuple[Rejected, ...]:
        if not (path / DONE).is_file() or _facts(path / DONE).get("sha256") == content_hash(path):
            return ()
        return (Rejected(path / DONE, "states another SHA-256 than the files have: the corpus was changed"),)


def _facts(path: Path) -> dict[str, object]:
    """What a finished corpus says about itself; nothing where that cannot be read."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


LAYOUT = _Synthetic()
