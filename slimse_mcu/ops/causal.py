"""Causality of convolutions along time: what padding means in a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.ops.op import Memories, Ring

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

#: The kernels keep one pointer per tap on the stack.
MAX_TAPS = 32


def causal_input(layer: KerasLayer, source: str, builder: GraphBuilder, taps: int, dilation: int) -> str:
    """Check that a convolution sees only the past and return the tensor it streams from.

    Accepted are ``padding="causal"``, a kernel of one frame, and ``padding="valid"`` behind a ZeroPadding1D that
    pads exactly the kernel's reach on the left.

    Raises:
        ModelError: The convolution needs future frames, or shortens the sequence.
    """
    reach = (taps - 1) * dilation
    padding = layer.config.get("padding", "valid")
    source, padded = builder.take_padding(source)
    if taps > MAX_TAPS:
        raise layer.error(f"has a kernel of {taps} frames; at most {MAX_TAPS} are supported", "Use dilation instead.")
    if padding == "causal":
        if padded:
            raise layer.error("is causal and reads a zero-padded tensor", "Remove the ZeroPadding1D.")
        return source
    if reach == 0 and padded == 0:
        return source
    if padding == "same":
        raise layer.error(
            f"uses padding='same' with a kernel of {taps} frames, which needs future frames: not causal",
            "Use padding='causal', or ZeroPadding1D((reach, 0)) before padding='valid'.",
        )
    if padded != reach:
        raise layer.error(
            f"uses padding='valid' behind {padded} frames of left padding, but its kernel reaches back {reach} frames",
            f"Pad with ZeroPadding1D(({reach}, 0)), or use padding='causal'.",
        )
    return source


def lags(taps: int, dilation: int) -> list[int]:
    """How many frames back each tap looks, oldest first; the last is 0, the current frame."""
    return [(taps - 1 - tap) * dilation for tap in range(taps)]


def stack_taps(current: NDArray[Any], memories: Memories, taps: int, dilation: int) -> NDArray[Any]:
    """Current and past frames ``[taps, channels]``, oldest first."""
    if taps == 1:
        return current[None]
    ring = memories[0]
    assert isinstance(ring, Ring), "a convolution of several taps has a ring"
    return np.stack([current if lag == 0 else ring.past(lag) for lag in lags(taps, dilation)])
