"""Layers that compute nothing in a stream: they leave no node in the graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slimse_mcu.errors import ModelError
from slimse_mcu.graph import FrontEnd, Node
from slimse_mcu.ops.op import FloatArray, Import, Integers, KernelCall, Memories, Op, Parameters, QuantizeContext

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer


def _read_identity(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    return inputs[0]


def _read_reshape(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    elements = math.prod(builder.shape(inputs[0]))
    target = tuple(layer.config.get("target_shape") or ())
    shape = target[1:]
    sized = all(isinstance(size, int) and size > 0 for size in shape)
    if len(shape) not in (1, 2) or not sized or math.prod(shape) != elements:
        raise layer.error(
            f"reshapes frames of {elements} elements to {target}, which mixes time and channels",
            f"Use Reshape((-1, {elements})) or Reshape((-1, frequencies, channels)), equal in size.",
        )
    return builder.view(layer, inputs[0], shape)


def _read_zero_padding(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    padding = layer.config.get("padding", 1)
    left, right = (padding, padding) if isinstance(padding, int) else padding
    if right != 0:
        raise layer.error(f"pads {right} future frames: not causal", "Pad on the left only: ZeroPadding1D((n, 0)).")
    return builder.pad(layer, inputs[0], int(left))


def _read_front_end(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    if inputs[0] != builder.input:
        raise layer.error("is not the first layer of the model", "Put it directly behind the input.")
    names = FrontEnd.__dataclass_fields__
    try:
        front_end = FrontEnd(**{name: layer.config[name] for name in names if name in layer.config})
    except TypeError as error:  # pragma: no cover - a dataclass with defaults takes any subset
        raise ModelError(f"Layer '{layer.name}' has a bad configuration: {error}.") from None
    shape = builder.shape(inputs[0])
    wanted = (front_end.bins, 2) if front_end.features == "complex" else (front_end.bins,)
    if shape != wanted:
        raise layer.error(
            f"describes {front_end.bins} bins and {front_end.features} features for an input of "
            f"(time, {', '.join(map(str, shape))})",
            "Make fft and features match the input.",
        )
    builder.set_front_end(front_end)
    return inputs[0]


class Identity(Op):
    """Never a node: its importers return their input."""

    name = "identity"
    imports = (
        Import(
            ("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "ActivityRegularization", "Identity"),
            _read_identity,
            "nothing at inference",
        ),
        Import(("Reshape",), _read_reshape, "(-1, channels) or (-1, frequencies, channels), as many elements"),
        Import(("ZeroPadding1D",), _read_zero_padding, "left padding in front of a valid convolution"),
        Import(("slimse>SpectralFrontEnd",), _read_front_end, "the first layer; becomes the device's STFT"),
    )
    arithmetic = ""
    kernels = ()

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        raise NotImplementedError("identity layers leave no node")

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        raise NotImplementedError("identity layers leave no node")

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        raise NotImplementedError("identity layers leave no node")

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        raise NotImplementedError("identity layers leave no node")


OP = Identity()
