"""Weights in tiles of some rows by as many columns as a vector holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.layouts.layout import Int8Matrix, Layout


class Tiles(Layout):
    """``[tiles along rows][tiles along columns][rows of a tile][columns of a tile]``, zero beyond the matrix."""

    def __init__(self, rows: int, columns: int) -> None:
        self.name = f"tiles_{rows}x{columns}"  # type: ignore[misc]
        self.summary = f"[tiles along rows][tiles along columns][{rows}][{columns}]"  # type: ignore[misc]
        self._rows, self._columns = rows, columns

    def pack(self, matrix: Int8Matrix) -> NDArray[Any]:
        rows, columns = matrix.shape
        padded = np.zeros((-(-rows // self._rows) * self._rows, -(-columns // self._columns) * self._columns), np.int8)
        padded[:rows, :columns] = matrix
        across = padded.shape[1] // self._columns
        return np.ascontiguousarray(padded.reshape(-1, self._rows, across, self._columns).transpose(0, 2, 1, 3))

    def unpack(self, packed: NDArray[Any], rows: int, columns: int) -> Int8Matrix:
        across = -(-columns // self._columns)
        by_row = packed.reshape(-1, across, self._rows, self._columns).transpose(0, 2, 1, 3)
        result: Int8Matrix = by_row.reshape(-1, across * self._columns)[:rows, :columns]
        return result
