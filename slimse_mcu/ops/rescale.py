"""Change of scale and zero point of a block of channels; int8: TensorFlow Lite QUANTIZE.

Not a layer of its own: layers that move tensors, and the parts that a closed component bypasses, share it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Quantization
from slimse_mcu.ops.arithmetic import clamp_s8, multiply_by_quantized_multiplier, quantize_multiplier
from slimse_mcu.ops.op import KernelCall, Parameters


def quantize(source: Quantization, output: Quantization) -> dict[str, int]:
    """Integer parameters of the change from one quantization to another."""
    # The ratio of the float32 scales in double, as the reference forms it.
    multiplier, shift = quantize_multiplier(float(np.float32(source.scale)) / float(np.float32(output.scale)))
    return {
        "input_offset": -source.zero_point,
        "output_offset": output.zero_point,
        "multiplier": multiplier,
        "shift": shift,
    }


def numbers(parameters: Parameters) -> dict[str, int]:
    """Those parameters of a node that :func:`quantize` chose."""
    return {name: int(parameters[name]) for name in ("input_offset", "output_offset", "multiplier", "shift")}


def apply(values: NDArray[np.int8], parameters: Parameters) -> NDArray[np.int8]:
    """The values in the other quantization."""
    centred = values.astype(np.int64) + parameters["input_offset"]
    scaled = multiply_by_quantized_multiplier(centred, parameters["multiplier"], parameters["shift"])
    return clamp_s8(scaled + parameters["output_offset"])


def call(
    parameters: Parameters,
    source: tuple[str, int],
    *,
    positions: int,
    channels: int,
    input_pitch: int,
    output_pitch: int,
    output_offset: int,
    suffix: str,
    part: int | None = None,
) -> KernelCall:
    """The kernel call that moves ``channels`` of each position from ``source`` to an offset of the output."""
    fields: dict[str, Any] = {
        "positions": positions,
        "channels": channels,
        "input_pitch": input_pitch,
        "output_pitch": output_pitch,
        **parameters,
    }
    return KernelCall("slimse_rescale_s8", fields, (source, ("output", output_offset)), suffix=suffix, part=part)
