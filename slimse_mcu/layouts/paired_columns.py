"""Two columns of a row in each 16-bit lane, four rows together; ``slimse_paired_columns.h`` says what for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.layouts.layout import Int8Matrix, Layout

BLOCK_ROWS = 4


class PairedColumns(Layout):
    """``[blocks][quads][4 rows]`` words; a word holds the columns a, b, c, d as lanes 256 wa + wb and 256 wc + wd."""

    name = "paired_columns"
    summary = "blocks of 4 rows, [blocks][quads of columns][4 rows][2 lanes], lane = 256 first + second column"

    def pack(self, matrix: Int8Matrix) -> NDArray[Any]:
        rows, columns = matrix.shape
        padded = np.zeros((-(-rows // BLOCK_ROWS) * BLOCK_ROWS, -(-columns // 4) * 4), np.int16)
        padded[:rows, :columns] = matrix
        lanes = (256 * padded[:, 0::2] + padded[:, 1::2]).astype("<i2")
        blocks = lanes.reshape(-1, BLOCK_ROWS, lanes.shape[1] // 2, 2).transpose(0, 2, 1, 3)
        return np.ascontiguousarray(blocks).view(np.int8).reshape(len(blocks), -1)

    def unpack(self, packed: NDArray[Any], rows: int, columns: int) -> Int8Matrix:
        quads = -(-columns // 4)
        lanes = np.ascontiguousarray(packed).view("<i2").reshape(-1, quads, BLOCK_ROWS, 2).transpose(0, 2, 1, 3)
        flat = lanes.reshape(-1, 2 * quads).astype(np.int32)
        second = flat.astype(np.int8).astype(np.int32)
        matrix = np.stack([(flat - second) >> 8, second], axis=-1).reshape(len(flat), -1)
        result: Int8Matrix = matrix[:rows, :columns].astype(np.int8)
        return result

    def excess(self, matrix: Int8Matrix) -> NDArray[np.int64]:
        """What the kernel's products of each row hold beyond 256 times the row's, ``[rows]``."""
        result: NDArray[np.int64] = 127 * matrix[:, 1::2].astype(np.int64).sum(axis=1)
        return result


LAYOUT = PairedColumns()
