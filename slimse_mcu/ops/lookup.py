"""Activation functions of one variable: in int8 a table of 256 entries, whatever the function.

int8: sigmoid and tanh follow TensorFlow Lite (output scale 1/256 and 1/128); relu, relu6 and leaky_relu follow its
integer rules; the others are rounded from the real function.

int16: sigmoid and tanh follow TensorFlow Lite, whose one table of 256 entries serves both (output scale 1/32768); relu
and relu6 follow its integer rules; the others are tables of 513 entries with linear interpolation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import Node, Quantization
from slimse_mcu.ops.arithmetic import (
    INT8_MAX,
    INT8_MIN,
    INT16_MAX,
    INT16_MIN,
    activation_bounds,
    clamp_s8,
    clamp_s16,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
)
from slimse_mcu.ops.op import (
    FUSED_CLAMPS,
    Constant,
    FloatArray,
    Import,
    Int8Array,
    Integers,
    KernelCall,
    Memories,
    Op,
    Parameters,
    QuantizeContext,
    is_wide,
    scalars,
    size,
    width,
)

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    result: NDArray[Any] = 1.0 / (1.0 + np.exp(-np.maximum(x, -80.0)))
    return result


def _sigmoid_by_steps(x: NDArray[Any]) -> NDArray[Any]:
    """Every operation rounded to float32, as the reference does: its table has other entries than the exact one."""
    exponential = np.exp(np.minimum(-x.astype(np.float64), 80.0)).astype(np.float32)
    result: NDArray[Any] = np.float32(1.0) / (np.float32(1.0) + exponential)
    return result


def _elu(x: NDArray[Any]) -> NDArray[Any]:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


#: Real functions of one variable without parameters, by Keras name.
FUNCTIONS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "elu": _elu,
    "silu": lambda x: x * _sigmoid(x),
    "swish": lambda x: x * _sigmoid(x),
    "gelu": lambda x: 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0))),
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1.0 + np.abs(x)),
    "hard_sigmoid": lambda x: np.clip(x / 6.0 + 0.5, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6.0 + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x / 6.0 + 0.5, 0, 1),
}
LEAKY_RELU = "leaky_relu"
#: Inputs beyond which the output stays at its end, by its width: sigmoid at 1/256 or 1/32768 a step, tanh at 1/128
#: or 1/32768.
_USEFUL_RANGES = {
    8: {"sigmoid": (-6.3, 5.6), "hard_sigmoid": (-3.0, 3.0), "tanh": (-3.2, 2.8)},
    16: {"sigmoid": (-10.7, 10.7), "hard_sigmoid": (-3.0, 3.0), "tanh": (-5.4, 5.4)},
}
#: Functions that int16 takes from TensorFlow Lite's table of sigmoid values.
_CURVES = ("sigmoid", "tanh")


def _sigmoid_entries() -> NDArray[np.uint16]:
    """sigmoid(i / 24) in steps of 1/65536, each raised by half of what the line to the next misses in its middle."""
    ends = np.arange(256) / 24.0
    here, middle, behind = (_sigmoid(ends + more / 24.0) for more in (0.0, 0.5, 1.0))
    entries = np.rint(65536.0 * (here + (middle - (here + behind) / 2.0) / 2.0))
    # The last one joins what lies beyond.
    return np.append(entries[:-1], 65535).astype(np.uint16)


#: TensorFlow Lite's table; ``firmware/kernels/slimse_sigmoid_table.h`` holds the same.
SIGMOID_TABLE = _sigmoid_entries()


def add_activation(
    layer: KerasLayer, source: str, builder: GraphBuilder, function: str, slope: float = 0.0, suffix: str = ""
) -> str:
    """Add a node for an activation function of one variable."""
    return builder.add(
        layer,
        "lookup",
        [source],
        channels=builder.channels(source),
        attributes={"function": function, "slope": slope},
        suffix=suffix,
    )


def _read_activation(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    return builder.activate(layer, inputs[0], layer.config.get("activation"), suffix="")


def _read_relu(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    slope, threshold = layer.config.get("negative_slope", 0.0) or 0.0, layer.config.get("threshold", 0.0) or 0.0
    limit = layer.config.get("max_value")
    if threshold != 0.0 or limit not in (None, 6.0) or (slope and limit):
        raise layer.error(
            "uses a threshold or a maximum other than 6", "Use ReLU(), ReLU(6.0) or ReLU(negative_slope=...)."
        )
    function = LEAKY_RELU if slope else "relu6" if limit else "relu"
    return add_activation(layer, inputs[0], builder, function, slope)


def _read_leaky_relu(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    slope = layer.config.get("negative_slope", layer.config.get("alpha", 0.3))
    return add_activation(layer, inputs[0], builder, LEAKY_RELU, float(slope))


def _read_elu(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    if layer.config.get("alpha", 1.0) != 1.0:
        raise layer.error("uses alpha other than 1", "Use ELU().")
    return add_activation(layer, inputs[0], builder, "elu")


def _leaky_table(integers: NDArray[np.int64], slope: float, source: Quantization, output: Quantization) -> Any:
    ratio = np.float32(source.scale) / np.float32(output.scale)
    centred = integers - source.zero_point
    positive = multiply_by_quantized_multiplier(centred, *quantize_multiplier(float(ratio)))
    factor = float(np.float32(source.scale) * np.float32(abs(slope)) / np.float32(output.scale))
    multiplier, shift = quantize_multiplier(factor)
    # The sign is the multiplier's, not the product's: ties round up before the shift.
    negative = multiply_by_quantized_multiplier(centred, multiplier if slope >= 0 else -multiplier, shift)
    return clamp_s8(np.where(centred >= 0, positive, negative) + output.zero_point)


def _relu_table(integers: NDArray[np.int64], function: str, source: Quantization, output: Quantization) -> Any:
    ratio = np.float32(source.scale) / np.float32(output.scale)
    scaled = multiply_by_quantized_multiplier(integers - source.zero_point, *quantize_multiplier(float(ratio)))
    return clamp_s8(scaled + output.zero_point, *activation_bounds(function, output))


def _real_table(integers: NDArray[np.int64], function: str, source: Quantization, output: Quantization) -> Any:
    real = np.float32(source.scale) * (integers - source.zero_point).astype(np.float32)
    formula = _sigmoid_by_steps if function == "sigmoid" else FUNCTIONS[function]
    value = formula(real.astype(np.float64)).astype(np.float32)
    scaled = value * (np.float32(1.0) / np.float32(output.scale))
    # Half away from zero, as the reference rounds.
    rounded = np.sign(scaled) * np.floor(np.abs(scaled.astype(np.float64)) + 0.5)
    return clamp_s8(rounded + output.zero_point)


def table(function: str, slope: float, source: Quantization, output: Quantization) -> Int8Array:
    """The int8 outputs of the inputs -128 to 127, ``[256]``."""
    integers = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64)
    if function == LEAKY_RELU:
        result = _leaky_table(integers, slope, source, output)
    elif function in ("relu", "relu6"):
        result = _relu_table(integers, function, source, output)
    else:
        result = _real_table(integers, function, source, output)
    values: Int8Array = result
    return values


def _curve_scale(source: Quantization) -> dict[str, int]:
    """From the input's scale to 2**-12 / 3: a multiplier of 15 bits and a shift to the right."""
    factor, shift = float(np.float32(source.scale)) * 4096.0 * 3.0, 0
    while factor <= INT16_MAX / 2.0 and shift <= 30:
        factor, shift = factor * 2.0, shift + 1
    if factor > INT16_MAX:
        raise QuantizeError(
            f"An input scale of {source.scale:.3g} is too large for a curve that ends at 11.",
            hint="Check the calibrated range of the layer before it.",
        )
    return {"multiplier": int(factor), "shift": shift}


