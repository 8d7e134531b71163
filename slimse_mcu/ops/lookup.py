"""Activation functions of one variable: in int8 a table of 256 entries, whatever the function.

sigmoid and tanh follow TensorFlow Lite (output scale 1/256 and 1/128); relu, relu6 and leaky_relu follow its integer
rules; the others are rounded from the real function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node, Quantization
from slimse_mcu.ops.arithmetic import (
    INT8_MAX,
    INT8_MIN,
    activation_bounds,
    clamp_s8,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
)
from slimse_mcu.ops.op import (
    Constant,
    FloatArray,
    Import,
    Int8Array,
    KernelCall,
    Memories,
    Op,
    Parameters,
    QuantizeContext,
    size,
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
#: Inputs beyond which the int8 output stays at its end: sigmoid at 1/256 a step, tanh at 1/128.
_USEFUL_RANGES = {"sigmoid": (-6.3, 5.6), "hard_sigmoid": (-3.0, 3.0), "tanh": (-3.2, 2.8)}


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


class Lookup(Op):
    """Attributes ``function`` and ``slope`` (leaky_relu)."""

    name = "lookup"
    imports = (
        Import(("Activation",), _read_activation, "linear, leaky_relu, " + ", ".join(FUNCTIONS)),
        Import(("ReLU",), _read_relu, "ReLU(), ReLU(6.0), negative slope"),
        Import(("LeakyReLU",), _read_leaky_relu, "any slope"),
        Import(("ELU",), _read_elu, "alpha 1"),
    )
    skips_rows = True
    elementwise = True

    def _real(self, node: Node, value: NDArray[Any]) -> NDArray[Any]:
        if node.attributes["function"] == LEAKY_RELU:
            return np.where(value >= 0, value, value * np.float32(node.attributes["slope"]))
        return FUNCTIONS[node.attributes["function"]](value)

    def keeps_zero(self, node: Node) -> bool:
        return float(self._real(node, np.zeros(1))[0]) == 0.0

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        return self._real(node, inputs[0]).astype(np.float32)

    def useful_range(self, node: Node) -> tuple[float, float] | None:
        return _USEFUL_RANGES.get(node.attributes["function"])

    def fixed_quantization(self, node: Node, inputs: Sequence[Quantization]) -> Quantization | None:
        function = node.attributes["function"]
        if function in ("sigmoid", "hard_sigmoid"):
            return Quantization(1.0 / 256.0, INT8_MIN, 0.0, 255.0 / 256.0)
        if function in ("tanh", "softsign"):
            return Quantization(1.0 / 128.0, 0, -1.0, 127.0 / 128.0)
        return None

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        output = context.require_output()
        values = table(node.attributes["function"], node.attributes["slope"], context.inputs[0], output)
        return {"table": values, "output_offset": output.zero_point}

    def step_s8(self, node: Node, parameters: Parameters, inputs: Sequence[Int8Array], memories: Memories) -> Int8Array:
        values: Int8Array = parameters["table"][inputs[0].astype(np.int64) - INT8_MIN]
        return values

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        note = f"{node.attributes['function']} of the inputs -128 to 127"
        fields: dict[str, int | Constant] = {
            "table": Constant("int8_t", parameters["table"], note),
            "output_offset": int(parameters["output_offset"]),
            "size": size(node),
        }
        return (KernelCall("slimse_lookup_s8", fields, ("rows", "input0", "output")),)

    def describe(self, node: Node) -> str:
        return f"{node.attributes['function']}, {size(node)}"


OP = Lookup()
