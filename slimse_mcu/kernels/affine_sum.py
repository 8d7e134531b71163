"""Exact short forms of elementwise int8 layers: ``(a A + b B + C) >> shift`` in place of two or three requantizations.

An int8 layer of two inputs has 65,536 cases, so whether a form gives the specification's bits is no matter of analysis:
it is tried on all of them.  Of an offset C nothing has to be searched: every case bounds it from one side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.ops import operators
from slimse_mcu.ops.op import Constant

_VALUES = np.arange(-128, 128, dtype=np.int64)
_SHIFTS = (22, 21, 20, 23, 19, 24, 18, 17, 16)
_REACH = 3
_INT32_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class AffineSum:
    """``clamp((a * first + b * second + c) >> shift)`` with the raw int8 values of both inputs.

    Attributes:
        a: Factor of the first input.
        b: Factor of the second input.
        c: What is added.
        shift: To the right, arithmetic.
    """

    a: int
    b: int
    c: int
    shift: int


def affine_sum(fields: Mapping[str, int | Constant]) -> AffineSum | None:
    """The short form of a call of ``slimse_add_s8``, clamped to its ``output_min`` and ``output_max``.

    Returns:
        None where no form was found that equals the specification for all inputs and fits int32.
    """
    return _affine_sum(tuple(sorted((name, int(value)) for name, value in fields.items() if isinstance(value, int))))


@lru_cache(maxsize=512)
def _affine_sum(fields: tuple[tuple[str, int], ...]) -> AffineSum | None:
    parameters = dict(fields)
    node: Any = None  # the specification of an addition needs no attributes
    first, second = (grid.astype(np.int8).ravel() for grid in np.meshgrid(_VALUES, _VALUES, indexing="ij"))
    outputs = operators()["add"].step_integer(node, parameters, [first, second], ()).astype(np.int64).reshape(256, 256)
    scales = [_real(parameters, f"input{index}") * _real(parameters, "output") * 2.0**20 for index in (0, 1)]
    low, high = parameters["output_min"], parameters["output_max"]
    for shift in _SHIFTS:
        found = _search(outputs, low, high, scales, shift)
        if found is not None:
            return found
    return None


def _real(parameters: Mapping[str, int], name: str) -> float:
    return float(parameters[f"{name}_multiplier"] * 2.0 ** (parameters[f"{name}_shift"] - 31))


def _search(
    outputs: NDArray[np.int64], low: int, high: int, scales: list[float], shift: int
) -> AffineSum | None:
    centre = [round(scale * 2.0**shift) for scale in scales]
    if 128 * (abs(centre[0]) + abs(centre[1])) > _INT32_MAX:
        return None
    # A case asks for at least its output, unless that is the lowest, and for less than the next, unless it is the highest.
    least = np.where(outputs > low, outputs << shift, -(2**62))
    most = np.where(outputs < high, ((outputs + 1) << shift) - 1, 2**62)
    for step in _neighbours():
        a, b = centre[0] + step[0], centre[1] + step[1]
        products = (_VALUES * a)[:, None] + _VALUES * b
        at_least, at_most = int((least - products).max()), int((most - products).min())
        if at_least > at_most:
            continue
        c = min(max((at_least + at_most) // 2, -_INT32_MAX), _INT32_MAX)
        if at_least <= c <= at_most and 128 * (abs(a) + abs(b)) + abs(c) <= _INT32_MAX:
            return AffineSum(a, b, c, shift)
    return None


def _neighbours() -> Iterator[tuple[int, int]]:
    """Steps from the rounded factors, the nearest first."""
    steps = range(-_REACH, _REACH + 1)
    yield from sorted(((a, b) for a in steps for b in steps), key=lambda step: (step[0] ** 2 + step[1] ** 2, step))
