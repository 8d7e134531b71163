"""Third stage: where everything lies in memory and how many MACs each layer costs, before any C is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from slimse_mcu.board import Board
from slimse_mcu.errors import PlanError
from slimse_mcu.graph import Graph, Node, QuantizedGraph
from slimse_mcu.kernels import PORTABLE, adapt
from slimse_mcu.ops import operators
from slimse_mcu.ops.op import Constant, KernelCall, Macs
from slimse_mcu.ops.parts import closed_call
from slimse_mcu.streaming import GateLayout, count_macs, gate_layout, layer_macs

ALIGNMENT_BYTES = 4
_SIZES = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4}


@dataclass(frozen=True, slots=True)
class Buffer:
    """One buffer in a pool that is shared by lifetime.

    Attributes:
        name: The tensor or gate that lies there.
        elements: Its length.
        offset: First byte within the arena; of a gate's list the first element within the lists.
        first: Index of the step that writes it.
        last: Index of the last step that reads it.
        ctype: C type of an element.
    """

    name: str
    elements: int
    offset: int
    first: int
    last: int
    ctype: str

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.elements * _SIZES[self.ctype]


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a generated structure.

    Attributes:
        name: C name.
        ctype: C element type; ``"pointer"`` for a pointer.
        elements: Array length; 0 for a scalar.
        offset: Bytes from the start of the structure.
        bytes: Size.
        note: What it holds.
    """

    name: str
    ctype: str
    elements: int
    offset: int
    bytes: int
    note: str


@dataclass(frozen=True, slots=True)
class Step:
    """One node with the C calls that carry it out.

    Attributes:
        node: The node.
        calls: What runs, or runs while the call's part is open.
        closed: What runs instead while a part is closed, by the part's number; nothing where its values stay.
    """

    node: Node
    calls: tuple[KernelCall, ...]
    closed: Mapping[int, KernelCall]

    @property
    def all_calls(self) -> tuple[KernelCall, ...]:
        """Every call of the node, each with constants of its own."""
        return (*self.calls, *self.closed.values())


@dataclass(frozen=True, slots=True)
class Plan:
    """The model laid out.

    Attributes:
        quantized: What is laid out.
        board: Name of the board it was checked against; None: any.
        instrumented: Every tensor keeps memory of its own and layers are marked.
        kernels: Folders of the kernels that run, in search order; the portable one alone: any board.
        audio_arithmetic: What the front and back end computes in, ``"float"`` or ``"fixed"``; None without a front end.
        steps: In execution order.
        arena: Buffers of tensors, shared by lifetime.
        lists: uint16 buffers of the gates' open channels, shared by lifetime.
        arena_bytes: Size of the arena.
        list_elements: Length of the uint16 pool.
        scratch_elements: Length of the int16 working memory that kernels use during their call.
        state: Members of ``model_state_t``.
        state_bytes: Its size.
        model_bytes: Size of ``model_t``: state, arena, lists and gate bits.
        weight_bytes: All constant arrays, each aligned to 4 bytes.
        gates: Layout of a frame's gate bytes.
        macs: MACs by gate choice of each layer that executes any.
    """

    quantized: QuantizedGraph
    board: str | None
    instrumented: bool
    kernels: tuple[str, ...]
    audio_arithmetic: str | None
    steps: tuple[Step, ...]
    arena: tuple[Buffer, ...]
    lists: tuple[Buffer, ...]
    arena_bytes: int
    list_elements: int
    scratch_elements: int
    state: tuple[Member, ...]
    state_bytes: int
    model_bytes: int
    weight_bytes: int
    gates: GateLayout
    macs: Mapping[str, Macs]

    @property
    def macs_all_open(self) -> int:
        """MACs of a frame in which every layer runs and every channel is open."""
        return self.count(self.gates.constant(True))

    @property
    def macs_all_closed(self) -> int:
        """MACs of a frame in which every layer runs and every gate is closed."""
        return self.count(self.gates.constant(False))

    def count(self, gate_bytes: Any) -> int:
        """MACs of one frame with the given gate bytes ``[n]``, all layers running."""
        return int(count_macs(self.quantized.graph, np.asarray(gate_bytes, np.uint8)[None])[0])


