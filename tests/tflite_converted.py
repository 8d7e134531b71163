"""Models that TensorFlow Lite's converter has quantized, taken over with its parameters.

What is mapped: the scale and zero point of every activation, and weights, bias and slopes as the converter rounded
them.  Single weights differ by one from ours, because it folds batch normalization in float32 in its own order; its
dense layers have one scale for all weights.

What is not: a batch normalization that no layer takes in, which the converter makes MUL and ADD, and a tensor of
fixed scale that a concatenation and another layer read, which the converter rescales for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import NDArray
from tflite_model import schema

from slimse_mcu.graph import Graph, Node, Quantization, QuantizedGraph
from slimse_mcu.ops.arithmetic import quantize_multipliers
from slimse_mcu.ops.prelu import quantize_prelu
from slimse_mcu.quantize import quantize_with

_OPERATORS = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
_SAME = {"RESHAPE", "EXPAND_DIMS", "SQUEEZE", "PAD", "PADV2"}
_OPS: Mapping[str, tuple[str, ...]] = {
    "CONV_2D": ("conv1d", "dense"),
    "FULLY_CONNECTED": ("dense",),
    "DEPTHWISE_CONV_2D": ("depthwise_conv1d",),
    "ADD": ("add",),
    "MUL": ("multiply",),
    "CONCATENATION": ("concatenate",),
    "PRELU": ("prelu",),
    "LOGISTIC": ("sigmoid",),
    "TANH": ("tanh",),
    "RELU": ("relu",),
    "RELU6": ("relu6",),
    "LEAKY_RELU": ("leaky_relu",),
}


class UnmappableError(Exception):
    """The converter gave the model another structure than ours."""


@dataclass(frozen=True)
class Converted:
    """A converted model.

    Attributes:
        quantized: Our graph with the converter's parameters.
        model: The converter's file with every mapped tensor as an output.
        names: Our names of those outputs.
        weights: Number of integer weights of convolutions.
        differing: How many of them we would have rounded otherwise.
    """

    quantized: QuantizedGraph
    model: bytes
    names: tuple[str, ...]
    weights: int
    differing: int


def convert(model: Any, features: Sequence[NDArray[np.float32]]) -> bytes:
    """Full int8 quantization of a Keras model ``[1, frames, channels]`` by TensorFlow Lite's converter."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sequence[None]] for sequence in features)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    # tflite-runtime computes per-channel FULLY_CONNECTED wrongly for inputs of 3 dimensions.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return bytes(converter.convert())


