"""How recordings are grouped: by signal-to-noise ratio, and by every tag that a set gives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CLEAN_DB = 40.0
"""A recording with this ratio or a better one counts as clean speech."""

BIN_DB = 5.0
"""Width of the bins where the ratios are not a few chosen ones."""

_MOST_RATIOS = 12
_MOST_VALUES = 24
_RANGE_DB = (-20.0, CLEAN_DB)

SNR_TAG = "snr_db"

Tags = Mapping[str, str | float]


@dataclass(frozen=True, slots=True)
class Group:
    """Recordings that have something in common.

    Attributes:
        name: What, for people.
        place: Where it lies on the axis, for ratios; None for kinds.
        members: Numbers of the recordings.
    """

    name: str
    place: float | None
    members: tuple[int, ...]


def snr_of(tags: Tags, measured_db: float | None) -> float | None:
    """A recording's signal-to-noise ratio in dB: the set's word, else what was measured, None where nothing is known.

    Args:
        tags: The set's word.
        measured_db: SI-SDR of the noisy input, which is its ratio where noise was added and nothing else done.
    """
    told = tags.get(SNR_TAG)
    if isinstance(told, int | float) and not isinstance(told, bool) and not math.isnan(told):
        return float(told)
    return measured_db


def by_snr(ratios_db: Sequence[float | None]) -> tuple[Group, ...]:
    """Recordings by signal-to-noise ratio, ascending: by value where a few come again and again, else in bins of 5 dB.

    Recordings of 40 dB or more are ``clean``; those whose ratio is not known are in no group.
    """
    known = {number: ratio for number, ratio in enumerate(ratios_db) if ratio is not None}
    noisy = [ratio for ratio in known.values() if ratio < CLEAN_DB]
    exact = len(set(noisy)) <= min(_MOST_RATIOS, len(noisy) // 2)
    places: dict[float, list[int]] = {}
    names: dict[float, str] = {}
    for number, ratio in known.items():
        place, name = _bin(ratio, exact)
        places.setdefault(place, []).append(number)
        names[place] = name
    return tuple(Group(names[place], place, tuple(places[place])) for place in sorted(places))


def _bin(ratio_db: float, exact: bool) -> tuple[float, str]:
    if ratio_db >= CLEAN_DB:
        return CLEAN_DB, "clean"
    if exact:
        return ratio_db, f"{ratio_db:g} dB"
    low = BIN_DB * math.floor(max(ratio_db, _RANGE_DB[0]) / BIN_DB)
    return low + BIN_DB / 2.0, f"{low:g} to {low + BIN_DB:g} dB"


def by_tags(tags: Sequence[Tags]) -> dict[str, tuple[Group, ...]]:
    """Recordings by every tag whose values are words, a few of them; the ratio is none."""
    found = {}
    for tag in sorted({name for one in tags for name in one if name != SNR_TAG}):
        values = [one.get(tag) for one in tags]
        words = sorted({value for value in values if isinstance(value, str) and value})
        if 2 <= len(words) <= _MOST_VALUES:
            found[tag] = tuple(
                Group(word, None, tuple(number for number, value in enumerate(values) if value == word))
                for word in words
            )
    return found
