"""What the layers with weights share: quantization, requantization and the C fields of both."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.ops.arithmetic import (
    activation_bounds,
    clamp_s8,
    multiply_by_quantized_multiplier,
    quantize_multipliers,
    quantize_weights,
)
from slimse_mcu.ops.op import Constant, Parameters, QuantizeContext


def quantize(node: Node, context: QuantizeContext) -> dict[str, Any]:
    """Integer parameters of a layer with ``kernel [channels, ...]`` and ``bias [channels]``."""
    source, output = context.inputs[0], context.require_output()
    weights, bias, weight_scale = quantize_weights(node.weights["kernel"], node.weights["bias"], source.scale)
    multiplier, shift = quantize_multipliers(source.scale * weight_scale / output.scale)
    low, high = activation_bounds(node.activation, output)
    return {
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


def accumulate(parameters: Parameters, values: NDArray[np.int8]) -> NDArray[np.int64]:
    """``W (x - zero point) + b`` of all rows, ``[rows]``; ``values`` has the weights' shape behind the rows."""
    weights = parameters["weights"]
    centred = values.reshape(-1).astype(np.float64) + parameters["input_offset"]
    # Exact, and faster than integers: every partial sum is an integer far below 2**53.
    sums = weights.reshape(len(weights), -1).astype(np.float64) @ centred
    result: NDArray[np.int64] = sums.astype(np.int64) + parameters["bias"]
    return result


def requantize(accumulator: NDArray[np.int64], parameters: Parameters) -> NDArray[np.int8]:
    """int32 accumulators ``[channels]`` to int8 outputs."""
    scaled = multiply_by_quantized_multiplier(accumulator, parameters["multiplier"], parameters["shift"])
    return clamp_s8(scaled + parameters["output_offset"], parameters["output_min"], parameters["output_max"])


def fields(parameters: Parameters, layout: str) -> dict[str, int | Constant]:
    """C fields that every layer with weights has; ``layout`` names the axes of the weights."""
    return {
        "weights": Constant("int8_t", parameters["weights"], f"weights {layout}, symmetric per output channel"),
        "bias": Constant("int32_t", parameters["bias"], "bias, at input scale x weight scale"),
        "multiplier": Constant("int32_t", parameters["multiplier"], "requantization multipliers, Q31"),
        "shift": Constant("int8_t", parameters["shift"], "requantization shifts, left when positive"),
        "input_offset": int(parameters["input_offset"]),
        "output_offset": int(parameters["output_offset"]),
        "output_min": int(parameters["output_min"]),
        "output_max": int(parameters["output_max"]),
    }
