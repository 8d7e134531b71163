"""Four columns of a row in the bytes of a word, such that two unpackings give neighbours as 16-bit lanes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.layouts.layout import Int8Matrix, Layout

_ORDER = [0, 2, 1, 3]


class StateWords(Layout):
    """``[rows][quads]`` words; a word holds the columns a, c, b, d: SXTB16 gives a, b, and turned by 8 bits c, d."""

    name = "state_words"
    summary = "[rows][quads of columns][4], the columns 0, 2, 1, 3 of each quad"

    def pack(self, matrix: Int8Matrix) -> NDArray[Any]:
        rows, columns = matrix.shape
        padded = np.zeros((rows, -(-columns // 4) * 4), np.int8)
        padded[:, :columns] = matrix
        return np.ascontiguousarray(padded.reshape(rows, -1, 4)[:, :, _ORDER]).reshape(rows, -1)

    def unpack(self, packed: NDArray[Any], rows: int, columns: int) -> Int8Matrix:
        result: Int8Matrix = packed.reshape(rows, -1, 4)[:, :, _ORDER].reshape(rows, -1)[:, :columns]
        return result


LAYOUT = StateWords()