def _curve(function: str, values: NDArray[np.int64], parameters: Parameters) -> Integers:
    """Sigmoid or tanh of int16 values, Q15."""
    shift = parameters["shift"]
    position = values * parameters["multiplier"]
    position = position if shift == 0 else (position + (1 << (shift - 1))) >> shift
    # tanh(x) = 2 sigmoid(2 x) - 1: half as many bits between two entries, and one more of the result.
    fraction_bits = 9 if function == "sigmoid" else 8
    distance = np.abs(position)
    index = np.minimum(distance >> fraction_bits, 255)
    low, high = (SIGMOID_TABLE[np.minimum(index + more, 255)].astype(np.int64) for more in (0, 1))
    inside = (low << fraction_bits) + (distance & ((1 << fraction_bits) - 1)) * (high - low)
    if function == "sigmoid":
        value = np.where(index >= 255, 0x7FFF << 10, inside)
        return clamp_s16(np.where(position >= 0, value + (1 << 9), (1 << 25) - value + (1 << 9) - 1) >> 10)
    value = np.where(index >= 255, 0xFFFF << 8, inside) - (1 << 23)
    return clamp_s16(np.where(position >= 0, value + (1 << 7), -value + (1 << 7) - 1) >> 8)


def wide_table(node: Node, source: Quantization, output: Quantization) -> NDArray[np.int16]:
    """The int16 outputs of the inputs -32768, -32640, ..., 32768, ``[513]``."""
    real = source.scale * np.arange(INT16_MIN, INT16_MAX + 2, 128, dtype=np.float64)
    scaled = _real(node, real) / output.scale
    return clamp_s16(np.floor(scaled + 0.5))


