"""Means with confidence intervals, rank correlation, and differences between pairs.

Intervals are bootstrap percentiles over recordings (Efron 1979): recordings are what was drawn, so recordings are drawn
again, with all their frames.  The draws depend on the seed and the number of recordings alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 2000
"""How often the recordings are drawn again."""

CONFIDENCE = 0.95
"""Share of the draws inside an interval."""

SEED = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over recordings.

    Attributes:
        mean: The mean.
        low: Lower end of the 95 % confidence interval; None for less than two recordings.
        high: Upper end.
        files: Recordings.
    """

    mean: float
    low: float | None
    high: float | None
    files: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What one model's mean is above another's, over the same recordings.

    Attributes:
        mean: Mean of the differences.
        low: Lower end of the 95 % confidence interval; None for less than two recordings.
        high: Upper end.
        relative: The difference as a share of the other's mean; None where that is 0.
        relative_low: Lower end of its interval.
        relative_high: Upper end.
        files: Recordings.
    """

    mean: float
    low: float | None
    high: float | None
    relative: float | None
    relative_low: float | None
    relative_high: float | None
    files: int


@lru_cache(maxsize=64)
def _draws(files: int, seed: int) -> NDArray[np.float64]:
    """How often each recording is in each draw, ``[DRAWS, files]``."""
    rng = np.random.default_rng([seed, files])
    return rng.multinomial(files, np.full(files, 1.0 / files), size=DRAWS).astype(np.float64)


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(values, (tail, 100.0 - tail))
    return float(low), float(high)


def mean(values: ArrayLike, *, seed: int = SEED) -> Estimate | None:
    """Mean over recordings ``[files]``; None of nothing."""
    return ratio(values, np.ones(np.shape(values)), seed=seed)


def ratio(parts: ArrayLike, wholes: ArrayLike, *, seed: int = SEED) -> Estimate | None:
    """Sum of parts over sum of wholes, such as MACs per frame.

    Args:
        parts: ``[files]``.
        wholes: ``[files]``, not negative.
        seed: Of the draws.

    Returns:
        None where the wholes are 0.
    """
    above, below = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    if below.sum() <= 0.0:
        return None
    value = float(above.sum() / below.sum())
    if len(above) < 2:
        return Estimate(value, None, None, len(above))
    draws = _draws(len(above), seed)
    sums = draws @ below
    low, high = _interval((draws @ above)[sums > 0.0] / sums[sums > 0.0])
    return Estimate(value, low, high, len(above))


def difference(ours: ArrayLike, theirs: ArrayLike, *, seed: int = SEED) -> Difference | None:
    """What ours is above theirs, recording by recording; None of nothing.

    Args:
        ours: ``[files]``.
        theirs: ``[files]`` of the same recordings.
        seed: Of the draws.
    """
    first, second = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    files = len(first)
    if files == 0:
        return None
    gap = first - second
    base = float(second.mean())
    relative = float(gap.mean()) / base if base else None
    if files < 2:
        return Difference(float(gap.mean()), None, None, relative, None, None, files)
    draws = _draws(files, seed) / files
    low, high = _interval(draws @ gap)
    bases = draws @ second
    ends: tuple[float | None, float | None] = (None, None)
    if relative is not None and np.all(bases != 0.0):
        ends = _interval((draws @ gap) / bases)
    return Difference(float(gap.mean()), low, high, relative, *ends, files)


def ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of theirs."""
    given = np.asarray(values, np.float64)
    _, place, counts = np.unique(given, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[place], np.float64)


def rank_correlation(one: ArrayLike, other: ArrayLike) -> float | None:
    """Spearman's coefficient; None for less than three values, or where all are equal."""
    first, second = ranks(one), ranks(other)
    if len(first) < 3 or np.ptp(first) == 0.0 or np.ptp(second) == 0.0:
        return None
    first, second = first - first.mean(), second - second.mean()
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))


def finite(values: Sequence[float | None]) -> bool:
    """Whether every value is there."""
    return all(value is not None for value in values)
