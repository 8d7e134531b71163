"""First stage: ``.keras`` file -> :class:`~slimse_mcu.graph.Graph`, without TensorFlow."""

from __future__ import annotations

import heapq
import itertools
import keyword
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu import frontend
from slimse_mcu.errors import ModelError
from slimse_mcu.graph import FrontEnd, Gate, Graph, Node, Part, Provenance, State, Tensor
from slimse_mcu.keras_archive import SAVE_AGAIN, KerasArchive, KerasLayer, read_archive
from slimse_mcu.ops import importers
from slimse_mcu.ops.unsupported import refusal
from slimse_mcu.simplify import simplify
from slimse_mcu.version import VERSION

__all__ = ["GraphBuilder", "KerasLayer", "load", "read_graph"]

_NAME_LENGTH = 60
MAX_CHANNELS = 16384
#: Elements of a tensor per frame; the generated code counts them in 16 bits.
MAX_ELEMENTS = 65535
MAX_FAN_IN = 32768
#: Calls of layers in a model; far more than a microcontroller runs per frame.
MAX_LAYERS = 2000
#: Past frames that a layer may need, and frames between two values of a strided layer.
MAX_REACH = 4096
MAX_PERIOD = 1024
#: The generated code counts the schedule's frames in 16 bits.
_MAX_SCHEDULE = 65535
#: Names that generated C cannot give to a buffer: C's own, and the ones that the templates use.
_C_WORDS = frozenset(
    """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while main NULL
    int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t size_t offsetof memcpy memset
    arena buffer_info force_gates forced frame gate_info gates info input layer_info lists m macs mark marked model
    output reset restore s set_mark snapshot state state_t t tick
    """.split()  # noqa: SIM905 - a list of forty strings reads worse
)


def load(path: Path, *, front_end: FrontEnd | None = None) -> Graph:
    """Read a trained model as a streaming graph.

    Args:
        path: A ``.keras`` file with a Functional or Sequential model ``[batch, time, channels]``.
        front_end: How audio becomes the model's features, for a model that does not carry it itself.

    Returns:
        The graph with batch normalization folded, activations fused and gates attached to the layers they rule.

    Raises:
        ModelError: The file or a layer in it cannot be compiled; the message names the layer.
    """
    return read_graph(read_archive(Path(path)), front_end=front_end)


def read_graph(archive: KerasArchive, *, front_end: FrontEnd | None = None) -> Graph:
    """The second half of :func:`load`: layers as the archive describes them -> streaming graph.

    Raises:
        ModelError: A layer cannot be compiled; the message names it.
    """
    if len(archive.inputs) != 1 or len(archive.outputs) != 1:
        raise ModelError(
            f"The model has {len(archive.inputs)} inputs and {len(archive.outputs)} outputs; one of each is supported.",
            hint="Save a model of the deployed path alone: keras.Model(features, mask).",
        )
    calls = sum(max(1, len(layer.calls)) for layer in archive.layers)
    if calls > MAX_LAYERS:
        raise ModelError(
            f"The model calls {calls} layers; at most {MAX_LAYERS} are supported.", hint="Use a smaller model."
        )
    builder = GraphBuilder(archive, front_end)
    _read_layers(archive, builder)
    return simplify(builder.graph())


