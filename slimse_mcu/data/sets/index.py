"""``index.csv``: what is known of each recording of a folder."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from slimse_mcu.data.audio_files import Rejected
from slimse_mcu.data.sets.layout import Listing, Pair
from slimse_mcu.data.sources import Tags

INDEX = "index.csv"
"""Columns ``name`` and ``snr_db``, and any of :data:`WORDS`."""

WORDS = ("noise", "voice", "language", "room")

_LARGEST_BYTES = 1 << 26


def tagged(listing: Listing, index: Path) -> Listing:
    """Pairs with what an index says of them; rows that say nothing usable are on the list of rejected ones."""
    tags, rejected = _read(index)
    pairs = tuple(Pair(one.name, one.noisy, one.clean, tags.get(one.name, {})) for one in listing.pairs)
    return Listing(listing.speech, listing.noise, pairs, (*listing.rejected, *rejected))


def _read(index: Path) -> tuple[dict[str, Tags], tuple[Rejected, ...]]:
    try:
        if index.stat().st_size > _LARGEST_BYTES:
            return {}, (Rejected(index, "is too large to be an index"),)
        with index.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return {}, (Rejected(index, f"cannot be read ({error})"),)
    tags: dict[str, Tags] = {}
    rejected = []
    for row in rows:
        name, ratio_db = row.get("name"), _number(row.get("snr_db"))
        if name is None or ratio_db is None:
            rejected.append(Rejected(index, f"has a row without name or snr_db ({name})"))
        else:
            tags[name] = {"snr_db": ratio_db, **{key: row[key] for key in WORDS if row.get(key)}}
    return tags, tuple(rejected)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
