"""What a device keeps of a stream of audio between frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class StftState:
    """Mutable: analysis and synthesis move it on.

    Attributes:
        history: int16 ``[hop]``, samples of the previous hop.
        overlap: float32 or int32 ``[hop]``, second half of the previous output frame.
    """

    history: NDArray[np.int16]
    overlap: NDArray[Any]

    @classmethod
    def zero(cls, hop: int, dtype: type[np.float32] | type[np.int32]) -> StftState:
        """The state after reset."""
        return cls(np.zeros(hop, np.int16), np.zeros(hop, dtype))

    def windows(self, pcm: NDArray[np.int16]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """First and second halves of the frames that end with ``pcm`` ``[frames * hop]``, each ``[frames, hop]``."""
        hops = pcm.astype(np.int16, copy=False).reshape(-1, len(self.history))
        with_history = np.concatenate([self.history[None], hops])
        self.history = with_history[-1].copy()
        return with_history[:-1], hops

    def overlapped(self, first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
        """First halves ``[frames, hop]`` plus the second halves one frame before."""
        before = np.concatenate([self.overlap[None], second])
        self.overlap = before[-1].copy()
        total: NDArray[Any] = first + before[:-1]
        return total
