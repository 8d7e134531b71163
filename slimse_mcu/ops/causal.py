"""Causality of convolutions along time: what padding means in a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.ops.op import Memories, Ring

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer, Padded

#: The kernels keep one pointer per tap on the stack.
MAX_TAPS = 32


def causal_input(layer: KerasLayer, source: str, builder: GraphBuilder, taps: int, dilation: int) -> str:
    """Check that a convolution along time sees only the past and return the tensor it streams from.

    Accepted are ``padding="causal"``, a kernel of one frame, and ``padding="valid"`` behind a ZeroPadding1D that
    pads exactly the kernel's reach on the left.

    Raises:
        ModelError: The convolution needs future frames, or shortens the sequence.
    """
    padded = builder.take_padding(layer, source)
    if layer.config.get("padding", "valid") == "causal":
        check_taps(layer, taps)
        if padded.frames:
            raise layer.error("is causal and reads a zero-padded tensor", "Remove the ZeroPadding1D.")
    else:
        pad = f"ZeroPadding1D(({(taps - 1) * dilation}, 0))"
        check_past(layer, padded, taps, dilation, f"Pad with {pad} and use padding='valid', or use padding='causal'.")
    return padded.source


def causal_planes(layer: KerasLayer, source: str, builder: GraphBuilder, taps: int, dilation: int) -> Padded:
    """Check that a convolution over time and frequency sees only the past and return what it streams from.

    Accepted are a kernel of one frame, and ``padding="valid"`` behind a ZeroPadding2D that pads exactly the kernel's
    reach before the first frame; zeros along frequency are the caller's.

    Raises:
        ModelError: The convolution needs future frames, or shortens the sequence, or there is no frequency axis.
    """
    spectrum(layer, source, builder)
    padded = builder.take_padding(layer, source)
    pad = f"ZeroPadding2D((({(taps - 1) * dilation}, 0), (below, above)))"
    check_past(layer, padded, taps, dilation, f"Pad with {pad} and use padding='valid'.")
    return padded


def spectrum(layer: KerasLayer, source: str, builder: GraphBuilder) -> tuple[int, int]:
    """Positions and channels of a tensor with a frequency axis.

    Raises:
        ModelError: It has none.
    """
    shape = builder.shape(source)
    if len(shape) != 2:
        raise layer.error(
            f"reads a tensor of shape (time, {', '.join(map(str, shape))})",
            "It works along frequency: Reshape((-1, frequencies, channels)) first.",
        )
    return shape[0], shape[1]


def check_past(layer: KerasLayer, padded: Padded, taps: int, dilation: int, remedy: str) -> None:
    """Check that as many zero frames lie before the first as the kernel reaches back.

    Raises:
        ModelError: There are more or fewer, or the layer itself pads, or the kernel is too long.
    """
    check_taps(layer, taps)
    reach = (taps - 1) * dilation
    if reach and layer.config.get("padding", "valid") == "same":
        raise layer.error(
            f"uses padding='same' with a kernel of {taps} frames, which needs future frames: not causal", remedy
        )
    if padded.frames != reach:
        raise layer.error(
            f"starts behind {padded.frames} frames of left padding, but its kernel reaches back {reach} frames", remedy
        )


def check_taps(layer: KerasLayer, taps: int) -> None:
    """Check that the kernels can keep a pointer to each of ``taps`` frames.

    Raises:
        ModelError: They cannot.
    """
    if taps > MAX_TAPS:
        raise layer.error(f"has a kernel of {taps} frames; at most {MAX_TAPS} are supported", "Use dilation instead.")


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
