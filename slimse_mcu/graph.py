"""What the pipeline's stages exchange: the streaming graph, before and after quantization.

A graph computes one frame per step.  Tensors are per-frame (no batch, no time axis); what a layer remembers of
earlier frames is a :class:`State`.  All types are frozen; arrays in them are never written to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """How audio becomes features and a mask becomes audio (DESIGN: one STFT in, one inverse STFT out).

    Attributes:
        sample_rate_hz: Sampling rate of the audio that the model was trained on.
        fft: Window and transform length in samples, a power of two; ``fft // 2 + 1`` bins.
        hop: Step between frames in samples; ``fft`` is ``2 * hop``.
        window: ``"sqrt_hann"``, periodic, used for analysis and synthesis.
        exponent: A bin's magnitude becomes ``|X| ** exponent``.
        epsilon: Added to the magnitude before compression: ``(|X| + epsilon) ** exponent``; with complex features to
            the power: ``X * (|X|**2 + epsilon**2) ** ((exponent - 1) / 2)``.
        mask: ``"magnitude"``: the output is one real gain per bin; ``"complex"``: a complex one, (re, im).
        features: ``"magnitude"``: the input is one value per bin; ``"complex"``: two, (re, im).
    """

    sample_rate_hz: int = 16000
    fft: int = 512
    hop: int = 256
    window: str = "sqrt_hann"
    exponent: float = 0.3
    epsilon: float = 1e-9
    mask: str = "magnitude"
    features: str = "magnitude"

    @property
    def bins(self) -> int:
        """Number of frequency bins, ``fft // 2 + 1``."""
        return self.fft // 2 + 1

    @property
    def inputs(self) -> int:
        """Values per frame that the model takes."""
        return self.bins * (2 if self.features == "complex" else 1)

    @property
    def outputs(self) -> int:
        """Values per frame that the model yields."""
        return self.bins * (2 if self.mask == "complex" else 1)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What an artefact was made of.

    Attributes:
        tool_version: Version of slimse-mcu.
        model_name: Name of the model, a C identifier.
        model_hash: SHA-256 of the ``.keras`` file, 64 hex digits.
        calibration_hash: SHA-256 of the calibration audio and method; empty before quantization.
    """

    tool_version: str
    model_name: str
    model_hash: str
    calibration_hash: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """One bit of a policy's gate: a part of the network that is open or closed as a whole.

    Attributes:
        gate: Name of the gate.
        bit: Its number there.
    """

    gate: str
    bit: int


@dataclass(frozen=True, slots=True)
class Block:
    """Contiguous channels of a tensor that are exactly zero while a component is closed.

    Attributes:
        channels: How many, behind those of the blocks before.
        component: What rules them; None: always open.
    """

    channels: int
    component: Component | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Contiguous output channels of a layer that are computed only while a component is open.

    Attributes:
        channels: How many, behind those of the parts before.
        component: What rules them; None: always open.
        on_skip: What a closed part shows: ``"zero"``, ``"hold"`` (the values of the last frame) or ``"bypass"`` (the
            same channels of the node's bypass tensor).  Recurrent state keeps its values under each.
    """

    channels: int
    component: Component | None = None
    on_skip: str = "zero"


@dataclass(frozen=True, slots=True)
class Tensor:
    """One activation, in memory a vector of ``size`` elements, channels last.

    Attributes:
        name: Unique in the graph, a C identifier.
        shape: Per-frame shape, ``(channels,)`` or ``(positions, channels)`` with positions along frequency.
        period: The tensor has a new value every ``period`` frames (1 unless a layer strides over time).
        gate: Name of the channel gate whose closed channels are exactly zero here, or None.
        blocks: Channels that closed components make exactly zero here; empty: none.
    """

    name: str
    shape: tuple[int, ...]
    period: int = 1
    gate: str | None = None
    blocks: tuple[Block, ...] = ()

    @property
    def channels(self) -> int:
        """Size of the last axis."""
        return self.shape[-1]

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))


@dataclass(frozen=True, slots=True)
class State:
    """What a node keeps between frames.

    A ring holds the last ``slots`` values of a tensor and shares its scale.  A hidden state belongs to a recurrent
    layer: int16 with scale 1/32768, written by the layer itself, zero at reset.  A held state is the node's own output
    tensor, which keeps the values of closed parts from frame to frame.

    Attributes:
        name: Unique in the graph, a C identifier.
        tensor: Name of the tensor whose past values a ring keeps; of the layer's output for the other kinds.
        slots: Number of past frames (of the tensor's own period) that are kept; 1 for the other kinds.
        channels: Elements per frame.
        kind: ``"ring"``, ``"hidden"`` or ``"held"``.
    """

    name: str
    tensor: str
    slots: int
    channels: int
    kind: str = "ring"


@dataclass(frozen=True, slots=True)
class Gate:
    """A decision per frame.

    Attributes:
        name: Unique in the graph, a C identifier.
        kind: ``"channel"``: one bit per channel; ``"component"``: one bit per component of a policy.
        node: Name of the node that decides.
        channels: Number of bits.
        components: Names of the components, for that kind.
        group: Neighbouring channels that one decision opens; it divides ``channels``.
    """

    name: str
    kind: str
    node: str
    channels: int
    components: tuple[str, ...] = ()
    group: int = 1


