"""Transposed convolution along frequency, and causal along time: a decoder's layer that multiplies the positions.

Gather form: ``y[t, p] = clamp(b + sum_jk W_jk x[t - j, (p + left - k) / stride])`` over the taps k for which that is an
input position.  The past frames of the input live in a ring; int8 and int16: TensorFlow Lite TRANSPOSE_CONV with
per-channel weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from slimse_mcu.graph import Node
from slimse_mcu.ops.causal import check_taps, spectrum
from slimse_mcu.ops.frequency import Window, check_window, pair, window_of
from slimse_mcu.ops.op import Import, KernelCall, Parameters
from slimse_mcu.ops.planes import Planes

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    taps, _, rows, _ = layer.weight(0, rank=4).shape
    positions, _ = spectrum(layer, inputs[0], builder)
    stride = pair(layer, "strides")
    check_taps(layer, taps)
    if stride[0] != 1:
        raise layer.error(f"multiplies the frames by {stride[0]}", "Stride along frequency: strides=(1, n).")
    if pair(layer, "dilation_rate") != (1, 1) or layer.config.get("output_padding") is not None:
        raise layer.error("uses dilation or output padding", "Leave both out; crop or pad behind it.")
    window = _window(layer, positions, stride[1])
    if taps == 1:
        return _add(layer, inputs[0], builder, window)
    overhang = taps - 1
    if layer.config.get("padding", "valid") == "same":
        raise layer.error(
            f"uses padding='same' with a kernel of {taps} frames, which needs future frames: not causal",
            f"Use padding='valid', and Cropping2D(((0, {overhang}), (below, above))) behind it.",
        )

    def crop(sides: tuple[int, int]) -> str:
        cropped = replace(window, outputs=window.outputs - sum(sides), left=window.left + sides[0])
        return _add(layer, inputs[0], builder, cropped)

    return builder.overhang(layer, (window.outputs, rows), overhang, crop)


def _window(layer: KerasLayer, positions: int, stride: int) -> Window:
    """The taps by TensorFlow's rule: of the positions that each input adds to, "same" keeps ``stride`` per input."""
    kernel, padding = layer.weight(0, rank=4).shape[1], layer.config.get("padding", "valid")
    beyond = max(kernel - stride, 0)
    if padding == "same":
        return Window(positions, positions * stride, kernel, stride, 1, beyond // 2, is_transposed=True)
    if padding == "valid":
        return Window(positions, positions * stride + beyond, kernel, stride, is_transposed=True)
    raise layer.error(f"uses padding='{padding}'", "Use padding='valid' or 'same'.")


def _add(layer: KerasLayer, source: str, builder: GraphBuilder, window: Window) -> str:
    check_window(layer, window)
    kernel = layer.weight(0, rank=4)
    taps, _, rows, _ = kernel.shape
    output = builder.add(
        layer,
        "conv2d_transpose",
        [source],
        channels=rows,
        shape=(window.outputs, rows),
        # Keras's first tap falls on the newest frame.
        weights={"kernel": kernel[::-1].transpose(2, 0, 1, 3).copy(), "bias": layer.bias(channels=rows, index=1)},
        attributes={"window": window, "dilation": 1},
        reach=taps - 1,
    )
    return builder.activate(layer, output, layer.config.get("activation"))


class Conv2DTranspose(Planes):
    """Weights and attributes as :class:`Planes`."""

    name = "conv2d_transpose"
    imports = (
        Import(
            ("Conv2DTranspose",),
            _read,
            "strides along frequency, valid or same; with a kernel of n frames valid and Cropping2D(((0, n - 1), ...)) "
            "directly behind it",
        ),
    )

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        window = window_of(node)
        # Outputs whose number leaves the same rest by the stride share their taps; these lie by rising input position.
        order = [
            tap
            for phase in range(min(window.stride, window.kernel))
            for tap in reversed(range(phase, window.kernel, window.stride))
        ]
        by_phase = {**parameters, "weights": np.ascontiguousarray(parameters["weights"][:, :, order])}
        layout = f"[rows][taps][kernel][columns], oldest frame first, kernel in the order {order}"
        return self.part_calls(node, by_phase, {"stride": window.stride, "left": window.left}, layout)


OP = Conv2DTranspose()
