"""Two rows in each 16-bit lane, four rows together; ``slimse_paired_rows.h`` says what for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.layouts.layout import Int8Matrix, Layout

BLOCK_ROWS = 4


class PairedRows(Layout):
    """``[blocks][pairs of columns][2 pairs of rows]`` words; a lane holds 256 times the first row plus the second.

    Of each four columns the first and the third are a pair, and the second and the fourth.
    """

    name = "paired_rows"
    summary = "blocks of 4 rows, [blocks][pairs of columns][2 pairs of rows][2 columns], lane = 256 first + second row"

    def pack(self, matrix: Int8Matrix) -> NDArray[Any]:
        rows, columns = matrix.shape
        padded = np.zeros((-(-rows // BLOCK_ROWS) * BLOCK_ROWS, -(-columns // 4) * 4), np.int16)
        padded[:rows, :columns] = matrix
        lanes = (256 * padded[0::2] + padded[1::2]).astype("<i2")
        # Axes: block, pair of rows, quad of columns, place in the pair, pair of the quad.
        split = lanes.reshape(-1, BLOCK_ROWS // 2, padded.shape[1] // 4, 2, 2).transpose(0, 2, 4, 1, 3)
        return np.ascontiguousarray(split).view(np.int8).reshape(len(split), -1)

    def unpack(self, packed: NDArray[Any], rows: int, columns: int) -> Int8Matrix:
        quads = -(-columns // 4)
        split = np.ascontiguousarray(packed).view("<i2").reshape(-1, quads, 2, BLOCK_ROWS // 2, 2)
        lanes = split.transpose(0, 3, 1, 4, 2).reshape(-1, 4 * quads).astype(np.int32)
        second = lanes.astype(np.int8).astype(np.int32)
        matrix = np.stack([(lanes - second) >> 8, second], axis=1).reshape(-1, 4 * quads)
        result: Int8Matrix = matrix[:rows, :columns].astype(np.int8)
        return result


LAYOUT = PairedRows()
