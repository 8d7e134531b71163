"""Roots of unity, windows and the order of digits: what a Fourier transform is made of, in double precision."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Root = tuple[float, float]
"""Real and imaginary part."""


def root(numerator: int, denominator: int) -> Root:
    """``exp(-2 pi i numerator / denominator)``, with exact zeros, ones and symmetry on the octants."""
    eighth, rest = divmod(8 * (numerator % denominator), denominator)
    angle = 2.0 * math.pi * rest / (8 * denominator)
    if eighth % 2:
        mirrored = 2.0 * math.pi * (denominator - rest) / (8 * denominator)
        c, s = math.sin(mirrored), math.cos(mirrored)
    else:
        c, s = math.cos(angle), math.sin(angle)
    for _ in range(eighth // 2):
        c, s = -s, c
    return c + 0.0, 0.0 - s


def twiddles(points: int, radix: int) -> NDArray[np.float64]:
    """What a pass multiplies with that joins ``radix`` transforms of ``points`` points: ``[points, radix - 1, 2]``."""
    steps = [root(j * k, points * radix) for k in range(points) for j in range(1, radix)]
    return np.array(steps).reshape(points, radix - 1, 2)


def turns(fft: int) -> NDArray[np.float64]:
    """``-i exp(-2 pi i k / fft)`` for k = 1 ... fft / 4: ``[fft / 4, 2]``, by which sample pairs become a spectrum."""
    return np.array([root(4 * k + fft, 4 * fft) for k in range(1, fft // 4 + 1)])


def rising_window(fft: int) -> NDArray[np.float64]:
    """First half of the periodic square-root Hann window and its middle, ``[fft / 2 + 1]``."""
    return np.array([root(n, 2 * fft)[1] * -1.0 for n in range(fft // 2)] + [1.0])


def places(first: int, radices: Sequence[int]) -> NDArray[np.uint8]:
    """Where a transform with decimation in time has its first pass write: the order of digits turned.

    Args:
        first: Radix of the first pass.
        radices: Those of the passes after it.

    Returns:
        uint8 ``[blocks]``: place, in blocks of ``first`` points, of the transform of every ``blocks``-th point.
    """
    blocks = math.prod(radices)
    assert blocks <= 256, f"{blocks} blocks of {first} points do not fit uint8"
    return np.array([_place(n, radices) for n in range(blocks)], np.uint8)


def _place(number: int, radices: Sequence[int]) -> int:
    if not radices:
        return 0
    digit, rest = number % radices[-1], number // radices[-1]
    return digit * math.prod(radices[:-1]) + _place(rest, radices[:-1])


def flat(tables: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Complex tables one after the other, ``[n, 2]``."""
    return np.concatenate([table.reshape(-1, 2) for table in tables])
