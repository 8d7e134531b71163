"""What the layers with weights share: quantization, requantization and the C fields of both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.ops.arithmetic import (
    activation_bounds,
    clamp_s8,
    clamp_s16,
    multiply_by_quantized_multiplier,
    multiply_by_reduced_multiplier,
    quantize_multipliers,
    quantize_weights,
    reduce_multipliers,
)
from slimse_mcu.ops.op import Constant, Integers, Parameters, QuantizeContext, is_wide, scalars


def quantize(node: Node, context: QuantizeContext) -> dict[str, Any]:
    """Integer parameters of a layer with ``kernel [channels, ...]`` and ``bias [channels]``.

    The bias is int32 with int16 activations too, where TensorFlow Lite has int64: a channel's weights are made coarser
    until its bias fits, and what they then lose is less than a step of an output that holds such a bias.
    """
    source, output = context.inputs[0], context.require_output()
    weights, bias, weight_scale = quantize_weights(node.weights["kernel"], node.weights["bias"], source.scale)
    multiplier, shift = quantize_multipliers(source.scale * weight_scale / output.scale)
    if context.bits == 16:
        multiplier, shift = reduce_multipliers(multiplier, shift)
    low, high = activation_bounds(node.activation, output)
    return {
        "bits": context.bits,
        "weights": weights,
        "bias": bias,
        "multiplier": multiplier,
        "shift": shift,
        "input_offset": -source.zero_point,
        "output_offset": output.zero_point,
        "output_min": low,
        "output_max": high,
        "weight_scale": weight_scale,
    }


def accumulate(parameters: Parameters, values: Integers) -> NDArray[np.int64]:
    """``W (x - zero point) + b`` of all rows at each position, ``[positions, rows]``.

    Args:
        parameters: With ``weights [rows, ...]``.
        values: ``[positions, ...]``, as many values behind the positions as the weights have behind the rows.
    """
    weights = parameters["weights"].reshape(len(parameters["weights"]), -1)
    centred = values.reshape(-1, weights.shape[1]).astype(np.float64) + parameters["input_offset"]
    # Exact, and faster than integers: every partial sum is an integer far below 2**53.
    sums = centred @ weights.astype(np.float64).T
    result: NDArray[np.int64] = sums.astype(np.int64) + parameters["bias"]
    return result


def requantize(accumulator: NDArray[np.int64], parameters: Parameters) -> Integers:
    """Accumulators ``[..., rows]``, int32 (int64 with int16 activations), to the output, flat."""
    if is_wide(parameters):
        wide = multiply_by_reduced_multiplier(accumulator, parameters["multiplier"], parameters["shift"])
        return clamp_s16(wide, parameters["output_min"], parameters["output_max"]).ravel()
    scaled = multiply_by_quantized_multiplier(accumulator, parameters["multiplier"], parameters["shift"])
    return clamp_s8(scaled + parameters["output_offset"], parameters["output_min"], parameters["output_max"]).ravel()


def take_rows(parameters: Parameters, rows: slice) -> dict[str, Any]:
    """The parameters of some output channels."""
    return {
        name: np.ascontiguousarray(value[rows]) if isinstance(value, np.ndarray) else value
        for name, value in parameters.items()
    }


def part_rows(node: Node, rows: int) -> Iterator[tuple[int | None, str, slice]]:
    """Number, name suffix and rows of each part of a node's output; of all ``rows`` where it has none."""
    if not node.parts:
        yield None, "", slice(0, rows)
    first = 0
    for index, part in enumerate(node.parts):
        yield index, f"_part{index}", slice(first, first + part.channels)
        first += part.channels


def fields(parameters: Parameters, layout: str) -> dict[str, int | Constant]:
    """Members of ``slimse_linear_s8_t`` or ``slimse_linear_s16_t``; ``layout`` names the axes of the weights."""
    if is_wide(parameters):
        multiplier = Constant("int16_t", parameters["multiplier"], "requantization multipliers, Q15")
        shift = Constant("uint8_t", parameters["shift"], "requantization shifts, to the right")
    else:
        multiplier = Constant("int32_t", parameters["multiplier"], "requantization multipliers, Q31")
        shift = Constant("int8_t", parameters["shift"], "requantization shifts, left when positive")
    members: dict[str, int | Constant] = {
        "weights": Constant("int8_t", parameters["weights"], f"weights {layout}, symmetric per output channel"),
        "bias": Constant("int32_t", parameters["bias"], "bias, at input scale x weight scale"),
        "multiplier": multiplier,
        "shift": shift,
        **scalars(parameters),
    }
    return {f"linear.{name}": value for name, value in members.items()}
