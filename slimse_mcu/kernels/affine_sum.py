"""Exact short forms of elementwise int8 layers: ``(a A + b B + C) >> shift`` in place of up to three requantizations.

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

from slimse_mcu.ops import operators, rescale
from slimse_mcu.ops.op import Constant

_VALUES = np.arange(-128, 128, dtype=np.int64)
_SHIFTS = (22, 21, 20, 23, 19, 24, 18, 17, 16)
_REACH = 3
_FARTHEST = 2 * 2 * _REACH * 128  # that a step changes a sum by, from one end of the search to the other
_INT32_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class AffineSum:
    """``clamp((a * first + b * second + c) >> shift)`` with the raw int8 values of both inputs.

    Attributes:
        a: Factor of the first input.
        b: Factor of the second input; 0 where there is none.
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
    return _affine_sum(_numbers(fields))


def affine_change(fields: Mapping[str, int | Constant]) -> AffineSum | None:
    """The short form of a call of ``slimse_rescale_s8``, clamped to int8; None as in :func:`affine_sum`."""
    return _affine_change(_numbers(fields))


def _numbers(fields: Mapping[str, int | Constant]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((name, value) for name, value in fields.items() if isinstance(value, int)))


@lru_cache(maxsize=512)
def _affine_sum(fields: tuple[tuple[str, int], ...]) -> AffineSum | None:
    parameters = dict(fields)
    node: Any = None  # the specification of an addition needs no attributes
    first, second = (grid.astype(np.int8).ravel() for grid in np.meshgrid(_VALUES, _VALUES, indexing="ij"))
    outputs = operators()["add"].step_integer(node, parameters, [first, second], ()).astype(np.int64).reshape(256, 256)
    scales = [_real(parameters, f"input{index}_") * _real(parameters, "output_") * 2.0**20 for index in (0, 1)]
    return _first_found(_Cases(outputs, _VALUES, parameters["output_min"], parameters["output_max"], scales))


@lru_cache(maxsize=512)
def _affine_change(fields: tuple[tuple[str, int], ...]) -> AffineSum | None:
    parameters = dict(fields)
    outputs = rescale.apply(_VALUES.astype(np.int8), parameters).astype(np.int64)[:, None]
    return _first_found(_Cases(outputs, np.zeros(1, np.int64), -128, 127, [_real(parameters, ""), 0.0]))


def _real(parameters: Mapping[str, int], prefix: str) -> float:
    return float(parameters[f"{prefix}multiplier"] * 2.0 ** (parameters[f"{prefix}shift"] - 31))


@dataclass(frozen=True, slots=True)
class _Cases:
    """All cases of a layer: ``outputs [256, n]`` by the first and the second input, and roughly its factors."""

    outputs: NDArray[np.int64]
    seconds: NDArray[np.int64]
    low: int
    high: int
    scales: list[float]


def _first_found(cases: _Cases) -> AffineSum | None:
    return next((found for shift in _SHIFTS if (found := _search(cases, shift)) is not None), None)


def _search(cases: _Cases, shift: int) -> AffineSum | None:
    centre = [round(scale * 2.0**shift) for scale in cases.scales]
    if 128 * (abs(centre[0]) + abs(centre[1])) > _INT32_MAX:
        return None
    # A case asks for its output at least, unless that is the lowest, and for no more, unless that is the highest.
    least = np.where(cases.outputs > cases.low, cases.outputs << shift, -(2**62))
    most = np.where(cases.outputs < cases.high, ((cases.outputs + 1) << shift) - 1, 2**62)
    for step in _neighbours():
        a, b = centre[0] + step[0], centre[1] + (step[1] if len(cases.seconds) > 1 else 0)
        products = (_VALUES * a)[:, None] + cases.seconds * b
        at_least, at_most = int((least - products).max()), int((most - products).min())
        if at_least - at_most > 2 * _FARTHEST:
            return None  # no neighbour can make up for it
        c = min(max((at_least + at_most) // 2, -_INT32_MAX), _INT32_MAX)
        if at_least <= c <= at_most and 128 * (abs(a) + abs(b)) + abs(c) <= _INT32_MAX:
            return AffineSum(a, b, c, shift)
    return None


def _neighbours() -> Iterator[tuple[int, int]]:
    """Steps from the rounded factors, the nearest first."""
    steps = range(-_REACH, _REACH + 1)
    yield from sorted(((a, b) for a in steps for b in steps), key=lambda step: (step[0] ** 2 + step[1] ** 2, step))
