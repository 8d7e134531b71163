"""Quantization of an ascending function by its steps: specification of ``slimse_steps.h`` and its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.dsp.c_text import CTable, table
from slimse_mcu.errors import QuantizeError

LEVELS = 256
"""What int8 can say."""

_NEVER = np.uint32(0xFFFFFFFF)
_MOST_PER_BUCKET = 3
_MOST_BUCKETS = 1 << 16


@dataclass(frozen=True, slots=True)
class Steps:
    """``slimse_steps_t``: int8 from numbers that order like uint32.

    The level of a number is how many thresholds are at or below it.  The device finds it without a search through all:
    equal buckets of numbers, the level where each begins, and at most three thresholds inside one.

    Attributes:
        thresholds: uint32 ``[255]`` ascending.
        starts: int8 ``[buckets]``, the result where a bucket begins.
        first: Bucket of ``starts[0]``; those below it are like it.
        shift: A number's bucket is ``number >> shift``.
    """

    thresholds: NDArray[np.uint32]
    starts: NDArray[np.int8]
    first: int
    shift: int

    @classmethod
    def of(cls, thresholds: NDArray[np.uint32], reach: int, fraction_bits: int) -> Steps:
        """The fewest buckets that hold no more than three thresholds each.

        Args:
            thresholds: ``[255]``, ascending.
            reach: Greatest number that occurs.
            fraction_bits: Of the numbers, below their binary exponent: buckets are no wider than an octave.

        Raises:
            QuantizeError: Thresholds are so near to each other that more than 65,536 buckets were needed.
        """
        reached = np.where(thresholds > reach, _NEVER, thresholds)
        zeros = int(np.sum(reached == 0))
        for shift in range(fraction_bits, -1, -1):
            last = reach >> shift
            begin = min(last, max(0, (int(reached[zeros]) >> shift) - 1)) if zeros < len(reached) else last
            if last - begin >= _MOST_BUCKETS:
                raise QuantizeError(
                    "The front end's features are quantized too finely for a table of their steps.",
                    hint="Calibrate with recordings that are loud in places and quiet in others.",
                )
            edges = np.arange(begin, last + 2, dtype=np.uint64) << np.uint64(shift)
            starts = np.searchsorted(reached, edges[:-1], side="right")
            ends = np.searchsorted(reached, edges[1:], side="left")
            if np.all(ends - starts <= _MOST_PER_BUCKET):
                return cls(reached, (starts - LEVELS // 2).astype(np.int8), begin, shift)
        raise AssertionError("equal numbers are in one bucket each")

    def quantize(self, numbers: NDArray[np.uint32]) -> NDArray[np.int8]:
        """``slimse_step_of``."""
        levels = np.searchsorted(self.thresholds, numbers.ravel(), side="right").reshape(numbers.shape)
        return (levels - LEVELS // 2).astype(np.int8)

    def c(self, what: str) -> tuple[str, tuple[CTable, CTable]]:
        """Initializer of the structure, and its arrays.

        Args:
            what: The numbers, for the comment.
        """
        padded = np.append(self.thresholds, [_NEVER, _NEVER])
        thresholds = f"{what} from which the feature is -127, -126, ..., 127"
        starts = f"feature where each of {len(self.starts)} buckets of 2^{self.shift} begins"
        fields = f"{{audio_thresholds + {LEVELS // 2}, audio_starts, {self.first}, {self.shift}}}"
        return fields, (
            table("audio_thresholds", "uint32_t", padded, thresholds),
            table("audio_starts", "int8_t", self.starts, starts),
        )


def bits_of(values: NDArray[Any]) -> NDArray[np.uint32]:
    """The bits of float32 values that are not negative, which order like the values."""
    return values.astype(np.float32).view(np.uint32)
