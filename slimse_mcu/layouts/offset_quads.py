"""Four rows side by side, each weight plus 128: for products of unsigned numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.layouts.layout import Int8Matrix, Layout
from slimse_mcu.layouts.quads import LAYOUT as QUADS

OFFSET = 128


class OffsetQuads(Layout):
    """Layout quads of the weights plus 128."""

    name = "offset_quads"
    summary = "weights + 128, 4 rows side by side, [quads][columns][4]"
    ctype = "uint8_t"

    def pack(self, matrix: Int8Matrix) -> NDArray[Any]:
        return (QUADS.pack(matrix).astype(np.int16) + OFFSET).astype(np.uint8)

    def unpack(self, packed: NDArray[Any], rows: int, columns: int) -> Int8Matrix:
        return QUADS.unpack((packed.astype(np.int16) - OFFSET).astype(np.int8), rows, columns)


LAYOUT = OffsetQuads()
