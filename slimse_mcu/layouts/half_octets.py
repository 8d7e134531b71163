"""Eight rows in turn, eight columns of each; ``firmware/kernels_mve/slimse_half_octets.h`` says what for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.layouts.layout import Int8Matrix, Layout

ROWS = 8
BLOCK = 8


class HalfOctets(Layout):
    """``[octets][blocks of 8 columns][8][8]``, zero beyond the rows and the columns."""

    name = "half_octets"
    summary = "8 rows in turn, [octets][blocks of columns][8][8]"

    def pack(self, matrix: Int8Matrix) -> NDArray[Any]:
        rows, columns = matrix.shape
        padded = np.zeros((-(-rows // ROWS) * ROWS, -(-columns // BLOCK) * BLOCK), np.int8)
        padded[:rows, :columns] = matrix
        return np.ascontiguousarray(padded.reshape(-1, ROWS, padded.shape[1] // BLOCK, BLOCK).transpose(0, 2, 1, 3))

    def unpack(self, packed: NDArray[Any], rows: int, columns: int) -> Int8Matrix:
        blocks = -(-columns // BLOCK)
        in_turn = packed.reshape(-1, blocks, ROWS, BLOCK).transpose(0, 2, 1, 3)
        result: Int8Matrix = in_turn.reshape(-1, blocks * BLOCK)[:rows, :columns]
        return result


LAYOUT = HalfOctets()