def plan(
    quantized: QuantizedGraph,
    board: Board | None = None,
    *,
    instrumented: bool = False,
    kernels: Sequence[str] | None = None,
    audio_arithmetic: str | None = None,
) -> Plan:
    """Lay a quantized model out.

    Args:
        quantized: The model.
        board: Where it has to fit; None skips the check.
        instrumented: Keep every tensor and mark layers, for dumps and per-layer counts.
        kernels: Folders of the kernels that run, in search order.  None means the board's, or the portable ones
            without a board.
        audio_arithmetic: What the front and back end computes in, see :data:`slimse_mcu.frontend.ARITHMETICS`.  None
            means the board's, ``"float"`` without a board.

    Raises:
        PlanError: The model alone, without any code, is larger than the board's memory; says by how many bytes.
    """
    graph = quantized.graph
    if kernels is None:
        kernels = (PORTABLE,) if board is None else board.kernels
    steps = tuple(_step(quantized, node, kernels) for node in graph.nodes)
    arena, arena_bytes = _pool(_tensor_lifetimes(quantized, instrumented), 1)
    lists, list_elements = _pool(_gate_lifetimes(quantized, instrumented), 2)
    layout = gate_layout(graph)
    scratch_elements = max(map(_scratch_elements, steps), default=0)
    state, state_bytes = _layout(_state_members(quantized))
    model_bytes = _model_bytes(state_bytes, arena_bytes, list_elements, scratch_elements, layout, instrumented, board)
    result = Plan(
        quantized,
        None if board is None else board.name,
        instrumented,
        tuple(kernels),
        _audio_arithmetic(graph, board, audio_arithmetic),
        steps,
        arena,
        lists,
        arena_bytes,
        list_elements,
        scratch_elements,
        state,
        state_bytes,
        model_bytes,
        sum(_array_bytes(constant) for step in steps for call in step.all_calls for constant in constants(call)),
        layout,
        layer_macs(graph),
    )
    if board is not None:
        _check_fit(result, board)
    return result


def _audio_arithmetic(graph: Graph, board: Board | None, wanted: str | None) -> str | None:
    if graph.frontend is None:
        return None
    return wanted or ("float" if board is None else board.audio_arithmetic)


def _step(quantized: QuantizedGraph, node: Node, kernels: Sequence[str]) -> Step:
    parameters = quantized.parameters[node.name]
    closed = {}
    for index, part in enumerate(node.parts):
        if part.component is not None:
            call = closed_call(node, parameters, index, quantized.quantization[node.output])
            if call is not None:
                closed[index] = adapt(call, node, kernels)
    calls = tuple(adapt(call, node, kernels) for call in operators()[node.op].calls(node, parameters))
    return Step(node, calls, closed)


def _scratch_elements(step: Step) -> int:
    """Working memory that a node's kernels share, one after the other."""
    return max([operators()[step.node.op].scratch_elements(step.node), *(call.scratch for call in step.all_calls)])


def constants(call: KernelCall) -> Iterable[Constant]:
    """The constant arrays of a call."""
    return (value for value in call.fields.values() if isinstance(value, Constant))


def _array_bytes(constant: Constant) -> int:
    return _align(constant.values.nbytes, ALIGNMENT_BYTES)


def _check_fit(result: Plan, board: Board) -> None:
    for what, needed, there in (
        ("flash for its weights", result.weight_bytes, board.flash_bytes),
        ("RAM for its state and arena", result.model_bytes, board.ram_bytes),
    ):
        if there and needed > there:
            raise PlanError(
                f"Board '{board.name}' is too small: the model needs {needed} bytes of {what}, "
                f"{needed - there} more than the {there} there are.",
                hint="Choose a larger board or a smaller model.",
            )


_Lifetime = tuple[str, int, int, int, str]
"""Name, elements, first and last step, C type of an element."""


def _tensor_lifetimes(quantized: QuantizedGraph, keep: bool) -> list[_Lifetime]:
    """Every tensor in the arena.

    The input and output are the caller's, and held tensors live in the state.
    """
    graph = quantized.graph
    end = len(graph.nodes)
    lifetimes = []
    held = {state.tensor for state in graph.states if state.kind == "held"}
    for first, node in enumerate(graph.nodes):
        if node.output in graph.gates or node.output == graph.output or node.output in held:
            continue
        last = max([first, *(index for index, other in enumerate(graph.nodes) if node.output in other.tensors_read)])
        ctype = quantized.quantization[node.output].ctype
        lifetimes.append((node.output, graph.tensors[node.output].size, first, end if keep else last, ctype))
    return lifetimes


def _gate_lifetimes(quantized: QuantizedGraph, keep: bool) -> list[_Lifetime]:
    graph = quantized.graph
    end = len(graph.nodes)
    lifetimes = []
    for first, node in enumerate(graph.nodes):
        gate = graph.gates.get(node.output)
        if gate is None:
            continue
        users = [index for index, other in enumerate(graph.nodes) if gate.name in other.gates_read]
        lifetimes.append((gate.name, gate.channels, first, end if keep else max([first, *users]), "uint16_t"))
    return lifetimes


