"""Four rows side by side; ``firmware/kernels_mve/slimse_quads.h`` says what for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.layouts.layout import Int8Matrix, Layout

ROWS = 4
#: Columns that a kernel reads at once.
STEP = 16


class Quads(Layout):
    """``[quads][columns][4]``; behind them what the last step over the last quad reads beyond its columns."""

    name = "quads"
    summary = "4 rows side by side, [quads][columns][4]"

    def pack(self, matrix: Int8Matrix) -> NDArray[Any]:
        rows, columns = matrix.shape
        padded = np.zeros((-(-rows // ROWS) * ROWS, columns), np.int8)
        padded[:rows] = matrix
        side_by_side = padded.reshape(-1, ROWS, columns).transpose(0, 2, 1)
        beyond = np.zeros(-columns % STEP * ROWS, np.int8)
        return np.concatenate([side_by_side.ravel(), beyond])

    def unpack(self, packed: NDArray[Any], rows: int, columns: int) -> Int8Matrix:
        quads = -(-rows // ROWS)
        side_by_side = packed[: quads * columns * ROWS].reshape(quads, columns, ROWS)
        result: Int8Matrix = side_by_side.transpose(0, 2, 1).reshape(-1, columns)[:rows]
        return result


LAYOUT = Quads()