@dataclass(frozen=True, slots=True)
class Node:
    """One layer of the streaming graph.

    Either channel gates (``row_gate``, ``column_gate``) or components (``parts``, ``column_blocks``) rule it, never
    both kinds: no kernel obeys both.

    Attributes:
        name: The Keras layer it came from, as a C identifier.
        op: Name of the operator, the module in ``slimse_mcu.ops``.
        inputs: Names of the tensors read.
        output: Name of the tensor written (the gate's name for a node that decides a gate).
        attributes: Operator-specific plain values.
        weights: Operator-specific float arrays.
        activation: Fused clamp: ``"linear"``, ``"relu"`` or ``"relu6"``.
        row_gate: Gate whose closed channels of the output are skipped and are exactly zero.
        column_gate: Gate whose closed channels of the input are skipped.
        parts: Blocks of the output's channels, each with the component that opens it; empty: all are computed.
        column_blocks: Blocks of the first input's channels that are not read while closed; empty: all are read.
        bypass: Tensor that closed parts with ``on_skip="bypass"`` show.
        states: What it keeps between frames.
        period: The node runs every ``period`` frames.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, NDArray[np.floating[Any]]] = field(default_factory=dict)
    activation: str = "linear"
    row_gate: str | None = None
    column_gate: str | None = None
    parts: tuple[Part, ...] = ()
    column_blocks: tuple[Block, ...] = ()
    bypass: str | None = None
    states: tuple[State, ...] = ()
    period: int = 1

    @property
    def tensors_read(self) -> tuple[str, ...]:
        """All tensors that the node reads: its inputs, and what shows in place of closed parts."""
        return self.inputs if self.bypass is None else (*self.inputs, self.bypass)

    @property
    def gates_read(self) -> frozenset[str]:
        """All gates that rule the node."""
        components = [part.component for part in self.parts] + [block.component for block in self.column_blocks]
        gates = {component.gate for component in components if component is not None}
        return frozenset(gates | {gate for gate in (self.row_gate, self.column_gate) if gate is not None})


@dataclass(frozen=True, slots=True)
class Graph:
    """A model as streaming nodes in execution order, with float weights."""

    input: str
    output: str
    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]
    gates: Mapping[str, Gate]
    frontend: FrontEnd | None
    provenance: Provenance

    @property
    def states(self) -> tuple[State, ...]:
        """All states, in execution order."""
        return tuple(state for node in self.nodes for state in node.states)

    @property
    def period(self) -> int:
        """Frames after which the schedule repeats: the least common multiple of all periods."""
        return math.lcm(*(node.period for node in self.nodes))


@dataclass(frozen=True, slots=True)
class Quantization:
    """``real = scale * (integer - zero_point)``.

    Attributes:
        scale: A float32 value, positive.
        zero_point: -128 to 127; 0 where the integers have 16 bits.
        minimum: Least real value seen in calibration.
        maximum: Greatest real value seen in calibration.
        bits: Width of the integers, 8 or 16.
    """

    scale: float
    zero_point: int
    minimum: float = 0.0
    maximum: float = 0.0
    bits: int = 8

    @property
    def is_wide(self) -> bool:
        """Whether the integers have 16 bits."""
        return self.bits == 16

    @property
    def lowest(self) -> int:
        """Least integer."""
        return -(1 << (self.bits - 1))

    @property
    def highest(self) -> int:
        """Greatest integer."""
        return (1 << (self.bits - 1)) - 1

    @property
    def real_range(self) -> tuple[float, float]:
        """Least and greatest real value that an integer stands for."""
        return self.scale * (self.lowest - self.zero_point), self.scale * (self.highest - self.zero_point)

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy type of the integers."""
        return np.dtype(np.int16 if self.is_wide else np.int8)

    @property
    def ctype(self) -> str:
        """C type of the integers."""
        return f"int{self.bits}_t"


#: Operator of the nodes that change a tensor's width.
CHANGE = "rescale"
#: Key of a node's parameters under which those of its bypass lie: the change to the output's scale.
BYPASS = "bypass"
#: Key of a deciding node's parameters under which its decisions lie in the order in which a limit lets them stay open.
ORDER = "order"


@dataclass(frozen=True, slots=True)
class QuantizedGraph:
    """A graph with integer parameters.

    Attributes:
        graph: The float graph; where wide tensors meet int8 ones, with the nodes that change the width.
        quantization: Scale and zero point per tensor.
        parameters: Per node name: integer arrays and scalars of the operator's NumPy specification.
        provenance: With the calibration hash.
        method: How ranges were chosen, for example ``"minmax"``.
        unseen: Bits of each gate that stayed closed through all of the calibration, so that nothing is known about the
            range of what they open; gates without such bits are left out.
    """

    graph: Graph
    quantization: Mapping[str, Quantization]
    parameters: Mapping[str, Mapping[str, Any]]
    provenance: Provenance
    method: str

    @property
    def wide(self) -> tuple[str, ...]:
        """Names of the int16 tensors, in execution order, without the copies between two widths."""
        graph = self.graph
        order = [graph.input, *(node.output for node in graph.nodes if node.output in graph.tensors)]
        copies = {name for node in graph.nodes if node.op == CHANGE for name in (*node.inputs, node.output)}
        return tuple(name for name in order if self.quantization[name].is_wide and name not in copies)

    unseen: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