def _pool(lifetimes: list[_Lifetime], unit_bytes: int) -> tuple[tuple[Buffer, ...], int]:
    """Place buffers so that those alive at the same time do not overlap: largest first, lowest free offset.

    Returns:
        The buffers in the given order and the pool's length, in units of ``unit_bytes``.
    """
    alignment = ALIGNMENT_BYTES // unit_bytes
    placed: dict[str, Buffer] = {}
    sizes = {name: elements * _SIZES[ctype] // unit_bytes for name, elements, _, _, ctype in lifetimes}
    for name, elements, first, last, ctype in sorted(
        lifetimes, key=lambda entry: (-sizes[entry[0]], entry[2], entry[0])
    ):
        busy = sorted(
            (other.offset, other.offset + sizes[other.name])
            for other in placed.values()
            if other.first <= last and first <= other.last
        )
        offset = 0
        for begin, end in busy:
            if offset + sizes[name] <= begin:
                break
            offset = max(offset, _align(end, alignment))
        placed[name] = Buffer(name, elements, offset, first, last, ctype)
    total = max((buffer.offset + sizes[buffer.name] for buffer in placed.values()), default=0)
    return tuple(placed[entry[0]] for entry in lifetimes), _align(total, alignment)


def _align(value: int, alignment: int) -> int:
    return -(-value // alignment) * alignment


def _layout(members: list[tuple[str, str, int, int, str]]) -> tuple[tuple[Member, ...], int]:
    """Offsets of C structure members ``(name, type, elements, alignment, note)``, and the structure's size."""
    offset, widest = 0, 1
    placed = []
    for name, ctype, elements, alignment, note in members:
        offset = _align(offset, alignment)
        size = _SIZES[ctype] * max(1, elements)
        placed.append(Member(name, ctype, elements, offset, size, note))
        offset += size
        widest = max(widest, alignment)
    return tuple(placed), _align(offset, widest)


def _state_members(quantized: QuantizedGraph) -> list[tuple[str, str, int, int, str]]:
    graph = quantized.graph
    members = []
    ctypes = {name: one.ctype for name, one in quantized.quantization.items()}
    rings = [state for state in graph.states if state.kind == "ring"]
    for state in rings:
        note = f"slot of the oldest frame, 0 to {state.slots - 1}"
        members.append((f"{state.name}_next", "uint16_t", 0, 2, note))
    if graph.period > 1 or not graph.states:
        members.append(("tick", "uint16_t", 0, 2, f"frame number modulo {graph.period}"))
    for state in rings:
        frames = "last frame" if state.slots == 1 else f"last {state.slots} frames"
        note = f"the {frames} of {state.tensor}, [{state.slots}][{state.channels}]"
        members.append((state.name, ctypes[state.tensor], state.slots * state.channels, ALIGNMENT_BYTES, note))
    for state in graph.states:
        if state.kind == "hidden":
            note = f"state of {state.tensor}, [{state.channels}]"
            members.append((state.name, "int16_t", state.channels, ALIGNMENT_BYTES, note))
    for state in graph.states:
        if state.kind == "held":
            note = f"{state.tensor} of the last frame, [{state.channels}]"
            members.append((state.name, ctypes[state.tensor], state.channels, ALIGNMENT_BYTES, note))
    return members


def _model_bytes(
    state_bytes: int,
    arena_bytes: int,
    list_elements: int,
    scratch_elements: int,
    layout: GateLayout,
    instrumented: bool,
    board: Board | None,
) -> int:
    """``sizeof(model_t)``; see ``templates/model.h.j2`` for the members.

    What is small comes first, where an instruction reaches it from the structure's address.
    """
    offset = _align(2 + 1 + 2 * layout.size, ALIGNMENT_BYTES) + max(ALIGNMENT_BYTES, arena_bytes)
    offset += 2 * max(1, list_elements)
    if scratch_elements:
        offset = _align(offset, ALIGNMENT_BYTES) + 2 * scratch_elements
    offset = _align(offset, ALIGNMENT_BYTES) + state_bytes
    widest = ALIGNMENT_BYTES
    if instrumented:
        pointer = 8 if board is not None and board.core == "host" else 4
        offset = _align(offset, pointer) + 2 * pointer
        widest = max(widest, pointer)
    return _align(offset, widest)
