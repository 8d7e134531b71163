"""What every operator provides: Keras import, MACs, float step, int8 specification and C call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Block, Component, Node, Quantization, Tensor

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

FloatArray = NDArray[np.float32]
Int8Array = NDArray[np.int8]
Integers = NDArray[Any]
"""A tensor of the specification: int8, or int16 where it is wide."""
Parameters = Mapping[str, Any]


class OpenGates(Protocol):
    """Who says what is open: of one frame (numbers) or of many (arrays)."""

    def channels(self, gate: str) -> Any:
        """Open channels of a channel gate."""

    def is_open(self, component: Component) -> Any:
        """1 where a component is open, 0 elsewhere."""


@dataclass(frozen=True, slots=True)
class Macs:
    """Multiply-accumulates of one layer, by gate choice: ``rows * columns * taps``.

    Attributes:
        rows: Output channels when all are open.
        columns: Input channels per output when all are open.
        taps: How often each output channel uses an input channel in a frame: taps along time and frequency, times
            the positions along frequency; taps that fall into padding do not count.
        row_gate: Gate that rules the rows, or None.
        column_gate: Gate that rules the columns, or None.
        row_blocks: The rows by component; empty: none is ruled by one.
        column_blocks: The columns by component; empty: none is ruled by one.
    """

    rows: int
    columns: int
    taps: int
    row_gate: str | None = None
    column_gate: str | None = None
    row_blocks: tuple[Block, ...] = ()
    column_blocks: tuple[Block, ...] = ()

    def count(self, gates: OpenGates) -> Any:
        """MACs of a frame, or of many frames, with what ``gates`` has open."""
        rows = _open_extent(self.rows, self.row_gate, self.row_blocks, gates)
        return rows * _open_extent(self.columns, self.column_gate, self.column_blocks, gates) * self.taps

    @property
    def all_open(self) -> int:
        """MACs when every channel is open."""
        return self.rows * self.columns * self.taps


def _open_extent(size: int, gate: str | None, blocks: tuple[Block, ...], gates: OpenGates) -> Any:
    if blocks:
        ruled = [block for block in blocks if block.component is not None]
        static = size - sum(block.channels for block in ruled)
        return static + sum(block.channels * gates.is_open(block.component) for block in ruled if block.component)
    return size if gate is None else gates.channels(gate)


def size(node: Node) -> int:
    """Elements of a node's output."""
    return int(node.attributes["positions"] * node.attributes["channels"])