def _read_layers(archive: KerasArchive, builder: GraphBuilder) -> None:
    """Add every layer call in an order in which inputs come first."""
    tensors: dict[tuple[str, int], str] = {}
    calls = [(layer, call) for layer in archive.layers for call in range(max(1, len(layer.calls)))]
    readers: dict[tuple[str, int], list[int]] = {}
    missing = []
    for position, (layer, call) in enumerate(calls):
        sources = set(layer.calls[call]) if layer.calls else set()
        missing.append(len(sources))
        for source in sources:
            readers.setdefault(source, []).append(position)
    # A heap: of those that can be read, the first in the file is, so that a file in order stays in it.
    ready = [position for position, count in enumerate(missing) if not count]
    while ready:
        layer, call = calls[heapq.heappop(ready)]
        inputs = layer.calls[call] if layer.calls else ()
        tensors[layer.name, call] = builder.read(layer, [tensors[source] for source in inputs])
        for position in readers.get((layer.name, call), ()):
            missing[position] -= 1
            if not missing[position]:
                heapq.heappush(ready, position)
    waiting = [layer for layer, call in calls if (layer.name, call) not in tensors]
    if waiting:
        raise _unreadable(waiting)
    if archive.outputs[0] not in tensors:
        raise ModelError(f"The model's output layer '{archive.outputs[0][0]}' is not in the file.", hint=SAVE_AGAIN)
    builder.output = tensors[archive.outputs[0]]


def _unreadable(waiting: Sequence[KerasLayer]) -> ModelError:
    """Why none of these layers can be read; a policy that reads what it rules is the one to name."""
    sources = {layer.name: {name for call in layer.calls for name, _ in call} for layer in waiting}
    for layer in waiting:
        before, reached = set(sources[layer.name]), set[str]()
        while before:
            name = before.pop()
            reached.add(name)
            before |= sources.get(name, set()) - reached
        _, importer = importers().get(layer.kind, (None, None))
        if layer.name in reached and importer is not None and importer.decides:
            return layer.error("reads layers that it rules", "Decide a gate from what comes before them.")
    return ModelError(f"Layer '{waiting[0].name}' reads a layer that is not in the model, or a cycle.", hint=SAVE_AGAIN)


@dataclass(frozen=True, slots=True)
class Padded:
    """A tensor with zeros around it that do not lie in memory: a convolution leaves them out.

    Attributes:
        layer: What pads it.
        source: The tensor inside.
        frames: Zero frames before the first.
        positions: Zero positions below and above, along frequency.
    """

    layer: KerasLayer
    source: str
    frames: int
    positions: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Overhanging:
    """The output of a layer that yields frames behind the last one, until Cropping2D takes them off.

    Attributes:
        layer: What yields it.
        shape: Per frame.
        frames: How many frames too many.
        crop: Adds the layer to the graph without them, and without positions below and above.
    """

    layer: KerasLayer
    shape: tuple[int, ...]
    frames: int
    crop: Callable[[tuple[int, int]], str]