class _Adoption:
    """Walks a converted model along the data flow and finds each operator's node."""

    def __init__(self, graph: Graph, model: bytes) -> None:
        self.graph = graph
        self.model = schema.ModelT.InitFromPackedBuf(model, 0)
        self.subgraph = self.model.subgraphs[0]
        self.names: dict[int, str] = {self.subgraph.inputs[0]: graph.input}
        self.rescaled: set[int] = set()
        self.outputs: dict[str, int] = {}
        self.nodes: dict[str, Any] = {}
        for operator in self.subgraph.operators:
            self._take(operator)
        missing = [node.name for node in graph.nodes if node.name not in self.nodes]
        if missing:
            raise UnmappableError(f"no operator for {missing}")

    def _take(self, operator: Any) -> None:
        kind = self._kind(operator)
        inputs = [self.names[index] for index in operator.inputs if index in self.names]
        target = operator.outputs[0]
        if kind in _SAME or kind == "QUANTIZE":
            self.names[target] = inputs[0]
            if kind == "QUANTIZE" or operator.inputs[0] in self.rescaled:
                self.rescaled.add(target)
            return
        if kind not in _OPS:
            raise UnmappableError(f"operator {kind}")
        if kind != "CONCATENATION" and self.rescaled.intersection(operator.inputs):
            raise UnmappableError(f"{kind} reads a rescaled tensor")
        node = self._node(kind, inputs, operator)
        self.nodes[node.name] = operator
        self.names[target] = node.output
        self.outputs[node.output] = target

    def _node(self, kind: str, inputs: list[str], operator: Any) -> Node:
        candidates = [
            node
            for node in self.graph.nodes
            if node.name not in self.nodes
            and node.attributes.get("function", node.op) in _OPS[kind]
            and sorted(node.inputs) == sorted(inputs)
        ]
        if not candidates:
            raise UnmappableError(f"no node for {kind} of {inputs}")
        if "kernel" not in candidates[0].weights:
            return candidates[0]
        fitting = [node for node in candidates if node.weights["kernel"].size == self.weights(operator)[0].size]
        if not fitting:
            raise UnmappableError(f"no node with the weights of {kind} of {inputs}")
        return min(fitting, key=lambda node: float(np.abs(self._real_weights(node, operator)).max()))

    def _real_weights(self, node: Node, operator: Any) -> NDArray[np.float64]:
        """Difference of the converter's weights and the node's."""
        weights, scale = self.shaped_weights(node, operator)
        difference: NDArray[np.float64] = (
            weights * scale.reshape(-1, *[1] * (weights.ndim - 1)) - node.weights["kernel"]
        )
        return difference

    def quantization(self, tensor: int) -> Quantization:
        found = self.subgraph.tensors[tensor].quantization
        return Quantization(float(found.scale[0]), int(found.zeroPoint[0]))

    def constant(self, tensor: int, kind: type) -> NDArray[Any]:
        entry = self.subgraph.tensors[tensor]
        data = self.model.buffers[entry.buffer].data
        return np.frombuffer(bytes(data), kind).reshape(entry.shape)

    def weights(self, operator: Any) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        index = operator.inputs[1]
        return self.constant(index, np.int8), self.subgraph.tensors[index].quantization.scale

    def shaped_weights(self, node: Node, operator: Any) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
        """Integer weights in our shape, and a scale per output channel."""
        weights, scale = self.weights(operator)
        shape = node.weights["kernel"].shape
        if node.op == "depthwise_conv1d":
            weights = weights.reshape(-1, shape[0]).T
        return weights.reshape(shape), np.broadcast_to(scale.astype(np.float64), shape[0])

    def is_fully_connected(self, operator: Any) -> bool:
        return self._kind(operator) == "FULLY_CONNECTED"

    def _kind(self, operator: Any) -> str:
        return _OPERATORS[self.model.operatorCodes[operator.opcodeIndex].builtinCode]

    def bias(self, node: Node, operator: Any) -> NDArray[np.int32]:
        if len(operator.inputs) < 3 or operator.inputs[2] < 0:
            return np.zeros(len(node.weights["kernel"]), np.int32)
        return self.constant(operator.inputs[2], np.int32)

    def with_all_outputs(self) -> bytes:
        self.subgraph.outputs = list(self.outputs.values())
        self.model.signatureDefs = []
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def adopt(graph: Graph, model: bytes) -> Converted:
    """Our graph with the parameters of a converted model.

    Raises:
        UnmappableError: The model has another structure.
    """
    adoption = _Adoption(graph, model)
    chosen = {name: adoption.quantization(index) for name, index in adoption.outputs.items()}
    chosen[graph.input] = adoption.quantization(adoption.subgraph.inputs[0])
    quantized = quantize_with(graph, dict(chosen))
    for name, wanted in chosen.items():
        got = quantized.quantization[name]
        assert (got.scale, got.zero_point) == (wanted.scale, wanted.zero_point), name
    parameters = {name: dict(values) for name, values in quantized.parameters.items()}
    weights = differing = 0
    for node in graph.nodes:
        operator, own = adoption.nodes[node.name], parameters[node.name]
        source, output = chosen[node.inputs[0]], chosen[node.output]
        if "kernel" in node.weights:
            integer, scale = adoption.shaped_weights(node, operator)
            if not adoption.is_fully_connected(operator):
                weights += integer.size
                differing += int(np.sum(integer != own["weights"]))
            own["weights"], own["weight_scale"], own["bias"] = integer, scale, adoption.bias(node, operator)
            product = source.scale * scale
            if adoption.is_fully_connected(operator):
                # With one scale for all weights, the reference rounds the product of scales to float32.
                product = product.astype(np.float32).astype(np.float64)
            own["multiplier"], own["shift"] = quantize_multipliers(product / output.scale)
        elif node.op == "prelu":
            slopes = adoption.quantization(operator.inputs[1])
            integer = adoption.constant(operator.inputs[1], np.int8).reshape(-1)
            ends = (source.scale, source.zero_point), (output.scale, output.zero_point)
            own.update(quantize_prelu(integer, slopes.scale, slopes.zero_point, *ends))
    quantized = replace(quantized, parameters=parameters)
    return Converted(quantized, adoption.with_all_outputs(), tuple(adoption.outputs), weights, differing)
