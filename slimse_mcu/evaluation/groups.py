"""How recordings are grouped: by signal-to-noise ratio, and by every tag that a set gives."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CLEAN_DB = 40.0
"""A recording with this ratio or a better one counts as clean speech."""

BIN_DB = 5.0
"""Width of the bins where the ratios are not a few chosen ones."""

_MOST_RATIOS = 12
_MOST_VALUES = 24
_RANGE_DB = (-20.0, CLEAN_DB)
_RANGES = 3
_NUMBERED = re.compile(r"(.{0,40}?)(-?\d{1,12}(?:\.\d{1,12})?)(\D{0,40})")

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
    """Recordings by every tag with a few values that tell some of them apart; the ratio's tag is none.

    Values that differ in a number alone (``rt60 0.31 s``, ``rt60 0.58 s``), where there are too many of them, are put
    together into three ranges of about as many recordings each.
    """
    found = {}
    for tag in sorted({name for one in tags for name in one if name != SNR_TAG}):
        values = {number: str(one[tag]) for number, one in enumerate(tags) if str(one.get(tag, "")).strip()}
        places = _by_value(values)
        if len(places) > _MOST_VALUES:
            places = _by_range(values)
        if 2 <= len(places) <= _MOST_VALUES:
            found[tag] = tuple(Group(name, None, tuple(members)) for name, members in places.items())
    return found


def _by_value(values: Mapping[int, str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for number, value in sorted(values.items(), key=lambda both: (both[1], both[0])):
        places.setdefault(value, []).append(number)
    return places


def _by_range(values: Mapping[int, str]) -> dict[str, list[int]]:
    """Values with a number in them by what is around it and by three ranges of it, the others by themselves."""
    families: dict[tuple[str, str], list[tuple[float, str, int]]] = {}
    rest = {}
    for number, value in values.items():
        match = _NUMBERED.fullmatch(value)
        if match is None:
            rest[number] = value
        else:
            before, digits, behind = match.groups()
            families.setdefault((before, behind), []).append((float(digits), digits, number))
    places = _by_value(rest)
    for (before, behind), members in sorted(families.items()):
        members.sort()
        for third in (members[len(members) * n // _RANGES : len(members) * (n + 1) // _RANGES] for n in range(_RANGES)):
            if third:
                low, high = third[0][1], third[-1][1]
                name = f"{before}{low}{behind}" if low == high else f"{before}{low} to {high}{behind}"
                places.setdefault(name, []).extend(sorted(number for _, _, number in third))
    return places
