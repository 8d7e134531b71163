"""Constants of rows as kernels for short sums read them: starts of sums, multipliers, shifts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.ops.op import Constant

_NARROW_BITS = 23
_LARGEST_VALUE = 255  # of an input without its zero point


def is_narrow(weights: NDArray[Any], bias: NDArray[Any], bits: int = _NARROW_BITS) -> bool:
    """Whether every row's accumulator, over whatever columns, stays below 2^bits in magnitude for all inputs.

    Args:
        weights: ``[rows, columns]``.
        bias: ``[rows]``.
        bits: Of the magnitude.
    """
    reach = np.abs(bias.astype(np.int64)) + _LARGEST_VALUE * np.abs(weights.astype(np.int64)).sum(axis=1)
    return bool(np.all(reach < 1 << bits))


def folded_bias(weights: NDArray[Any], bias: NDArray[Any], input_offset: int) -> NDArray[np.int64]:
    """The bias for inputs that keep their zero point, ``[rows]``; ``input_offset`` is minus that."""
    result: NDArray[np.int64] = bias.astype(np.int64) + input_offset * weights.astype(np.int64).sum(axis=1)
    return result


def shifts(multiplier: NDArray[Any], shift: NDArray[Any]) -> NDArray[np.int64] | None:
    """What each row is shifted to the right, 2 to 31; None where one is shifted otherwise."""
    to_right = np.where(multiplier == 0, 2, -shift.astype(np.int64))
    return to_right if np.all((to_right >= 2) & (to_right <= 31)) else None


def in_blocks(values: NDArray[Any]) -> NDArray[np.int32]:
    """A value per row ``[rows]`` as blocks of four rows ``[blocks, 4]``, zero where rows are missing."""
    padded = np.zeros(-(-len(values) // 4) * 4, np.int64)
    padded[: len(values)] = values
    return padded.reshape(-1, 4).astype(np.int32)


def row_constants(starts: NDArray[Any], multiplier: NDArray[Any], to_right: NDArray[Any]) -> Constant:
    """Rows as ``slimse_short_sums.h`` has them; arguments ``[rows]``, of short sums."""
    words = np.stack([32 * starts + to_right - 1, multiplier.astype(np.int64)], axis=1)
    return Constant("int32_t", words.astype(np.int32), "[rows][2]: 32 x start of the sum + shift - 1; multiplier, Q31")


def array(fields: Mapping[str, int | Constant], name: str) -> NDArray[Any]:
    """Values of a constant of a portable call."""
    value = fields[name]
    assert isinstance(value, Constant), f"{name} is no array"
    return value.values


def scalar(fields: Mapping[str, int | Constant], name: str) -> int:
    """A number of a portable call."""
    value = fields[name]
    assert isinstance(value, int), f"{name} is no number"
    return value


def members(fields: Mapping[str, int | Constant], part: str) -> dict[str, int]:
    """The numbers of a nested structure of a portable call."""
    prefix = f"{part}."
    return {name.removeprefix(prefix): scalar(fields, name) for name in fields if name.startswith(prefix)}
