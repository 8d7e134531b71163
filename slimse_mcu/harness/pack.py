"""Lossless coding of audio and gates on the link: the PC's side of ``firmware/app/pack.c``.

``docs/protocol.md`` is the specification.  Numbers are Rice codes in two planes, first the low bits of all of them,
then what is above in unary, so that NumPy reads a whole plane at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BLOCK = 32
_ORDERS = 4
_PLAIN_AUDIO = 4
_PLAIN_GATES, _CHANGED_GATES = 0, 1
_WIDTH_MAX = 15
_LARGEST_BITS = 20


def pack_audio(samples: NDArray[np.int16]) -> bytes:
    """Pack samples ``int16 [n]``; at most ``1 + 2 n`` bytes."""
    plain = bytes([_PLAIN_AUDIO]) + samples.astype("<i2").tobytes()
    if not len(samples):
        return plain
    rest = np.stack(_differences(samples.astype(np.int64)))
    folded = np.where(rest < 0, -2 * rest - 1, 2 * rest)
    order = int(folded.sum(axis=1).argmin())
    numbers = folded[order]
    starts = np.arange(0, len(numbers), _BLOCK)
    lengths = np.diff(np.append(starts, len(numbers)))
    widths = _widths(np.add.reduceat(numbers, starts), lengths)
    nibbles = np.append(widths, 0)[: len(widths) + len(widths) % 2].reshape(-1, 2)
    planes = _to_planes(numbers, np.repeat(widths, lengths))
    packed = bytes([order]) + (nibbles[:, 0] << 4 | nibbles[:, 1]).astype(np.uint8).tobytes() + planes
    return packed if len(packed) < len(plain) else plain


def unpack_audio(data: bytes, count: int) -> NDArray[np.int16]:
    """Unpack exactly ``count`` samples ``int16 [count]``.

    Raises:
        ValueError: The bytes do not hold them.
    """
    if not data or data[0] > _PLAIN_AUDIO:
        raise ValueError("an unknown way to pack audio")
    if data[0] == _PLAIN_AUDIO:
        if len(data) != 1 + 2 * count:
            raise ValueError("samples are missing or too many")
        return np.frombuffer(data, "<i2", count, 1).astype(np.int16)
    blocks = -(-count // _BLOCK)
    listed = np.frombuffer(data, np.uint8, offset=1)[: (blocks + 1) // 2]
    if len(listed) < (blocks + 1) // 2:
        raise ValueError("widths are missing")
    widths = np.stack([listed >> 4, listed & 15], axis=1).reshape(-1)[:blocks].astype(np.int64)
    numbers = _from_planes(data[1 + len(listed) :], np.repeat(widths, _BLOCK)[:count])
    rest = np.where(numbers & 1, -(numbers >> 1) - 1, numbers >> 1)
    samples = _integrated(rest, data[0])
    if len(samples) and (samples.min() < -32768 or samples.max() > 32767):
        raise ValueError("samples beyond 16 bits")
    return samples.astype(np.int16)


def unpack_gates(data: bytes, before: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Unpack gate bytes, as many as ``before`` has: those of the frame before.

    Raises:
        ValueError: The bytes do not hold them.
    """
    if not data or data[0] > _CHANGED_GATES:
        raise ValueError("an unknown way to pack gates")
    if data[0] == _PLAIN_GATES:
        if len(data) != 1 + len(before):
            raise ValueError("gates are missing or too many")
        return np.frombuffer(data, np.uint8, len(before), 1).copy()
    if len(data) < 4 or data[3] > _WIDTH_MAX:
        raise ValueError("the list of changed gates has no head")
    changes = int.from_bytes(data[1:3], "big")
    if changes > 8 * len(before):
        raise ValueError("more gates change than there are")
    gaps = _from_planes(data[4:], np.full(changes, data[3], np.int64))
    places = np.cumsum(gaps + 1) - 1
    bits = np.unpackbits(before, bitorder="little")
    if changes and places[-1] >= len(bits):
        raise ValueError("a gate changes that does not exist")
    bits[places] ^= 1
    return np.packbits(bits, bitorder="little")


def _differences(samples: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """By order of the predictor: what it leaves; the first samples are predicted with the lower orders."""
    found = [samples]
    for order in range(1, _ORDERS):
        last = found[-1]
        found.append(np.concatenate([last[:order], np.diff(last[order - 1 :])]))
    return found


def _integrated(rest: NDArray[np.int64], order: int) -> NDArray[np.int64]:
    """Undo :func:`_differences`."""
    for level in range(order, 0, -1):
        rest = np.concatenate([rest[: level - 1], np.cumsum(rest[level - 1 :])])
    return rest


def _widths(sums: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The width for numbers with these sums: the least with ``sum >> width < 2 * count``."""
    levels = np.arange(_WIDTH_MAX + 1)
    fits = (sums[:, None] >> levels) < 2 * counts[:, None]
    fits[:, -1] = True
    widths: NDArray[np.int64] = np.argmax(fits, axis=1)
    return widths


def _to_planes(numbers: NDArray[np.int64], widths: NDArray[np.int64]) -> bytes:
    low = _bits_of(numbers, widths)
    high = np.zeros(int((numbers >> widths).sum()) + len(numbers), np.uint8)
    high[np.cumsum((numbers >> widths) + 1) - 1] = 1
    return np.packbits(np.concatenate([low, high])).tobytes()


def _bits_of(numbers: NDArray[np.int64], widths: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The low ``widths`` bits of each number, highest first."""
    shifts = np.arange(_WIDTH_MAX - 1, -1, -1)
    bits = (numbers[:, None] >> shifts) & 1
    return bits[shifts < widths[:, None]].astype(np.uint8)


def _from_planes(data: bytes, widths: NDArray[np.int64]) -> NDArray[np.int64]:
    """As many numbers as there are widths.

    Raises:
        ValueError: There are fewer or more of them.
    """
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    lows = int(widths.sum())
    if lows > len(bits):
        raise ValueError("numbers are cut short")
    ends = np.flatnonzero(bits[lows:])
    if len(ends) != len(widths):
        raise ValueError("numbers are missing or too many")
    used = lows + (int(ends[-1]) + 1 if len(ends) else 0)
    if len(bits) - used >= 8:
        raise ValueError("there is more than the numbers")
    high = np.diff(ends, prepend=-1) - 1
    shifts = np.arange(_WIDTH_MAX - 1, -1, -1)
    table = np.zeros((len(widths), _WIDTH_MAX), np.int64)
    table[shifts < widths[:, None]] = bits[:lows]
    low = (table << shifts).sum(axis=1)
    numbers: NDArray[np.int64] = high << widths | low
    if len(numbers) and int(numbers.max()) >= 1 << _LARGEST_BITS:
        raise ValueError("a number beyond all differences of samples")
    return numbers