class GraphBuilder:
    """The graph under construction; what the importers of ``slimse_mcu.ops`` add layers to."""

    def __init__(self, archive: KerasArchive, front_end: FrontEnd | None) -> None:
        self._archive = archive
        self._given_front_end = front_end
        self._front_end: FrontEnd | None = None
        self._nodes: list[Node] = []
        self._tensors: dict[str, Tensor] = {}
        self._padding: dict[str, Padded] = {}
        self._overhanging: dict[str, Overhanging] = {}
        self._views: dict[str, tuple[str, tuple[int, ...]]] = {}
        self._names: set[str] = set()
        self._counters: dict[tuple[str, tuple[str, ...]], int] = {}
        self.gates: dict[str, Gate] = {}
        self.input = ""
        self.output = ""

    def read(self, layer: KerasLayer, inputs: Sequence[str]) -> str:
        """Add one call of a Keras layer and return the name of its output tensor."""
        if layer.kind == "InputLayer":
            return self._read_input(layer)
        for array in layer.weights:
            if array.size == 0:
                raise layer.error(f"holds an empty weight, of shape {array.shape}")
            if not np.all(np.isfinite(array)):
                raise layer.error("holds a weight that is NaN or infinite", "Train it again, with a lower rate.")
        if not inputs:
            raise layer.error("has no input")
        try:
            return self._import(layer.unwrapped(), inputs)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise layer.error(
                f"has a configuration that Keras would not write ({type(error).__name__}: {error})", "Save it again."
            ) from None

    def _import(self, layer: KerasLayer, inputs: Sequence[str]) -> str:
        found = importers().get(layer.kind)
        if found is None:
            raise refusal(layer, importers())
        _, importer = found
        if layer.config.get("data_format") == "channels_first":
            raise layer.error("uses data_format='channels_first'", "Use channels_last: (batch, time, channels).")
        if not importer.reads_gates and any(name in self.gates for name in inputs):
            raise layer.error("reads a gate as if it were a tensor", "Only gated layers read a gate.")
        return importer.read(layer, inputs, self)

    def _read_input(self, layer: KerasLayer) -> str:
        shape = layer.config.get("batch_shape") or layer.config.get("batch_input_shape") or []
        if not isinstance(shape, (list, tuple)):
            shape = ()
        sizes = tuple(shape[2:])
        if len(sizes) not in (1, 2) or not all(isinstance(size, int) and 0 < size <= MAX_CHANNELS for size in sizes):
            raise layer.error(
                f"has shape {tuple(shape)}",
                "Expected (batch, time, channels): keras.Input(shape=(None, channels)), or a frequency axis before the "
                "channels.",
            )
        if math.prod(sizes) > MAX_ELEMENTS:
            raise layer.error(f"has {math.prod(sizes)} elements per frame; at most {MAX_ELEMENTS} are supported")
        if self.input:
            raise layer.error("is a second input", "One input is supported.")
        self.input = self._unique("features")
        self._tensors[self.input] = Tensor(self.input, sizes)
        return self.input

    def _unique(self, name: str) -> str:
        """A C identifier that no other layer, tensor, gate or state has."""
        base = re.sub(r"\W", "_", name[:_NAME_LENGTH], flags=re.ASCII).strip("_") or "layer"
        is_macro = len(base) > 1 and base == base.upper()
        is_taken = base in _C_WORDS or base.startswith(("app_", "audio", "model_", "slimse_"))
        if base[0].isdigit() or is_macro or is_taken or keyword.iskeyword(base):
            base = f"layer_{base}"
        return self._claim(base)

    def _claim(self, base: str, *suffixes: str) -> str:
        """The name, or one with a number behind it, that is free with and without the suffixes; all are taken now."""
        for counter in itertools.count(self._counters.get((base, suffixes), 1)):
            candidate = base if counter == 1 else f"{base}_{counter}"
            taken = {candidate + suffix for suffix in ("", *suffixes)}
            if self._names.isdisjoint(taken):
                break
        self._names |= taken
        self._counters[base, suffixes] = counter + 1
        return candidate

    def shape(self, tensor: str) -> tuple[int, ...]:
        """Shape of a tensor per frame, ``(channels,)`` or ``(positions, channels)``."""
        if tensor in self._overhanging:
            return self._overhanging[tensor].shape
        padded = self._padding.get(tensor)
        if padded is not None:
            *positions, channels = self.shape(padded.source)
            return (*(count + sum(padded.positions) for count in positions), channels)
        if tensor in self._views:
            return self._views[tensor][1]
        return self._tensors[tensor].shape

    def channels(self, tensor: str) -> int:
        """Channels of a tensor."""
        return self.shape(tensor)[-1]

    def positions(self, tensor: str) -> int:
        """Positions of a tensor along frequency; 1 for a vector."""
        return math.prod(self.shape(tensor)[:-1])

    def view(self, layer: KerasLayer, source: str, shape: tuple[int, ...]) -> str:
        """Name a tensor's elements, in the same order, as a tensor of another shape."""
        self._settle(layer, [source])
        if shape == self.shape(source):
            return source
        name = f"{source} as {shape}"
        self._views[name] = (self._views.get(source, (source, ()))[0], shape)
        return name

    def vector(self, layer: KerasLayer, source: str) -> None:
        """Check that a tensor has no frequency axis.

        Raises:
            ModelError: It has one.
        """
        if len(self.shape(source)) != 1:
            raise layer.error(
                f"reads a tensor of shape (time, {', '.join(map(str, self.shape(source)))})",
                "It works along time: Reshape((-1, channels)) first, or use a layer for (time, frequency, channels).",
            )

    def source(self, tensor: str) -> Tensor:
        """The tensor that lies in memory behind a name."""
        return self._tensors[self._views.get(tensor, (tensor, ()))[0]]

    def add(
        self,
        layer: KerasLayer,
        op: str,
        inputs: Sequence[str],
        *,
        channels: int,
        shape: tuple[int, ...] | None = None,
        weights: Mapping[str, NDArray[Any]] | None = None,
        attributes: Mapping[str, Any] | None = None,
        stride: int = 1,
        reach: int = 0,
        rings: Mapping[int, int] | None = None,
        hidden: int = 0,
        row_gate: str | None = None,
        parts: tuple[Part, ...] = (),
        bypass: str | None = None,
        suffix: str = "",
    ) -> str:
        """Add a node and return its output tensor's name.

        Args:
            layer: Where it comes from; gives the name.
            op: Operator name.
            inputs: Tensors it reads.
            channels: Channels of its output.
            shape: Shape of its output; None: that of the first input, with ``channels`` as the last axis.
            weights: Float arrays.
            attributes: Plain values.
            stride: It yields a value every ``stride`` values of its input.
            reach: How many past values of its first input it needs.
            rings: How many past values of further inputs it needs, by their index.
            hidden: Elements of the hidden state that it keeps.
            row_gate: Gate that closes channels of its output.
            parts: Components that open blocks of its output's channels.
            bypass: Tensor that shows in place of closed parts, where they say so.
            suffix: Appended to the layer's name.
        """
        shape = shape or (*self.shape(inputs[0])[:-1], channels)
        if channels > MAX_CHANNELS or math.prod(shape) > MAX_ELEMENTS:
            raise layer.error(
                f"has an output of shape (time, {', '.join(map(str, shape))}); at most {MAX_CHANNELS} channels and "
                f"{MAX_ELEMENTS} elements are supported",
                "Use fewer.",
            )
        read = [*inputs] if bypass is None else [*inputs, bypass]
        self._settle(layer, read)
        periods = {self.source(name).period for name in read}
        if len(periods) != 1:
            raise layer.error("combines tensors of different frame rates", "Stride all its inputs alike.")
        source_period = periods.pop()
        self._check_weights(layer, weights or {}, inputs, depthwise=op.startswith("depthwise_"))
        name = self._unique(layer.name + suffix)
        period = source_period * stride
        if period > MAX_PERIOD or reach > MAX_REACH:
            raise layer.error(
                f"strides over {period} frames and reaches back {reach}; {MAX_PERIOD} and {MAX_REACH} are the most"
            )
        sources = tuple(self.source(tensor).name for tensor in inputs)
        states = []
        for index, slots in {0: reach, **(rings or {})}.items():
            if slots:
                ring = self._claim(f"{name}_past" + (f"{index}" if index else ""), "_next")
                states.append(State(ring, sources[index], slots, self.source(inputs[index]).size))
        if hidden:
            states.append(State(self._claim(f"{name}_hidden"), name, 1, hidden, "hidden"))
        if any(part.on_skip == "hold" for part in parts):
            states.append(State(self._claim(f"{name}_held"), name, 1, math.prod(shape), "held"))
        self._tensors[name] = Tensor(name, shape, period, row_gate)
        self._nodes.append(
            Node(
                name,
                op,
                sources,
                name,
                {"channels": channels, "positions": math.prod(shape[:-1]), **(attributes or {})},
                {key: np.ascontiguousarray(value, dtype=np.float32) for key, value in (weights or {}).items()},
                row_gate=row_gate,
                parts=parts,
                bypass=None if bypass is None else self.source(bypass).name,
                states=tuple(states),
                period=period,
            )
        )
        return name

    def _settle(self, layer: KerasLayer, inputs: Sequence[str]) -> None:
        """Have tensors lie in memory, zeros along frequency included, before a layer reads them.

        Raises:
            ModelError: One is padded along time, or has frames too many.
        """
        from slimse_mcu.ops.resize import add_resize

        for name in inputs:
            over = self._overhanging.get(name)
            if over is not None:
                raise layer.error(
                    f"reads {over.frames} frames that '{over.layer.name}' yields behind the last",
                    f"Put Cropping2D(((0, {over.frames}), (0, 0))) directly behind '{over.layer.name}'.",
                )
            padded = self._padding.get(name)
            if padded is None:
                continue
            if padded.frames:
                raise layer.error(
                    "reads a zero-padded tensor", f"Only a convolution may follow the {padded.layer.kind}."
                )
            shape = self.shape(name)
            del self._padding[name]
            made = add_resize(padded.layer, padded.source, self, shape[0], before=padded.positions[0])
            self._views[name] = (made, shape)

    def _check_weights(
        self, layer: KerasLayer, weights: Mapping[str, NDArray[Any]], inputs: Sequence[str], *, depthwise: bool = False
    ) -> None:
        if not all(np.all(np.isfinite(array)) for array in weights.values()):
            raise layer.error("has settings with which its weights are not finite", "Save it again.")
        kernel = weights.get("kernel")
        if kernel is None:
            return
        expected = self.channels(inputs[0])
        if kernel[0].size > MAX_FAN_IN:
            raise layer.error(
                f"sums {kernel[0].size} products; at most {MAX_FAN_IN} fit the int32 accumulator",
                "Use fewer channels or taps.",
            )
        if kernel.shape[0] % expected if depthwise else kernel.shape[-1] != expected:
            raise layer.error(f"has weights of shape {kernel.shape}, its input has {expected} channels")
        if weights["bias"].shape != (kernel.shape[0],):
            raise layer.error(f"has {weights['bias'].shape[0]} biases for {kernel.shape[0]} outputs")

    def add_gate(
        self,
        layer: KerasLayer,
        op: str,
        inputs: Sequence[str],
        *,
        channels: int,
        weights: Mapping[str, NDArray[Any]],
        components: tuple[str, ...] = (),
        attributes: Mapping[str, Any] | None = None,
    ) -> str:
        """Add a node that decides a gate and return the gate's name; with ``components`` a gate of a policy."""
        self._settle(layer, inputs)
        self.vector(layer, inputs[0])
        if self.source(inputs[0]).period != 1:
            raise layer.error("decides a gate behind a strided layer", "Decide gates at the frame rate.")
        if channels > MAX_CHANNELS:
            raise layer.error(f"decides for {channels} channels; at most {MAX_CHANNELS} are possible")
        self._check_weights(layer, weights, inputs)
        name = self._unique(layer.name)
        group = (attributes or {}).get("group", 1)
        self.gates[name] = Gate(name, "component" if components else "channel", name, channels, components, group)
        arrays = {key: np.ascontiguousarray(value, dtype=np.float32) for key, value in weights.items()}
        whole = {"channels": channels, "positions": 1, **(attributes or {})}
        self._nodes.append(Node(name, op, (self.source(inputs[0]).name,), name, whole, arrays))
        return name

    def activate(self, layer: KerasLayer, source: str, activation: Any, suffix: str = "_activation") -> str:
        """Add the activation that a layer names in its configuration."""
        from slimse_mcu.ops.lookup import FUNCTIONS, LEAKY_RELU, add_activation
        from slimse_mcu.ops.softmax import add_softmax

        if isinstance(activation, dict):
            activation = activation.get("registered_name") or activation.get("config") or activation.get("class_name")
        if activation in (None, "linear"):
            return source
        if not isinstance(activation, str):
            raise layer.error(f"names no activation but {activation}")
        if activation == LEAKY_RELU:
            return add_activation(layer, source, self, LEAKY_RELU, 0.2, suffix)
        if activation == "softmax":
            return add_softmax(layer, source, self, suffix)
        if activation not in FUNCTIONS:
            supported = ", ".join(["linear", LEAKY_RELU, "softmax", *FUNCTIONS])
            raise layer.error(f"uses activation '{activation}', which is not supported", f"Supported are {supported}.")
        return add_activation(layer, source, self, str(activation), suffix=suffix)

    def pad(self, layer: KerasLayer, source: str, frames: int, positions: tuple[int, int] = (0, 0)) -> str:
        """Name a tensor with zeros around it: ``frames`` before it, and positions below and above."""
        padding = self.take_padding(layer, source)
        source, frames = padding.source, frames + padding.frames
        positions = (positions[0] + padding.positions[0], positions[1] + padding.positions[1])
        name = f"{source} behind {frames} frames, between {positions[0]} and {positions[1]} positions"
        while name in self._padding or name in self._views:
            name += "'"
        self._padding[name] = Padded(layer, source, frames, positions)
        return name

    def take_padding(self, layer: KerasLayer, tensor: str) -> Padded:
        """The tensor inside a padded one and its zeros; of a plain tensor itself and none."""
        return self._padding.get(tensor) or Padded(layer, tensor, 0, (0, 0))

    def overhang(
        self, layer: KerasLayer, shape: tuple[int, ...], frames: int, crop: Callable[[tuple[int, int]], str]
    ) -> str:
        """Name the output of a layer that is added when Cropping2D takes its last frames off: :class:`Overhanging`."""
        name = f"{layer.name} with {frames} frames too many"
        while name in self._overhanging:
            name += "'"
        self._overhanging[name] = Overhanging(layer, shape, frames, crop)
        return name

    def take_overhang(self, tensor: str) -> Overhanging | None:
        """What has to be cropped from a tensor; None for a plain one."""
        return self._overhanging.get(tensor)

    def set_front_end(self, front_end: FrontEnd) -> None:
        """Record the audio front end that the model carries."""
        self._front_end = front_end

    def _chosen_front_end(self) -> FrontEnd | None:
        """The front end that the model carries, or the one that was given for a model without."""
        carried, given = self._front_end, self._given_front_end
        if given is not None:
            frontend.check(given)
        if carried is not None and given is not None and carried != given:
            raise ModelError(
                "The model carries a front end of its own, and the one given is another.",
                hint="Leave out --frontend: the model knows what it was trained with.",
            )
        return carried or given

    def graph(self) -> Graph:
        """The finished graph, not yet simplified."""
        front_end = self._chosen_front_end()
        padded = self._padding.get(self.output)
        if padded is not None and padded.frames == 0:
            self._settle(padded.layer, [self.output])
        if self.output in self.gates or self.output in self._padding or self.output in self._overhanging:
            raise ModelError(
                "The model's output is a gate, or a tensor with frames too many.", hint="End it with a layer."
            )
        output = self.source(self.output)
        if not self._nodes:
            raise ModelError(
                "The model has no layer that computes anything.",
                hint="Save a model with at least one layer behind its input.",
            )
        if front_end is not None:
            frontend.check(front_end)
            frontend.check_model(front_end, self.shape(self.input), self.shape(self.output))
            if output.period != 1:
                raise ModelError(
                    f"The model yields a mask every {output.period} frames only.",
                    hint="Stride inside, not at the end; or compile with features in and outputs out.",
                )
        schedule = math.lcm(*(node.period for node in self._nodes))
        if schedule > _MAX_SCHEDULE:
            raise ModelError(
                f"The model's strides repeat after {schedule} frames only; at most {_MAX_SCHEDULE} are supported.",
                hint="Use strides that divide one another.",
            )
        return Graph(
            self.input,
            output.name,
            tuple(self._nodes),
            dict(self._tensors),
            dict(self.gates),
            front_end,
            Provenance(VERSION, _model_name(self._archive.name), self._archive.sha256),
        )


def _model_name(name: str) -> str:
    return re.sub(r"\W", "_", name, flags=re.ASCII).strip("_")[:48] or "model"
