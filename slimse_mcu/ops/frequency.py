"""Taps along frequency: which input positions an output position of a convolution or a pooling layer reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node

if TYPE_CHECKING:
    from slimse_mcu.load import KerasLayer

#: The kernels count positions in 16 bits.
_MAX_POSITIONS = 65535
#: Taps of all output positions together; the specification lists them.
_MAX_TAPS = 2**20


@dataclass(frozen=True, slots=True)
class Window:
    """The taps of every output position; those that fall beside the input are left out.

    Tap k of output p reads input ``p * stride - left + k * dilation``; of a transposed convolution the input i with
    ``i * stride = p + left - k``, where there is one.

    Attributes:
        inputs: Positions of the input.
        outputs: Positions of the output.
        kernel: Taps.
        stride: Positions between two outputs; of a transposed convolution between two inputs.
        dilation: Positions between two taps.
        left: Zeros below the first position; of a transposed convolution outputs that are cropped there.
        is_transposed: It is one of a transposed convolution.
    """

    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    left: int = 0
    is_transposed: bool = False

    @property
    def taps(self) -> int:
        """Taps that hit the input, of all output positions together."""
        return int(np.sum(_index(self) < self.inputs))

    def hits(self) -> NDArray[np.int64]:
        """Taps of each output position that hit the input, ``[outputs]``."""
        hits: NDArray[np.int64] = np.sum(_index(self) < self.inputs, axis=1)
        return hits

    def gather(self, frames: NDArray[Any], fill: float) -> NDArray[Any]:
        """What each output position reads, ``[outputs, frames, kernel, channels]``.

        Args:
            frames: ``[frames, inputs * channels]``.
            fill: What taps beside the input yield.
        """
        planes = frames.reshape(len(frames), self.inputs, -1)
        beside = np.full((len(frames), 1, planes.shape[2]), fill, frames.dtype)
        read: NDArray[Any] = np.concatenate([planes, beside], axis=1)[:, _index(self)]
        return read.swapaxes(0, 1)


@lru_cache(maxsize=256)
def _index(window: Window) -> NDArray[np.int64]:
    """Input position of each tap, ``[outputs, kernel]``; ``inputs`` where it falls beside the input."""
    output, tap = np.arange(window.outputs)[:, None], np.arange(window.kernel)[None]
    if window.is_transposed:
        position = output + window.left - tap
        hits = position % window.stride == 0
        position //= window.stride
    else:
        position = output * window.stride - window.left + tap * window.dilation
        hits = np.ones(position.shape, bool)
    return np.where(hits & (position >= 0) & (position < window.inputs), position, window.inputs)


def window_of(node: Node) -> Window:
    """The taps along frequency of a node."""
    window: Window = node.attributes["window"]
    return window


def pair(layer: KerasLayer, key: str, default: Any = 1) -> tuple[int, int]:
    """A setting along time and along frequency, which Keras stores as one number or two.

    Raises:
        ModelError: They are no positive integers.
    """
    value = layer.config.get(key, default)
    values = (value, value) if isinstance(value, int) else tuple(value)
    if len(values) != 2 or not all(isinstance(one, int) and one >= 1 for one in values):
        raise layer.error(f"has {key}={value}, expected two positive integers")
    return values


def sliding_window(
    layer: KerasLayer, inputs: int, padding: tuple[int, int], kernel: int, stride: int, dilation: int = 1
) -> Window:
    """The taps of a convolution or a pooling layer over ``inputs`` positions with zeros below and above.

    Padding "same" follows TensorFlow: ``ceil(positions / stride)`` outputs, the odd zero above.

    Raises:
        ModelError: The kernel does not fit, or the layer pads in another way.
    """
    kind = layer.config.get("padding", "valid")
    left, positions, span = padding[0], inputs + sum(padding), (kernel - 1) * dilation + 1
    if kind == "same":
        outputs = -(-positions // stride)
        left += max((outputs - 1) * stride + span - positions, 0) // 2
    elif kind == "valid":
        outputs = (positions - span) // stride + 1
    else:
        raise layer.error(f"uses padding='{kind}'", "Use padding='valid' or 'same'.")
    if positions > _MAX_POSITIONS:
        raise layer.error(f"reads {positions} positions, padding included; at most {_MAX_POSITIONS} are supported")
    if outputs < 1:
        raise layer.error(f"has a kernel that spans {span} of {positions} positions", "Use a smaller one, or pad.")
    window = Window(inputs, outputs, kernel, stride, dilation, left)
    check_window(layer, window)
    return window


def check_window(layer: KerasLayer, window: Window) -> None:
    """Check that the kernels can count a window's positions.

    Raises:
        ModelError: They cannot.
    """
    counts = (window.inputs, window.outputs, window.kernel, window.stride, window.dilation)
    if min(counts) < 1 or max(*counts, window.left) > _MAX_POSITIONS:
        raise layer.error(f"works on {window}; at most {_MAX_POSITIONS} of each are supported")
    if window.outputs * window.kernel > _MAX_TAPS:
        raise layer.error(
            f"has {window.kernel} taps at each of {window.outputs} positions; at most {_MAX_TAPS} in all are supported",
            "Use a smaller kernel, or strides.",
        )
