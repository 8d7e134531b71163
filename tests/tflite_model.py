"""A quantized graph as a TensorFlow Lite model over whole sequences, with exactly its parameters.

Time becomes the width of an image of height 1: tensors are ``[1, 1, frames, channels]``, and those with a frequency
axis ``[1, frames, positions, channels]``.  What a ring buffer does in the stream, PAD does here:
``(taps - 1) * dilation`` frames of the zero point in front of a VALID convolution.
The flatbuffer is written by TensorFlow's generated classes, which are read without importing TensorFlow.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node, Quantization, QuantizedGraph
from slimse_mcu.ops.arithmetic import choose_quantization
from slimse_mcu.ops.frequency import Window


def _load_schema() -> ModuleType:
    """``tensorflow.lite.python.schema_py_generated`` by its path: importing TensorFlow itself takes seconds."""
    package = importlib.util.find_spec("tensorflow")
    if package is None or not package.submodule_search_locations:
        raise ImportError("TensorFlow is not installed")
    path = Path(package.submodule_search_locations[0]) / "lite" / "python" / "schema_py_generated.py"
    spec = importlib.util.spec_from_file_location("tflite_schema", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be read")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


schema = _load_schema()

_TYPES = {
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int16): schema.TensorType.INT16,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int64): schema.TensorType.INT64,
}
_CLAMPS = {
    "linear": schema.ActivationFunctionType.NONE,
    "relu": schema.ActivationFunctionType.RELU,
    "relu6": schema.ActivationFunctionType.RELU6,
}
_FUNCTIONS = {"sigmoid": "LOGISTIC", "tanh": "TANH", "relu": "RELU", "relu6": "RELU6", "elu": "ELU"}
#: Versions that brought int8 (per channel); 2 for the others.
_VERSIONS = {
    schema.BuiltinOperator.CONV_2D: 3,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: 3,
    schema.BuiltinOperator.FULLY_CONNECTED: 5,
    schema.BuiltinOperator.RESHAPE: 1,
    schema.BuiltinOperator.PRELU: 1,
    schema.BuiltinOperator.ELU: 1,
    schema.BuiltinOperator.TRANSPOSE_CONV: 3,
}


class TfliteWriter:
    """Writes one subgraph; every activation of the streaming graph becomes an output."""

    def __init__(self, quantized: QuantizedGraph, frames: int, dense_as_convolution: bool) -> None:
        self._quantized = quantized
        self._graph = quantized.graph
        self._frames = frames
        self._dense_as_convolution = dense_as_convolution
        self._codes: list[int] = []
        self._operators: list[Any] = []
        self._tensors: list[Any] = []
        self._buffers = [schema.BufferT()]
        self._index: dict[str, int] = {}

    def write(self) -> tuple[bytes, tuple[str, ...]]:
        """The model's file, and the names of its outputs in order."""
        names = [self._graph.input, *(node.output for node in self._graph.nodes)]
        for name in names:
            self._index[name] = self._activation(name, 0, self._quantized.quantization[name], self._shape(name))
        for node in self._graph.nodes:
            getattr(self, f"_{node.op}")(node, self._quantized.parameters[node.name])
        subgraph = schema.SubGraphT()
        subgraph.tensors, subgraph.operators = self._tensors, self._operators
        subgraph.inputs = [self._index[self._graph.input]]
        subgraph.outputs = [self._index[name] for name in names[1:]]
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [subgraph], self._buffers
        model.operatorCodes = [self._operator_code(code) for code in self._codes]
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output()), tuple(names[1:])

    @staticmethod
    def _operator_code(code: int) -> Any:
        entry = schema.OperatorCodeT()
        entry.builtinCode = code
        entry.deprecatedBuiltinCode = min(code, 127)
        entry.version = _VERSIONS.get(code, 2)
        return entry

    def _width(self, name: str) -> int:
        return -(-self._frames // self._graph.tensors[name].period)

    def _tensor(self, shape: tuple[int, ...], kind: int, quantization: Any, data: bytes | None = None) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.quantization = list(shape), kind, quantization
        tensor.name, tensor.buffer = f"t{len(self._tensors)}", 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data, np.uint8)
            tensor.buffer = len(self._buffers)
            self._buffers.append(buffer)
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _shape(self, name: str) -> tuple[int, ...]:
        """A tensor's shape over the whole sequence."""
        shape = self._graph.tensors[name].shape
        return (1, self._width(name), *shape) if len(shape) == 2 else (1, 1, self._width(name), *shape)

    def _activation(self, name: str, width: int, quantization: Quantization, shape: tuple[int, ...] = ()) -> int:
        shape = shape or (1, 1, width, self._graph.tensors[name].channels)
        return self._tensor(
            shape, _TYPES[quantization.dtype], _parameters([quantization.scale], [quantization.zero_point])
        )

    def _constant(self, values: NDArray[Any], scales: Any = None, axis: int = 0, zero_point: int = 0) -> int:
        values = np.ascontiguousarray(values)
        parameters = None if scales is None else _parameters(scales, [zero_point] * len(scales), axis)
        return self._tensor(values.shape, _TYPES[values.dtype], parameters, values.tobytes())

    def _operator(self, name: str, inputs: list[int], outputs: list[int], options: Any = None, kind: str = "") -> None:
        code = getattr(schema.BuiltinOperator, name)
        if code not in self._codes:
            self._codes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = self._codes.index(code), inputs, outputs
        if options is not None:
            kind = kind or type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = options
        self._operators.append(operator)

    def _read(self, name: str, shape: tuple[int, ...]) -> int:
        """A tensor of the graph in the shape in which a node reads it."""
        if shape == self._shape(name):
            return self._index[name]
        turned = self._activation(name, 0, self._quantized.quantization[name], shape)
        self._reshape(self._index[name], turned)
        return turned

    def _elementwise(self, node: Node) -> list[int]:
        """The node's inputs in the shape of its output."""
        return [self._read(name, self._shape(node.output)) for name in node.inputs]

    def _padded(self, node: Node, taps: int) -> int:
        """The node's input with its reach of zero frames in front."""
        name = node.inputs[0]
        reach = (taps - 1) * int(node.attributes["dilation"])
        if reach == 0:
            return self._index[name]
        padded = self._activation(name, self._width(name) + reach, self._quantized.quantization[name])
        paddings = self._constant(np.array([[0, 0], [0, 0], [reach, 0], [0, 0]], np.int32))
        self._operator("PAD", [self._index[name], paddings], [padded], schema.PadOptionsT())
        return padded

    def _bias(self, node: Node, parameters: Mapping[str, Any]) -> int:
        source = self._quantized.quantization[node.inputs[0]]
        bias = parameters["bias"].astype(np.int64 if source.is_wide else np.int32)
        return self._constant(bias, np.float32(source.scale) * np.float32(parameters["weight_scale"]))

    def _stride(self, node: Node) -> int:
        return node.period // self._graph.tensors[node.inputs[0]].period

    def _convolve(self, node: Node, parameters: Mapping[str, Any], weights: NDArray[np.int8], dilation: int) -> None:
        """CONV_2D with ``weights [rows, taps, columns]``."""
        options = schema.Conv2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideW, options.strideH = self._stride(node), 1
        options.dilationWFactor, options.dilationHFactor = dilation, 1
        options.fusedActivationFunction = _CLAMPS[node.activation]
        source = self._padded(node, weights.shape[1]) if weights.shape[1] > 1 else self._index[node.inputs[0]]
        kernel = self._constant(weights[:, None], parameters["weight_scale"])
        inputs = [source, kernel, self._bias(node, parameters)]
        self._operator("CONV_2D", inputs, [self._index[node.output]], options)

    def _conv1d(self, node: Node, parameters: Mapping[str, Any]) -> None:
        self._convolve(node, parameters, parameters["weights"], int(node.attributes["dilation"]))

    def _dense(self, node: Node, parameters: Mapping[str, Any]) -> None:
        has_positions = len(self._graph.tensors[node.output].shape) == 2
        if has_positions and self._stride(node) == 1 and self._dense_as_convolution:
            self._planes("CONV_2D", node, parameters, parameters["weights"][:, None, None], schema.Conv2DOptionsT())
            return
        if self._dense_as_convolution or self._stride(node) > 1:
            self._convolve(node, parameters, parameters["weights"][:, None], 1)
            return
        self._fully_connected(node, parameters, self._index[node.inputs[0]], self._index[node.output])

    def _fully_connected(self, node: Node, parameters: Mapping[str, Any], source: int, output: int) -> None:
        """``weights [rows, columns]`` over the last axis of one tensor, into another."""
        flat = []
        for tensor, name, size in zip(
            (source, output), (node.inputs[0], node.output), parameters["weights"].shape[::-1], strict=True
        ):
            shape = (int(np.prod(self._tensors[tensor].shape)) // size, size)
            flat.append(self._activation(name, 0, self._quantized.quantization[name], shape))
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = _CLAMPS[node.activation]
        self._reshape(source, flat[0])
        kernel = self._constant(parameters["weights"], parameters["weight_scale"])
        self._operator("FULLY_CONNECTED", [flat[0], kernel, self._bias(node, parameters)], [flat[1]], options)
        self._reshape(flat[1], output)

    def _reshape(self, source: int, target: int) -> None:
        shape = self._constant(np.array(self._tensors[target].shape, np.int32))
        options = schema.ReshapeOptionsT()
        options.newShape = self._tensors[target].shape
        self._operator("RESHAPE", [source, shape], [target], options)

    def _depthwise_conv1d(self, node: Node, parameters: Mapping[str, Any]) -> None:
        weights = parameters["weights"]
        options = schema.DepthwiseConv2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideW, options.strideH = self._stride(node), 1
        options.dilationWFactor, options.dilationHFactor = int(node.attributes["dilation"]), 1
        options.depthMultiplier = int(node.attributes["multiplier"])
        options.fusedActivationFunction = _CLAMPS[node.activation]
        kernel = self._constant(weights.T[None, None], parameters["weight_scale"], axis=3)
        inputs = [self._padded(node, weights.shape[1]), kernel, self._bias(node, parameters)]
        self._operator("DEPTHWISE_CONV_2D", inputs, [self._index[node.output]], options)

    def _add(self, node: Node, parameters: Mapping[str, Any]) -> None:
        options = schema.AddOptionsT()
        options.potScaleInt16 = False
        self._pair("ADD", node, options)

    def _rescale(self, node: Node, parameters: Mapping[str, Any]) -> None:
        self._operator("QUANTIZE", self._elementwise(node), [self._index[node.output]], schema.QuantizeOptionsT())

    def _multiply(self, node: Node, parameters: Mapping[str, Any]) -> None:
        self._pair("MUL", node, schema.MulOptionsT())

    def _pair(self, operator: str, node: Node, options: Any) -> None:
        options.fusedActivationFunction = _CLAMPS[node.activation]
        self._operator(operator, self._elementwise(node), [self._index[node.output]], options)

    def _concatenate(self, node: Node, parameters: Mapping[str, Any]) -> None:
        parts = []
        for name, size in zip(node.inputs, node.attributes["sizes"], strict=True):
            shape = list(self._shape(node.output))
            axis = 3 if node.attributes["along_channels"] else 2
            shape[axis] = size // (1 if axis == 3 else shape[3])
            part = self._activation(name, 0, self._quantized.quantization[node.output], tuple(shape))
            self._operator("QUANTIZE", [self._read(name, tuple(shape))], [part], schema.QuantizeOptionsT())
            parts.append(part)
        options = schema.ConcatenationOptionsT()
        options.axis, options.fusedActivationFunction = axis, _CLAMPS["linear"]
        self._operator("CONCATENATION", parts, [self._index[node.output]], options)

    def _lookup(self, node: Node, parameters: Mapping[str, Any]) -> None:
        ends = self._elementwise(node), [self._index[node.output]]
        if node.attributes["function"] == "leaky_relu":
            options = schema.LeakyReluOptionsT()
            options.alpha = node.attributes["slope"]
            self._operator("LEAKY_RELU", *ends, options)
        else:
            self._operator(_FUNCTIONS[node.attributes["function"]], *ends)

    def _softmax(self, node: Node, parameters: Mapping[str, Any]) -> None:
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        self._operator("SOFTMAX", [self._index[node.inputs[0]]], [self._index[node.output]], options)

    def _prelu(self, node: Node, parameters: Mapping[str, Any]) -> None:
        scale = choose_quantization(node.weights["slopes"].min(), node.weights["slopes"].max()).scale
        values = parameters["slopes"].reshape(1, *self._graph.tensors[node.output].shape)
        values = values if values.ndim == 3 else values[None]
        slopes = self._constant(values, [scale], zero_point=-parameters["slope_offset"])
        self._operator("PRELU", [*self._elementwise(node), slopes], [self._index[node.output]])

    # ---- along frequency -----------------------------------------------------------------------------------------

    def _plane(self, node: Node, positions: int, channels: int) -> int:
        """The node's first input with a frequency axis."""
        return self._read(node.inputs[0], (1, self._width(node.inputs[0]), positions, channels))

    def _surrounded(self, node: Node, source: int, frames: int, sides: tuple[int, int]) -> int:
        """A tensor with frames of zero before it, and positions below and above."""
        if frames == 0 and sides == (0, 0):
            return source
        _, height, width, channels = self._tensors[source].shape
        shape = (1, height + frames, width + sum(sides), channels)
        padded = self._activation(node.inputs[0], 0, self._quantized.quantization[node.inputs[0]], shape)
        paddings = self._constant(np.array([[0, 0], [frames, 0], sides, [0, 0]], np.int32))
        self._operator("PAD", [source, paddings], [padded], schema.PadOptionsT())
        return padded

    def _slice(self, source: int, first: tuple[int, ...], target: int) -> None:
        begin = self._constant(np.array(first, np.int32))
        size = self._constant(np.array(self._tensors[target].shape, np.int32))
        self._operator("SLICE", [source, begin, size], [target], schema.SliceOptionsT())

    def _planes(
        self, operator: str, node: Node, parameters: Mapping[str, Any], kernel: NDArray[np.int8], options: Any
    ) -> None:
        """A convolution with ``kernel [rows, taps, taps along frequency, columns]``, or ``[1, ..., rows]``."""
        _, taps, width, columns = kernel.shape
        positions = node.attributes["positions"]
        window = node.attributes.get("window", Window(positions, positions, 1))
        reach = (taps - 1) * node.attributes.get("dilation", 1)
        span = (width - 1) * window.dilation + 1
        above = (window.outputs - 1) * window.stride + span - window.inputs - window.left
        channels = columns if operator == "CONV_2D" else columns // node.attributes["multiplier"]
        source = self._plane(node, window.inputs, channels)
        same = window.outputs == -(-window.inputs // window.stride) and window.left == max(0, window.left + above) // 2
        options.padding = schema.Padding.SAME if same and reach == 0 else schema.Padding.VALID
        if options.padding == schema.Padding.VALID:
            source = self._surrounded(node, source, reach, (window.left, max(0, above)))
        options.strideH, options.strideW = self._stride(node), window.stride
        options.dilationHFactor, options.dilationWFactor = node.attributes.get("dilation", 1), window.dilation
        options.fusedActivationFunction = _CLAMPS[node.activation]
        weights = self._constant(kernel, parameters["weight_scale"], axis=0 if operator == "CONV_2D" else 3)
        self._operator(operator, [source, weights, self._bias(node, parameters)], [self._index[node.output]], options)

    def _conv2d(self, node: Node, parameters: Mapping[str, Any]) -> None:
        self._planes("CONV_2D", node, parameters, parameters["weights"], schema.Conv2DOptionsT())

    def _depthwise_conv2d(self, node: Node, parameters: Mapping[str, Any]) -> None:
        options = schema.DepthwiseConv2DOptionsT()
        options.depthMultiplier = node.attributes["multiplier"]
        kernel = parameters["weights"].transpose(1, 2, 0)[None]
        self._planes("DEPTHWISE_CONV_2D", node, parameters, kernel, options)

    def _conv2d_transpose(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Over the whole sequence and all positions, from which the node's are cut; RELU clamps as a fused one."""
        rows, taps, width, columns = parameters["weights"].shape
        window = node.attributes["window"]
        beyond = max(width - window.stride, 0)
        options = schema.TransposeConvOptionsT()
        options.strideH, options.strideW, options.padding = 1, window.stride, schema.Padding.VALID
        first, positions = window.left, window.inputs * window.stride + beyond
        if taps == 1 and (window.left, window.outputs) == (beyond // 2, window.inputs * window.stride):
            options.padding, first, positions = schema.Padding.SAME, 0, window.outputs
        frames = self._width(node.output)
        quantization = self._quantized.quantization[node.output]
        whole = self._activation(node.output, 0, quantization, (1, frames + taps - 1, positions, rows))
        shape = self._constant(np.array(self._tensors[whole].shape, np.int32))
        kernel = self._constant(parameters["weights"][:, ::-1], parameters["weight_scale"])
        source = self._plane(node, window.inputs, columns)
        self._operator("TRANSPOSE_CONV", [shape, kernel, source, self._bias(node, parameters)], [whole], options)
        output = self._index[node.output]
        if node.activation == "linear":
            self._slice(whole, (0, 0, first, 0), output)
            return
        cut = self._activation(node.output, 0, quantization, self._shape(node.output))
        self._slice(whole, (0, 0, first, 0), cut)
        self._operator(_FUNCTIONS[node.activation], [cut], [output])

    def _average_pool(self, node: Node, parameters: Mapping[str, Any]) -> None:
        self._pool("AVERAGE_POOL_2D", node)

    def _max_pool(self, node: Node, parameters: Mapping[str, Any]) -> None:
        self._pool("MAX_POOL_2D", node)

    def _pool(self, operator: str, node: Node) -> None:
        window, options = node.attributes["window"], schema.Pool2DOptionsT()
        options.filterHeight, options.filterWidth = 1, window.kernel
        options.strideH, options.strideW = 1, window.stride
        is_valid = window.outputs == (window.inputs - window.kernel) // window.stride + 1
        options.padding = schema.Padding.VALID if is_valid else schema.Padding.SAME
        options.fusedActivationFunction = _CLAMPS["linear"]
        source = self._plane(node, window.inputs, node.attributes["channels"])
        self._operator(operator, [source], [self._index[node.output]], options)

    def _mean(self, node: Node, parameters: Mapping[str, Any]) -> None:
        options = schema.ReducerOptionsT()
        source = self._plane(node, node.attributes["averaged"], node.attributes["channels"])
        shape = (1, self._width(node.output), node.attributes["channels"])
        means = self._activation(node.output, 0, self._quantized.quantization[node.output], shape)
        self._operator("MEAN", [source, self._constant(np.array([2], np.int32))], [means], options)
        self._reshape(means, self._index[node.output])

    def _resize(self, node: Node, parameters: Mapping[str, Any]) -> None:
        inputs, before, repeat = (node.attributes[name] for name in ("inputs", "before", "repeat"))
        positions, output = node.attributes["positions"], self._index[node.output]
        source = self._plane(node, inputs, node.attributes["channels"])
        if before < 0 or (repeat == 1 and positions < inputs):
            self._slice(source, (0, 0, -before, 0), output)
        elif repeat == 1:
            paddings = self._constant(np.array([[0, 0], [0, 0], [before, positions - inputs - before], [0, 0]], "i4"))
            self._operator("PAD", [source, paddings], [output], schema.PadOptionsT())
        else:
            size = self._constant(np.array(self._tensors[output].shape[1:3], np.int32))
            options = schema.ResizeNearestNeighborOptionsT()
            self._operator("RESIZE_NEAREST_NEIGHBOR", [source, size], [output], options)

    def _bands(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """FULLY_CONNECTED along frequency, with all zeros of the matrix."""
        rows, positions = parameters["weights"].shape
        depth, frames = node.attributes["depth"], self._width(node.output)
        ends = []
        for name, size in ((node.inputs[0], positions), (node.output, rows)):
            ends.append(self._activation(name, 0, self._quantized.quantization[name], (1, frames, depth, size)))
        order = self._constant(np.array([0, 1, 3, 2], np.int32))
        source = self._read(node.inputs[0], (1, frames, positions, depth))
        self._operator("TRANSPOSE", [source, order], [ends[0]], schema.TransposeOptionsT())
        self._fully_connected(node, parameters, *ends)
        plane = self._activation(node.output, 0, self._quantized.quantization[node.output], (1, frames, rows, depth))
        self._operator("TRANSPOSE", [ends[1], order], [plane], schema.TransposeOptionsT())
        self._reshape(plane, self._index[node.output])


def _parameters(scales: Any, zero_points: Any, axis: int = 0) -> Any:
    parameters = schema.QuantizationParametersT()
    parameters.scale = np.asarray(scales, np.float32)
    parameters.zeroPoint = np.asarray(zero_points, np.int64)
    parameters.quantizedDimension = axis
    return parameters


def write_tflite(
    quantized: QuantizedGraph, frames: int, *, dense_as_convolution: bool = False
) -> tuple[bytes, tuple[str, ...]]:
    """The model over ``frames`` frames: its file, and the graph's tensors that its outputs are, in order.

    Args:
        quantized: A graph without gates.
        frames: Length of the sequence.
        dense_as_convolution: Write dense layers as CONV_2D 1x1 instead of FULLY_CONNECTED.
    """
    return TfliteWriter(quantized, frames, dense_as_convolution).write()
