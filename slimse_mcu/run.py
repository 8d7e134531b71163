"""What a board did with one recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Run:
    """One recording streamed through a board from reset, frame by frame.

    Attributes:
        gates: uint8 ``[frames, gate bytes]``.
        macs: int64 ``[frames]``, multiply-accumulates that the kernels executed.
        count: int64 ``[frames]``, instructions or cycles of the network; None where the board counts nothing.
        count_total: int64 ``[frames]``, the same with the audio front and back end.
        output: int16 ``[frames, hop]`` samples, or int8 ``[frames, outputs]`` where features were sent.
    """

    gates: NDArray[np.uint8]
    macs: NDArray[np.int64]
    count: NDArray[np.int64] | None
    count_total: NDArray[np.int64] | None
    output: NDArray[Any]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.macs)
