"""Complex numbers in single precision: specification of ``slimse_complex_f32.h``.

NumPy's own complex products are rounded as the library that it is built with likes; these are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

HALF_ROOT = np.float32(np.sqrt(0.5))


class Complex(NamedTuple):
    """Arrays of one shape."""

    re: FloatArray
    im: FloatArray

    @classmethod
    def of(cls, pairs: FloatArray) -> Complex:
        """From ``[..., 2]``."""
        return cls(pairs[..., 0], pairs[..., 1])

    @property
    def pairs(self) -> FloatArray:
        """``[..., 2]``."""
        return np.stack(self, axis=-1)

    def scaled(self, factor: np.float32 | FloatArray) -> Complex:
        """Times a real factor."""
        return Complex(self.re * factor, self.im * factor)


def total(a: Complex, b: Complex) -> Complex:
    """``a + b``."""
    return Complex(a.re + b.re, a.im + b.im)


def difference(a: Complex, b: Complex) -> Complex:
    """``a - b``."""
    return Complex(a.re - b.re, a.im - b.im)


def total_turned(a: Complex, b: Complex) -> Complex:
    """``a + i b``."""
    return Complex(a.re - b.im, a.im + b.re)


def difference_turned(a: Complex, b: Complex) -> Complex:
    """``a - i b``."""
    return Complex(a.re + b.im, a.im - b.re)


def product(x: Complex, w: Complex) -> Complex:
    """``x w``."""
    return Complex(x.re * w.re - x.im * w.im, x.re * w.im + x.im * w.re)


def product_conjugate(x: Complex, w: Complex) -> Complex:
    """``x`` times the conjugate of ``w``."""
    return Complex(x.re * w.re + x.im * w.im, x.im * w.re - x.re * w.im)


def butterfly4(x: Sequence[Complex]) -> list[Complex]:
    """``y[k] = sum of x[j] exp(-2 pi i j k / 4)``."""
    a, b = total(x[0], x[2]), difference(x[0], x[2])
    c, d = total(x[1], x[3]), difference(x[1], x[3])
    return [total(a, c), difference_turned(b, d), difference(a, c), total_turned(b, d)]


def butterfly4_inverse(y: Sequence[Complex]) -> list[Complex]:
    """``x[j] = sum of y[k] exp(2 pi i j k / 4)``."""
    a, b = total(y[0], y[2]), difference(y[0], y[2])
    c, d = total(y[1], y[3]), difference(y[1], y[3])
    return [total(a, c), total_turned(b, d), difference(a, c), difference_turned(b, d)]


def butterfly8(x: Sequence[Complex]) -> list[Complex]:
    """``y[k] = sum of x[j] exp(-2 pi i j k / 8)``."""
    even, odd = butterfly4(x[0::2]), butterfly4(x[1::2])
    odd1 = difference_turned(odd[1], odd[1]).scaled(HALF_ROOT)
    minus_odd3 = total_turned(odd[3], odd[3]).scaled(HALF_ROOT)
    return [
        total(even[0], odd[0]),
        total(even[1], odd1),
        difference_turned(even[2], odd[2]),
        difference(even[3], minus_odd3),
        difference(even[0], odd[0]),
        difference(even[1], odd1),
        total_turned(even[2], odd[2]),
        total(even[3], minus_odd3),
    ]


def butterfly8_inverse(y: Sequence[Complex]) -> list[Complex]:
    """``x[j] = sum of y[k] exp(2 pi i j k / 8)``."""
    sums = [total(y[k], y[k + 4]) for k in range(4)]
    differences = [difference(y[k], y[k + 4]) for k in range(4)]
    even = butterfly4_inverse(sums)
    turned1 = total_turned(differences[1], differences[1]).scaled(HALF_ROOT)
    minus_turned3 = difference_turned(differences[3], differences[3]).scaled(HALF_ROOT)
    a, b = total_turned(differences[0], differences[2]), difference_turned(differences[0], differences[2])
    c, d = difference(turned1, minus_turned3), total(turned1, minus_turned3)
    odd = [total(a, c), total_turned(b, d), difference(a, c), difference_turned(b, d)]
    return [one for pair in zip(even, odd, strict=True) for one in pair]
