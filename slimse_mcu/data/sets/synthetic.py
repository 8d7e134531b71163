"""The corpus that ``slimse data synth`` writes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from slimse_mcu.data.audio_files import Rejected, find
from slimse_mcu.data.corpus_folder import DONE, INDEX, STARTED, content_hash
from slimse_mcu.data.sets.layout import SPLITS, Layout, Listing, Pair, match_by_name, no_split
from slimse_mcu.data.sources import Tags
from slimse_mcu.errors import SlimseError

_LARGEST_INDEX_BYTES = 1 << 26


class _Synthetic(Layout):
    kind = "synthetic"
    title = "a synthetic corpus"
    looks_like = "what `slimse data synth` writes, with a corpus.json"

    def recognises(self, path: Path) -> bool:
        return any((path / name).is_file() for name in (DONE, STARTED))

    def splits(self, path: Path) -> tuple[str, ...]:
        return tuple(split for split in SPLITS if (path / split).is_dir())

    def listing(self, path: Path, split: str) -> Listing:
        if not (path / DONE).is_file():
            raise SlimseError(
                f"The corpus {path} is not finished.", hint="Run `slimse data synth` again with the same options."
            )
        if split not in self.splits(path):
            raise no_split(self, path, split)
        if split == "train":
            return Listing(speech=tuple(find(path / split / "clean")), noise=tuple(find(path / split / "noise")))
        found = match_by_name(path / split / "noisy", path / split / "clean")
        tags, rejected = _tags(path / split / INDEX)
        pairs = tuple(Pair(one.name, one.noisy, one.clean, tags.get(one.name, {})) for one in found.pairs)
        return Listing(pairs=pairs, rejected=(*found.rejected, *rejected))

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


def _tags(index: Path) -> tuple[dict[str, Tags], tuple[Rejected, ...]]:
    """What the index says of each recording."""
    try:
        if index.stat().st_size > _LARGEST_INDEX_BYTES:
            return {}, (Rejected(index, "is too large to be an index"),)
        with index.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return {}, (Rejected(index, f"cannot be read ({error})"),)
    tags: dict[str, Tags] = {}
    rejected = []
    for row in rows:
        try:
            ratio = float(row["snr_db"])
            tags[row["name"]] = {
                "snr_db": ratio,
                **{key: row[key] for key in ("noise", "voice", "language", "room") if row.get(key)},
            }
        except (KeyError, TypeError, ValueError):
            rejected.append(Rejected(index, f"has a row without name or snr_db ({row.get('name')})"))
    return tags, tuple(rejected)


LAYOUT = _Synthetic()
