"""Layers that work at every position along frequency, as ``slimse_planes_rows.h`` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from slimse_mcu.kernels.folded import array, in_blocks, is_narrow, shifts
from slimse_mcu.layouts.paired_rows import LAYOUT as PAIRED_ROWS
from slimse_mcu.ops.op import Constant, KernelCall
from slimse_mcu.ops.parts import MAX_PARTS

_QUAD = 4
_RUN_WORDS = 5
_LANE_BYTES = 2048  # of the positions that are widened at once, as far as one position's are not more
_CONSTANTS = "[blocks of 4 rows][2][4]: starts of sums with bias and shift of rows 0, 2, 1, 3; multipliers, Q31"


def in_rows(
    call: KernelCall, planes: Mapping[str, int], taps: int, reach: int, step: int, **own: int
) -> KernelCall | None:
    """The call of the kernel that is named ``..._rows_s8``, with a scratch argument before the output.

    Args:
        call: Of the portable kernel, its weights ``[rows, taps, kernel, columns]`` (or ``[rows, columns]``).
        planes: Sizes of the portable call, by the members' names.
        taps: Taps along frequency of all positions that fall into the input.
        reach: Positions of the input from the first to the last that an output reads.
        step: Positions of the input from one output's first to the next one's.
        own: Further members of the optimised kernel's structure.

    Returns:
        None where a sum may be long, or a requantization does not shift to the right.
    """
    weights = array(call.fields, "linear.weights")
    weights = weights.reshape(len(weights), planes["taps"], planes["kernel"], planes["columns"])
    to_right = shifts(array(call.fields, "linear.multiplier"), array(call.fields, "linear.shift"))
    bias = array(call.fields, "linear.bias")
    if to_right is None or not is_narrow(weights.reshape(len(weights), -1), bias):
        return None
    starts = in_blocks(256 * bias.astype(np.int64) + 32 - to_right)[:, [0, 2, 1, 3]]
    constants = np.stack([starts, in_blocks(array(call.fields, "linear.multiplier"))], axis=1)
    chunk, lane_words = _chunk(planes, reach, step)
    runs = planes["taps"] * planes["kernel"] * min(MAX_PARTS, -(-planes["columns"] // 2))
    members: dict[str, int | Constant] = {
        **planes,
        "chunk": chunk,
        "runs": runs,
        "lane_words": lane_words,
        "window_taps": taps,
        "weights": PAIRED_ROWS.constant(weights.reshape(len(weights), -1), "[rows][taps * kernel * columns]"),
        "constants": Constant("int32_t", constants, _CONSTANTS),
        **{name: call.fields[f"linear.{name}"] for name in _SCALARS},
    }
    *inputs, output = call.arguments
    return replace(
        call,
        function=call.function.replace("_s8", "_rows_s8"),
        fields={**{f"planes.{name}": value for name, value in members.items()}, **own},
        arguments=(*inputs, "scratch", output),
        scratch=2 * (lane_words + _RUN_WORDS * runs + chunk + 2),
    )


_SCALARS = ("input_offset", "output_offset", "output_min", "output_max")


def _chunk(planes: Mapping[str, int], reach: int, step: int) -> tuple[int, int]:
    """Positions that are widened at once, and the words of their lanes."""

    def words(positions: int) -> int:
        if planes["columns"] % _QUAD == 0:
            return planes["taps"] * ((positions - 1) * step + reach) * planes["columns"] // 2
        return positions * 2 * -(-planes["taps"] * planes["kernel"] * planes["columns"] // _QUAD)

    fitting = (count for count in range(planes["positions"], 1, -1) if 4 * words(count) <= _LANE_BYTES)
    chunk = next(fitting, 1)
    return chunk, words(chunk)
