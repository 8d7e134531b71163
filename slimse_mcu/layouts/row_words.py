"""Two columns of a row in each 16-bit lane, row by row; ``slimse_narrow_signs.h`` says what for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.layouts.layout import Int8Matrix, Layout


class RowWords(Layout):
    """``[rows][quads]`` words; a word holds the columns a, b, c, d as lanes 256 wa + wb and 256 wc + wd."""

    name = "row_words"
    summary = "[rows][quads of columns][2 lanes], lane = 256 first + second column"

    def pack(self, matrix: Int8Matrix) -> NDArray[Any]:
        rows, columns = matrix.shape
        padded = np.zeros((rows, -(-columns // 4) * 4), np.int16)
        padded[:, :columns] = matrix
        return (256 * padded[:, 0::2] + padded[:, 1::2]).astype("<i2").view(np.int8)

    def unpack(self, packed: NDArray[Any], rows: int, columns: int) -> Int8Matrix:
        lanes = np.ascontiguousarray(packed).view("<i2").reshape(rows, -1).astype(np.int32)
        second = lanes.astype(np.int8).astype(np.int32)
        matrix = np.stack([(lanes - second) >> 8, second], axis=-1).reshape(rows, -1)
        result: Int8Matrix = matrix[:, :columns].astype(np.int8)
        return result


LAYOUT = RowWords()
