"""What is kept of one recording: scores of every signal, and the work per kind of frame, as plain numbers.

A record survives as JSON in the cache of an evaluation, so what is read back is checked like anything from outside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.decisions import Decisions
from slimse_mcu.evaluation.activity import KINDS
from slimse_mcu.harness.quality import METRICS, Scores


@dataclass(frozen=True, slots=True)
class Work:
    """What a model did in some frames.

    Attributes:
        frames: How many.
        macs: Multiply-accumulates that were executed in them.
        opened: Per channel gate and component: open bits, summed over the frames.
    """

    frames: int
    macs: int
    opened: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def nothing(cls) -> Work:
        """No frames."""
        return cls(0, 0, {})

    def plus(self, other: Work) -> Work:
        """Both together."""
        names = {**self.opened, **other.opened}
        opened = {name: self.opened.get(name, 0) + other.opened.get(name, 0) for name in names}
        return Work(self.frames + other.frames, self.macs + other.macs, opened)


@dataclass(frozen=True, slots=True)
class Count:
    """What a board counted over all frames of a recording.

    Attributes:
        unit: ``"instructions"`` or ``"cycles"``.
        network: Of the network alone.
        total: With front and back end.
    """

    unit: str
    network: int
    total: int


@dataclass(frozen=True, slots=True)
class SignalRecord:
    """One signal of a recording.

    Attributes:
        scores: Its quality.
        work: What it cost, by kind of frame; empty for the input.
        count: What a board counted; None elsewhere.
        differing: Frames in which a board's output, gates or MACs differ from the int8 model's; None elsewhere.
        flipped: Decisions of the int8 model that differ from the float model's, each on its own way; None elsewhere.
    """

    scores: Scores
    work: Mapping[str, Work] = field(default_factory=dict)
    count: Count | None = None
    differing: int | None = None
    flipped: int | None = None

    @property
    def total(self) -> Work:
        """The work over all frames."""
        total = Work.nothing()
        for one in self.work.values():
            total = total.plus(one)
        return total

    def without_opinion(self) -> SignalRecord:
        """The same without DNSMOS."""
        return replace(self, scores=replace(self.scores, dnsmos_ovrl=None, dnsmos_sig=None, dnsmos_bak=None))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "scores": asdict(self.scores),
            "work": {kind: asdict(one) for kind, one in self.work.items()},
            "count": None if self.count is None else asdict(self.count),
            "differing": self.differing,
            "flipped": self.flipped,
        }

    @classmethod
    def from_json(cls, values: Any) -> SignalRecord:
        """What :meth:`to_json` gave.

        Raises:
            ValueError: It is something else.
        """
        try:
            scores = {name: _score(values["scores"][name]) for name in METRICS}
            work = {kind: _work(one) for kind, one in values["work"].items() if kind in KINDS}
            count = values["count"]
            if count is not None:
                count = Count(str(count["unit"]), _whole(count["network"]), _whole(count["total"]))
            differing, flipped = (
                None if values[name] is None else _whole(values[name]) for name in ("differing", "flipped")
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("no record of a signal") from error
        return cls(Scores(**scores), work, count, differing, flipped)


def _score(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a score is a number")
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("a count is a whole number")
    return value


def _work(values: Any) -> Work:
    opened = {str(name): _whole(count) for name, count in values["opened"].items()}
    return Work(_whole(values["frames"]), _whole(values["macs"]), opened)


def work_by_kind(
    macs: NDArray[np.int64], gates: NDArray[np.uint8], kinds: Mapping[str, NDArray[np.bool_]], decisions: Decisions
) -> dict[str, Work]:
    """Sums over the frames of each kind that occurs.

    Args:
        macs: ``[frames]``.
        gates: Gate bytes ``[frames, n]``.
        kinds: Bool ``[frames]`` by kind, see :func:`slimse_mcu.evaluation.activity.frame_kinds`; frames that come
            behind them, which only bring out what is left in the overlap, do not count.
        decisions: What the gate bytes say.
    """
    found = {}
    for kind, which in kinds.items():
        if not which.any():
            continue
        chosen = np.flatnonzero(which)
        bits = decisions.unpack(gates[chosen])
        opened = {name: int(one.sum()) for name, one in bits.items()}
        found[kind] = Work(len(chosen), int(macs[chosen].sum()), opened)
    return found
