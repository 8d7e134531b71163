"""Transposed convolutions along frequency: an ordinary one for each rest of the output's position by the stride."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, folded_bias, scalar
from slimse_mcu.kernels.kernels_mve import planes, rescaling
from slimse_mcu.kernels.kernels_mve.without import without_helium
from slimse_mcu.layouts.quads import LAYOUT as QUADS
from slimse_mcu.layouts.quads import STEP
from slimse_mcu.ops.op import Constant, KernelCall

_NOTE = "by rest of the position by the stride: weights [rows][taps x taps of the rest x columns], packed as {}: {}"


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_conv2d_transpose_quads_s8``, where sums leave room for shifts."""
    if not rescaling.fits(call, array(call.fields, "linear.weights")):
        return without_helium(call, node)
    kernel, stride = scalar(call.fields, "planes.kernel"), scalar(call.fields, "stride")
    sizes, scratch = planes.sizes(call, -(-kernel // stride))
    offset = scalar(call.fields, "linear.input_offset")
    weights, bias = [], []
    for matrix in _by_rest(array(call.fields, "linear.weights"), stride):
        if matrix.size:
            weights.append(QUADS.pack(matrix)[: -(-len(matrix) // 4) * 4 * matrix.shape[1]])
        bias.append(folded_bias(matrix, array(call.fields, "linear.bias"), offset))
    beyond = np.zeros(4 * (STEP - 1), np.int8)
    fields: dict[str, int | Constant] = {
        **sizes,
        **{name: call.fields[name] for name in ("stride", "left")},
        "weights": Constant("int8_t", np.concatenate([*weights, beyond]), _NOTE.format(QUADS.name, QUADS.summary)),
        "bias_and_shift": rescaling.bias_and_shift(
            call, np.stack(bias), "[stride][rows] by rest, for inputs with their zero point, "
        ),
        **rescaling.fields(call),
    }
    arguments = ("spans", "input0", "ring0", "scratch", call.arguments[-1])
    return replace(
        call, function="slimse_conv2d_transpose_quads_s8", fields=fields, arguments=arguments, scratch=scratch
    )


def _by_rest(weights: NDArray[Any], stride: int) -> Iterator[NDArray[Any]]:
    """The matrix ``[rows, taps * taps of the rest * columns]`` of each rest, which may have no columns."""
    first = 0
    for rest in range(stride):
        taps = len(range(rest, weights.shape[2], stride))
        own = weights[:, :, first : first + taps]
        yield own.reshape(len(weights), own[0].size)
        first += taps