def _real(node: Node, value: NDArray[Any]) -> NDArray[Any]:
    if node.attributes["function"] == LEAKY_RELU:
        return np.where(value >= 0, value, value * np.float32(node.attributes["slope"]))
    return FUNCTIONS[node.attributes["function"]](value)


class Lookup(Op):
    """Attributes ``function`` and ``slope`` (leaky_relu)."""

    name = "lookup"
    imports = (
        Import(("Activation",), _read_activation, "linear, leaky_relu, " + ", ".join(FUNCTIONS)),
        Import(("ReLU",), _read_relu, "ReLU(), ReLU(6.0), negative slope"),
        Import(("LeakyReLU",), _read_leaky_relu, "any slope"),
        Import(("ELU",), _read_elu, "alpha 1"),
    )
    kernels = ("slimse_lookup_s8", "slimse_sigmoid_s16", "slimse_tanh_s16", "slimse_relu_s16", "slimse_lookup_s16")
    widths = (8, 16)
    skips_rows = True
    elementwise = True

    def keeps_zero(self, node: Node) -> bool:
        return float(_real(node, np.zeros(1))[0]) == 0.0

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        return _real(node, inputs[0]).astype(np.float32)

    def useful_range(self, node: Node, bits: int) -> tuple[float, float] | None:
        return _USEFUL_RANGES[bits].get(node.attributes["function"])

    def fixed_quantization(self, node: Node, inputs: Sequence[Quantization]) -> Quantization | None:
        function = node.attributes["function"]
        is_sigmoid, is_tanh = function in ("sigmoid", "hard_sigmoid"), function in ("tanh", "softsign")
        if inputs[0].is_wide and (is_sigmoid or is_tanh):
            return Quantization(1.0 / 32768.0, 0, 0.0 if is_sigmoid else -1.0, 32767.0 / 32768.0, 16)
        if is_sigmoid:
            return Quantization(1.0 / 256.0, INT8_MIN, 0.0, 255.0 / 256.0)
        if is_tanh:
            return Quantization(1.0 / 128.0, 0, -1.0, 127.0 / 128.0)
        return None

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        function, source, output = node.attributes["function"], context.inputs[0], context.require_output()
        bits = {"bits": context.bits}
        if not source.is_wide:
            values = table(function, node.attributes["slope"], source, output)
            return {**bits, "table": values, "output_offset": output.zero_point}
        if function in _CURVES:
            return {**bits, **_curve_scale(source)}
        if function in FUSED_CLAMPS:
            low, high = activation_bounds(function, output)
            ratio = np.float32(source.scale) / np.float32(output.scale)
            multiplier, shift = quantize_multiplier(float(ratio))
            return {**bits, "multiplier": multiplier, "shift": shift, "output_min": low, "output_max": high}
        return {**bits, "table": wide_table(node, source, output)}

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        function, values = node.attributes["function"], inputs[0].astype(np.int64)
        if not is_wide(parameters):
            found: Integers = parameters["table"][values - INT8_MIN]
            return found
        if function in _CURVES:
            return _curve(function, values, parameters)
        if function in FUSED_CLAMPS:
            scaled = multiply_by_quantized_multiplier(values, parameters["multiplier"], parameters["shift"])
            return clamp_s16(scaled, parameters["output_min"], parameters["output_max"])
        place = values - INT16_MIN
        low, high = (parameters["table"][(place >> 7) + more].astype(np.int64) for more in (0, 1))
        return clamp_s16(low + (((high - low) * (place & 127) + 64) >> 7))

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        function = node.attributes["function"]
        fields: dict[str, int | Constant] = {}
        name = "lookup"
        if "table" in parameters:
            ctype, inputs = ("int8_t", "-128 to 127") if not is_wide(parameters) else ("int16_t", "-32768 to 32768")
            fields["table"] = Constant(ctype, parameters["table"], f"{function} of the inputs {inputs}")
        elif function in _CURVES:
            name = function
        else:
            name = "relu"
        fields.update(scalars(parameters))
        fields["size"] = size(node)
        return (KernelCall(f"slimse_{name}_{width(parameters)}", fields, ("rows", "input0", "output")),)

    def describe(self, node: Node) -> str:
        return f"{node.attributes['function']}, {size(node)}"


OP = Lookup()
