"""Three taps of a row in each 32-bit word, behind a byte that is left to the kernel's constants."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.layouts.layout import Int8Matrix, Layout

_TAPS = 3


class TapWords(Layout):
    """``[rows][words of 3 columns][4]``: a byte that is 0, then three columns; columns that are missing come first."""

    name = "tap_words"
    summary = "[rows][words][4], a byte that is 0 or a constant of the row, then three taps, oldest first"

    def pack(self, matrix: Int8Matrix) -> NDArray[Any]:
        rows, columns = matrix.shape
        words = -(-columns // _TAPS)
        padded = np.zeros((rows, words * _TAPS), np.int8)
        padded[:, words * _TAPS - columns :] = matrix
        result = np.zeros((rows, words, 1 + _TAPS), np.int8)
        result[:, :, 1:] = padded.reshape(rows, words, _TAPS)
        return result

    def unpack(self, packed: NDArray[Any], rows: int, columns: int) -> Int8Matrix:
        flat: Int8Matrix = packed[:, :, 1:].reshape(rows, -1)
        return flat[:, flat.shape[1] - columns :]


LAYOUT = TapWords()
