"""What a weight layout is: the order in which a kernel reads a matrix of int8 weights, and its inverse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.ops.op import Constant

Int8Matrix = NDArray[np.int8]
"""``[rows, columns]``, symmetric: -127 to 127."""


class Layout(ABC):
    """One order of weights.  A module of ``slimse_mcu.layouts`` with a ``LAYOUT`` is found by the registry."""

    #: As its module.
    name: ClassVar[str]
    #: One phrase for the comment above packed weights.
    summary: ClassVar[str]
    #: C element type of the packed weights.
    ctype: ClassVar[str] = "int8_t"

    @abstractmethod
    def pack(self, matrix: Int8Matrix) -> NDArray[Any]:
        """The weights as a kernel reads them, of ``ctype``."""

    @abstractmethod
    def unpack(self, packed: NDArray[Any], rows: int, columns: int) -> Int8Matrix:
        """The matrix that was packed: exactly the inverse of :meth:`pack`."""

    def packed_bytes(self, rows: int, columns: int) -> int:
        """What the packed weights take, padding included."""
        return int(self.pack(np.zeros((rows, columns), np.int8)).nbytes)

    def constant(self, matrix: Int8Matrix, axes: str = "[rows][columns]") -> Constant:
        """The packed weights for the generated file; its comment says shape, range and layout of what was packed."""
        shape = "".join(f"[{size}]" for size in matrix.shape)
        what = f"weights {axes} = {shape}, {matrix.min()} to {matrix.max()}, symmetric per output channel"
        return Constant(self.ctype, self.pack(matrix), f"{what}; packed as {self.name}: {self.summary}")