def row_blocks(node: Node) -> tuple[Block, ...]:
    """The output channels by component, for :class:`Macs`."""
    return tuple(Block(part.channels, part.component) for part in node.parts)


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant array of the generated weights file.

    Attributes:
        ctype: C element type.
        values: The values; the shape is printed.
        note: What it holds, for the comment above it.
    """

    ctype: str
    values: NDArray[Any]
    note: str


@dataclass(frozen=True, slots=True)
class KernelCall:
    """One call of the generated frame function.

    Attributes:
        function: C function, named like its file in ``firmware/kernels``.
        fields: Members of the layer's constant structure, in order; ``"part.member"`` for one of a nested structure.
        arguments: What follows the layer, in order, each a name or ``(name, first element)``: ``"rows"``, ``"columns"``
            (channel gates), ``"spans"`` (open ranges of the first input's channels), ``"input0"``, ...,
            ``"ring0"``, ... (past values of that input), ``"hidden"``, ``"scratch"``, ``"output"``, ``"gate"`` (the
            gate decided here), ``"limit"`` (how many of its channels may be open).
        counts_macs: The function returns the MACs it executed.
        suffix: Appended to the node's name when a node needs several calls.
        part: The call computes this part of the node's output and is left out while the part is closed.
        scratch: Length of the int16 working memory that the kernel needs during its call, beyond the operator's.
        note: What the call adds to what the node does, for the comment above its constants.
    """

    function: str
    fields: Mapping[str, int | Constant]
    arguments: tuple[str | tuple[str, int], ...]
    counts_macs: bool = False
    suffix: str = ""
    part: int | None = None
    scratch: int = 0
    note: str = ""

    @property
    def struct(self) -> str:
        """C type of the layer's constants."""
        return f"{self.function}_t"


class Ring:
    """The past values of a tensor; a write index moves, values never do.

    Attributes:
        frames: ``[slots, channels]`` as it lies in the device's memory.
        next: Slot that the next value goes to, which is the oldest value's.
    """

    __slots__ = ("frames", "next")

    def __init__(self, slots: int, channels: int, fill: float, dtype: Any) -> None:
        self.frames = np.full((slots, channels), fill, dtype=dtype)
        self.next = 0

    def past(self, lag: int) -> NDArray[Any]:
        """The value ``lag`` pushes ago, 1 to slots."""
        frame: NDArray[Any] = self.frames[(self.next - lag) % len(self.frames)]
        return frame

    def push(self, value: NDArray[Any]) -> None:
        """Remember a value in place of the oldest."""
        self.frames[self.next] = value
        self.next = (self.next + 1) % len(self.frames)


@dataclass(frozen=True, slots=True)
class QuantizeContext:
    """What an operator needs to know when its integers are chosen.

    Attributes:
        inputs: Quantization of each input tensor.
        output: Quantization of the output tensor; None for a node that decides a gate.
    """

    inputs: Sequence[Quantization]
    output: Quantization | None

    @property
    def bits(self) -> int:
        """Width of the node's form: that of its first input, which all tensors share that it reads and writes."""
        return self.inputs[0].bits

    def require_output(self) -> Quantization:
        """The output's quantization of a node that has one."""
        assert self.output is not None, "a gate-deciding node has no output tensor"
        return self.output


@dataclass(frozen=True, slots=True)
class Import:
    """How an operator reads Keras layers.

    Attributes:
        classes: Registered names of the Keras layers (``"Dense"``, ``"slimse>ChannelGate"``).
        read: Adds the layer to the graph under construction and returns its output tensor's name.
        supported: One phrase for ``docs/layers.md`` and error messages: the arguments that are supported.
        reads_gates: The layer takes a gate as one of its inputs.
        decides: The layer's output is a gate.
    """

    classes: tuple[str, ...]
    read: Callable[[KerasLayer, Sequence[str], GraphBuilder], str]
    supported: str = ""
    reads_gates: bool = False
    decides: bool = False


class Hidden:
    """The state of a recurrent layer, which the layer itself reads and writes.

    Attributes:
        value: All elements as they lie in the device's memory (int16), or float32; the equal share of each part of
            the layer is contiguous.
    """

    __slots__ = ("value",)

    def __init__(self, units: int, dtype: Any) -> None:
        self.value = np.zeros(units, dtype)


Memory = Ring | Hidden
"""One state of a node."""
Memories = tuple[Memory, ...]
"""The rings and hidden states of a node, in the order of its states."""


class Op(ABC):
    """One kind of layer.  A module of ``slimse_mcu.ops`` with an ``OP`` is found by the registry."""

    name: ClassVar[str]
    imports: ClassVar[tuple[Import, ...]] = ()
    #: Arithmetic of weights, activations and states, one phrase for ``docs/layers.md``.
    arithmetic: ClassVar[str] = "int8"
    #: The C functions that ``calls`` may name; None: the ones that are named after the operator, one per width.
    kernels: ClassVar[tuple[str, ...] | None] = None
    #: Widths of the activations that there is arithmetic for: int8, or int8 and int16.
    widths: ClassVar[tuple[int, ...]] = (8,)
    #: Each tensor may have a width of its own; else all that a node reads and writes have the same.
    mixes_widths: ClassVar[bool] = False
    #: A channel closed in the output need not be computed.
    skips_rows: ClassVar[bool] = False
    #: A channel closed in the input need not be read.
    skips_columns: ClassVar[bool] = False
    #: A closed part of the output need not be computed; ``calls`` gives each part calls of its own.
    skips_parts: ClassVar[bool] = False
    #: The weights are ``kernel [rows, ...]`` and ``bias [rows]``, one row per output channel, before any clamp.
    is_linear: ClassVar[bool] = False
    #: Output channel i depends on channel i of the inputs of this frame alone.
    elementwise: ClassVar[bool] = False
    #: Activations that the operator can clamp to itself.
    fuses: ClassVar[frozenset[str]] = frozenset()

    def macs(self, node: Node) -> Macs | None:
        """MACs by gate choice; None for operators that execute none."""
        return None

    def keeps_zero(self, node: Node) -> bool:
        """Whether an elementwise operator maps closed (exactly zero) inputs to exactly zero."""
        return False

    def affine(self, node: Node) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Factor and offset per channel of a node that computes nothing else; None for all other nodes."""
        return None

    def block_channels(self, node: Node) -> int:
        """Channels of the first input, where the kernel can leave out those of closed blocks; 0 where it cannot."""
        return 0

    def output_blocks(self, node: Node, inputs: Sequence[Tensor]) -> tuple[Block, ...]:
        """Channels of an ungated node's output that are exactly zero because those of its inputs are."""
        blocks = {tensor.blocks for tensor in inputs}
        keeps = self.elementwise and self.keeps_zero(node) and inputs[0].channels == node.attributes["channels"]
        return inputs[0].blocks if keeps and len(blocks) == 1 else ()

    @abstractmethod
    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        """One frame in float32, gates not applied; a gate-deciding node returns 0/1 per channel."""

    def margin(self, node: Node, inputs: Sequence[FloatArray]) -> FloatArray:
        """Signed distance of every decision from its threshold, open above 0; of nodes that decide a gate alone.

        Args:
            node: The node.
            inputs: Real values ``[..., columns]`` of its inputs, of one frame or of many.

        Returns:
            Logits ``[..., channels]``.
        """
        raise NotImplementedError(f"{self.name} decides no gate")

    def hidden_scale(self, node: Node) -> float | NDArray[np.float64]:
        """Real value of one step of the node's hidden state, of all its elements or of each."""
        return 1.0 / 32768.0

    def scratch_elements(self, node: Node) -> int:
        """Length of the int16 working memory that the kernel needs during its call."""
        return 0

    def useful_range(self, node: Node, bits: int) -> tuple[float, float] | None:
        """Input values beyond which an output of ``bits`` does not change any more; None when all values count."""
        return None

    def fixed_quantization(self, node: Node, inputs: Sequence[Quantization]) -> Quantization | None:
        """Output quantization that the operator prescribes, of the inputs' width; None when calibration chooses it.

        Args:
            node: The node.
            inputs: Quantization of all tensors that it reads, the one that shows in place of closed parts last.
        """
        return None

    @abstractmethod
    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        """Integer parameters of the specification, named as the fields of the C structure."""

    @abstractmethod
    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        """One frame of the integer specification, gates not applied; the truth for every kernel."""

    @abstractmethod
    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        """The C calls that carry the node out."""

    def describe(self, node: Node) -> str:
        """Operator and shape for people: ``dense 128 -> 256``."""
        return self.name


def is_wide(parameters: Parameters) -> bool:
    """Whether a node works on int16, as ``quantize`` noted under ``bits``; int8 where it noted nothing."""
    return bool(parameters.get("bits") == 16)


def width(parameters: Parameters) -> str:
    """What a kernel's name ends in: ``"s8"`` or ``"s16"``."""
    return "s16" if is_wide(parameters) else "s8"


def scalars(parameters: Parameters) -> dict[str, int]:
    """The scalars of an operator as members of its kernel's structure; with 16 bits there are no zero points."""
    wide = is_wide(parameters)
    kept = {name: value for name, value in parameters.items() if isinstance(value, int) and name != "bits"}
    return {name: int(value) for name, value in kept.items() if not (wide and name.endswith("_offset"))}


def activate(value: FloatArray, activation: str) -> FloatArray:
    """The fused clamps in float: ``"linear"``, ``"relu"``, ``"relu6"``."""
    if activation == "linear":
        return value
    low = np.maximum(value, np.float32(0))
    return low if activation == "relu" else np.minimum(low, np.float32(6))


FUSED_CLAMPS = frozenset({"relu", "relu6"})
