"""Complex integers: specification of ``slimse_complex_s32.h``.

They are int64 here and int32 in C; that none needs more than 32 bits is a property of the path, which tests check.
Every shift cuts off downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

FACTOR_BITS = 15
"""Binary fraction of a factor of magnitude up to 1."""

_LARGEST_FACTOR = (1 << FACTOR_BITS) - 1


class ComplexInt(NamedTuple):
    """Arrays of one shape."""

    re: IntArray
    im: IntArray

    @classmethod
    def of(cls, pairs: NDArray[np.integer]) -> ComplexInt:  # type: ignore[type-arg]
        """From ``[..., 2]``."""
        return cls(pairs[..., 0].astype(np.int64), pairs[..., 1].astype(np.int64))

    @property
    def pairs(self) -> IntArray:
        """``[..., 2]``."""
        return np.stack(self, axis=-1)


def factors(values: NDArray[np.float64]) -> NDArray[np.int16]:
    """Factors from -1 to 1 as int16, the nearest; 1 is one step less."""
    steps = np.floor(values * (1 << FACTOR_BITS) + 0.5)
    limited: NDArray[np.float64] = steps.clip(-_LARGEST_FACTOR - 1, _LARGEST_FACTOR)
    return limited.astype(np.int16)


def half_product(x: IntArray, w: IntArray) -> IntArray:
    """``slimse_half_product``: ``x w / 2`` of a factor w."""
    return (x * w) >> (FACTOR_BITS + 1)


def half(x: ComplexInt) -> ComplexInt:
    """``x / 2``."""
    return ComplexInt(x.re >> 1, x.im >> 1)


def half_turned(x: ComplexInt, w: ComplexInt) -> ComplexInt:
    """``x w / 2``."""
    return ComplexInt(
        half_product(x.re, w.re) - half_product(x.im, w.im), half_product(x.re, w.im) + half_product(x.im, w.re)
    )


def half_turned_back(x: ComplexInt, w: ComplexInt) -> ComplexInt:
    """Half of ``x`` times the conjugate of ``w``."""
    return ComplexInt(
        half_product(x.re, w.re) + half_product(x.im, w.im), half_product(x.im, w.re) - half_product(x.re, w.im)
    )


def total(a: ComplexInt, b: ComplexInt) -> ComplexInt:
    """``a + b``."""
    return ComplexInt(a.re + b.re, a.im + b.im)


def difference(a: ComplexInt, b: ComplexInt) -> ComplexInt:
    """``a - b``."""
    return ComplexInt(a.re - b.re, a.im - b.im)


def butterfly(x: Sequence[ComplexInt]) -> list[ComplexInt]:
    """``y[k] = sum of x[j] exp(-2 pi i j k / radix)`` for radix 2 or 4."""
    if len(x) == 2:
        return [total(x[0], x[1]), difference(x[0], x[1])]
    return _butterfly4(x, -1)


def butterfly_inverse(y: Sequence[ComplexInt]) -> list[ComplexInt]:
    """``x[j] = sum of y[k] exp(2 pi i j k / radix)`` for radix 2 or 4."""
    if len(y) == 2:
        return [total(y[0], y[1]), difference(y[0], y[1])]
    return _butterfly4(y, 1)


def _butterfly4(x: Sequence[ComplexInt], sign: int) -> list[ComplexInt]:
    a, b = total(x[0], x[2]), difference(x[0], x[2])
    c, d = total(x[1], x[3]), difference(x[1], x[3])
    turned = ComplexInt(-sign * d.im, sign * d.re)
    return [total(a, c), total(b, turned), difference(a, c), difference(b, turned)]
