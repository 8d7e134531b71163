"""Where a model's time and memory go: executed instructions and modelled cycles of every layer on a virtual board.

The firmware is the product itself, nothing is added to it: QEMU counts from outside which basic blocks run, by call
path, and the debugging information says for which layer of ``model.c`` each kernel was called.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu import cores
from slimse_mcu.board import Board
from slimse_mcu.build import Image
from slimse_mcu.cores import Core
from slimse_mcu.cost import Cost, CostModel, Function, function_costs, functions, subtree, totals
from slimse_mcu.disassembly import disassemble
from slimse_mcu.emit import Project
from slimse_mcu.errors import BoardError, LinkError
from slimse_mcu.harness import call_trace
from slimse_mcu.harness.call_trace import Window
from slimse_mcu.harness.session import FrameResult, Gates, Mode, Session
from slimse_mcu.line_table import LineTable
from slimse_mcu.ops import operators
from slimse_mcu.plan import Plan, Step, constants
from slimse_mcu.streaming import GateLayout

_NETWORK = "model_frame"
#: Parts around the network, by the function that computes them.
_AUDIO = {"model_audio_analyse": "STFT, features", "model_audio_synthesise": "mask, inverse STFT"}


@dataclass(frozen=True, slots=True)
class LayerProfile:
    """One layer, means per frame.

    Attributes:
        name: Its name in model and C.
        op: Kind of the layer.
        title: Operator and shape.
        kernels: Functions that carry it out.
        macs: Executed multiply-accumulates.
        macs_all_open: Those of a frame with all gates open.
        instructions: Executed, its calls' preparation in ``model_frame`` included.
        cycles: Modelled.
        share: Of the network's instructions.
        weight_bytes: Its constants in flash.
        state_bytes: What it keeps between frames in RAM.
        output_bytes: Its output in the arena, which layers share.
    """

    name: str
    op: str
    title: str
    kernels: tuple[str, ...]
    macs: float
    macs_all_open: int
    instructions: float
    cycles: float
    share: float
    weight_bytes: int
    state_bytes: int
    output_bytes: int

    @property
    def per_mac(self) -> float | None:
        """Instructions per executed MAC; None where there is none."""
        return self.instructions / self.macs if self.macs else None


@dataclass(frozen=True, slots=True)
class FunctionProfile:
    """One function of the network, the front or the back end, means per frame; its own code alone.

    Attributes:
        name: Of the function.
        calls: Calls per frame.
        instructions: Executed.
        cycles: Modelled.
        code_bytes: Its size in flash.
    """

    name: str
    calls: float
    instructions: float
    cycles: float
    code_bytes: int


@dataclass(frozen=True, slots=True)
class PartProfile:
    """A part of the frame, means per frame.

    Attributes:
        instructions: Executed.
        cycles: Modelled.
    """

    instructions: float
    cycles: float


@dataclass(frozen=True, slots=True)
class MemoryProfile:
    """Bytes of the whole image.

    Attributes:
        flash_weights: The model's constants.
        flash_code: All else in flash.
        ram_model: ``model_t``: state, arena, lists.
        ram_audio: ``model_audio_t``: the front and back end.
        ram_total: All that the image claims, the reserved stack included.
        stack_peak: Deepest stack seen.
        parameters: The trained model's parameters in int8 arithmetic: weights a byte each, biases four.
    """

    flash_weights: int
    flash_code: int
    ram_model: int
    ram_audio: int
    ram_total: int
    stack_peak: int
    parameters: int


@dataclass(frozen=True, slots=True)
class Profile:
    """What :func:`profiles` found for one setting of the gates.

    Attributes:
        model: Name of the model.
        board: Name of the board.
        core: Its core.
        gates: Who decided the gates.
        provenance: What the firmware was made of.
        frames: How many were run.
        hop_ms: Time that a frame has; None for a model without front end.
        macs: Executed multiply-accumulates of the network per frame.
        network: The network.
        overhead: The part of it that belongs to no layer.
        audio: Front and back end, by what they do.
        layers: In execution order.
        functions: The costliest first.
        memory: Of the whole image.
        basis: What the modelled cycles rest on; empty: there is no model of the core.
        limits: What the model of the cycles leaves out.
    """

    model: str
    board: str
    core: str
    gates: str
    provenance: dict[str, str]
    frames: int
    hop_ms: float | None
    macs: float
    network: PartProfile
    overhead: PartProfile
    audio: dict[str, PartProfile]
    layers: tuple[LayerProfile, ...]
    functions: tuple[FunctionProfile, ...]
    memory: MemoryProfile
    basis: str
    limits: str

    @property
    def total(self) -> PartProfile:
        """The network with front and back end."""
        parts = (self.network, *self.audio.values())
        return PartProfile(sum(one.instructions for one in parts), sum(one.cycles for one in parts))

    @property
    def clock_mhz(self) -> float | None:
        """Clock at which the modelled cycles of a whole frame take as long as a hop."""
        return self.total.cycles / self.hop_ms / 1e3 if self.hop_ms and self.basis else None

    def to_json(self) -> dict[str, Any]:
        """Plain values under stable keys; cycles are ``null`` where there is no model of the core."""
        content = asdict(self)
        for key, layer in enumerate(self.layers):
            content["layers"][key]["per_mac"] = layer.per_mac
        content["per_mac"] = self.network.instructions / self.macs if self.macs else None
        content["total"] = asdict(self.total)
        content["clock_mhz"] = self.clock_mhz
        content["counter"] = "instructions"
        result: dict[str, Any] = content if self.basis else _without_cycles(content)
        return result

    def json_text(self) -> str:
        """``profile.json`` as text."""
        return json.dumps(self.to_json(), indent=2, allow_nan=False) + "\n"


def _without_cycles(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: None if key == "cycles" else _without_cycles(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_cycles(one) for one in value]
    return value


@dataclass(frozen=True, slots=True)
class Setting:
    """Who decides the gates while frames are run.

    Attributes:
        text: For people.
        gates: As :meth:`Session.configure` takes it.
    """

    text: str
    gates: Gates | NDArray[np.uint8]


def profiles(
    plan: Plan,
    project: Project,
    image: Image,
    board: Board,
    frames: Sequence[NDArray[Any]],
    settings: Sequence[Setting],
    *,
    model: str = "",
) -> list[Profile]:
    """Run a model on a virtual board and say what every layer costs, for each setting of the gates.

    Args:
        plan: What was built.
        project: Its sources.
        image: Its firmware; not an instrumented one, which would measure its own marks.
        board: A board of QEMU's.
        frames: int16 ``[hop]`` of audio for a model with a front end, else quantized features ``[inputs]``; at least
            one. They are run from reset with every setting.
        settings: Who decides the gates.
        model: Name of the model of the cycles; empty: that of the board's core.

    Raises:
        BoardError: The board is none of QEMU's, or QEMU cannot count.
        BuildError: The disassembler is missing.
        LinkError: The board failed, or executed other MACs than the plan's table says.
    """
    if board.emulator != "qemu":
        raise BoardError(
            f"The board {board.name} cannot be profiled: QEMU counts what is executed.",
            hint="Choose a virtual board; `slimse boards` lists them.",
        )
    mode: Mode = "pcm" if plan.quantized.graph.frontend is not None else "features"
    results: list[list[FrameResult]] = []
    with tempfile.TemporaryDirectory(prefix="slimse-") as folder:
        out = Path(folder) / "counts"
        root = image.symbols[f"app_engine_{mode}"].address
        interrupt = image.symbols.get("hal_interrupt")  # a board without interrupts has none
        options = call_trace.options(out, root, interrupt.address if interrupt is not None else None)
        with Session(board, image, options=options) as session:
            for setting in settings:
                session.configure(mode, gates=setting.gates)
                session.reset()
                results.append(list(session.frames(frames)))
            stack_peak = session.status().stack_peak_bytes
        windows = call_trace.read(out)
    if len(windows) != len(frames) * len(settings):
        raise LinkError(
            f"{len(frames) * len(settings)} frames were run and {len(windows)} counted.", hint="Run the command again."
        )
    maker = _Maker(plan, project, image, board, cores.core(model or board.core), stack_peak)
    made = []
    for index, (setting, answers) in enumerate(zip(settings, results, strict=True)):
        first = index * len(frames)
        made.append(maker.profile(setting.text, windows[first : first + len(frames)], answers))
    return made


def random_pattern(layout: GateLayout, share: float) -> NDArray[np.uint8]:
    """Gate bytes with a share of each gate's channels open: any channels, always the same ones."""
    generator = np.random.default_rng(1)
    bits = {}
    for name, channels in layout.channels.items():
        chosen = generator.permutation(channels)[: round(share * channels)]
        bits[name] = np.isin(np.arange(channels), chosen)
    return layout.pack(bits)


class _Maker:
    """Turns what was counted into profiles."""

    def __init__(
        self, plan: Plan, project: Project, image: Image, board: Board, core: Core | None, stack_peak: int
    ) -> None:
        self._plan = plan
        self._image = image
        self._board = board
        self._core = core
        self._memory = _memory(plan, image, stack_peak)
        self._code = _Code(
            CostModel(disassemble(image.elf), self._core),
            functions(image.elf),
            LineTable(image.elf, "model.c"),
            dict(_layers_by_line(plan, project.files["model.c"])),
            {image.symbols[name].address & ~1: name for name in (_NETWORK, *_AUDIO) if name in image.symbols},
        )

    def profile(self, gates: str, windows: Sequence[Window], results: Sequence[FrameResult]) -> Profile:
        """The profile of some frames."""
        counted = _Counted(self._code)
        for window in windows:
            counted.add(window)
        front_end = self._plan.quantized.graph.frontend
        return Profile(
            model=self._image.name,
            board=self._board.name,
            core=self._board.core,
            gates=gates,
            provenance=asdict(self._image.provenance),
            frames=len(results),
            hop_ms=None if front_end is None else 1e3 * front_end.hop / front_end.sample_rate_hz,
            macs=float(np.mean([result.macs for result in results])),
            network=counted.part(counted.network),
            overhead=counted.part(counted.layers.get("", Cost())),
            audio={_AUDIO[name]: counted.part(cost) for name, cost in counted.audio.items()},
            layers=tuple(self._layers(counted, _macs(self._plan, results))),
            functions=tuple(self._functions(counted)),
            memory=self._memory,
            basis="" if self._core is None else self._core.BASIS,
            limits="" if self._core is None else self._core.LIMITS,
        )

    def _layers(self, counted: _Counted, macs: dict[str, float]) -> Iterator[LayerProfile]:
        """In execution order."""
        network = counted.part(counted.network).instructions
        for step in self._plan.steps:
            cost = counted.part(counted.layers.get(step.node.name, Cost()))
            node = step.node
            table = self._plan.macs.get(node.name)
            yield LayerProfile(
                name=node.name,
                op=node.op,
                title=operators()[node.op].describe(node),
                kernels=tuple(dict.fromkeys(call.function for call in step.all_calls)),
                macs=macs.get(node.name, 0.0),
                macs_all_open=0 if table is None else table.all_open,
                instructions=cost.instructions,
                cycles=cost.cycles,
                share=cost.instructions / max(1.0, network),
                weight_bytes=sum(one.values.nbytes for call in step.all_calls for one in constants(call)),
                state_bytes=_state_bytes(self._plan, step),
                output_bytes=next((one.bytes for one in self._plan.arena if one.name == node.output), 0),
            )

    def _functions(self, counted: _Counted) -> list[FunctionProfile]:
        """The costliest first."""
        symbols = self._image.symbols
        rows = []
        for name, (calls, cost) in counted.functions.items():
            mean = counted.part(cost)
            size = symbols[name].size_bytes if name in symbols else 0
            rows.append(FunctionProfile(name, calls / counted.frames, mean.instructions, mean.cycles, size))
        return sorted(rows, key=lambda one: (-one.instructions, one.name))


@dataclass(frozen=True, slots=True)
class _Code:
    """What an image's addresses mean.

    Attributes:
        model: Cost of its blocks.
        functions: By address.
        lines: Of ``model.c``.
        layer_of: The layer of each of those lines.
        parts: The functions of the network, front and back end, by their entries.
    """

    model: CostModel
    functions: Sequence[Function]
    lines: LineTable
    layer_of: Mapping[int, str]
    parts: Mapping[int, str]


class _Counted:
    """Sums up what was counted in windows."""

    def __init__(self, code: _Code) -> None:
        self._code = code
        self.frames = 0
        self.network = Cost()
        self.layers: dict[str, Cost] = {}
        self.audio: dict[str, Cost] = {}
        self.functions: dict[str, tuple[int, Cost]] = {}

    def add(self, window: Window) -> None:
        """Take in a frame."""
        self.frames += 1
        total = totals(window, self._code.model.nodes(window))
        for index, node in enumerate(window.nodes):
            name = self._code.parts.get(node.entry)
            if name == _NETWORK:
                self._add_network(subtree(window, index), total[index])
            elif name is not None:
                self.audio[name] = self.audio.get(name, Cost()) + total[index]
                self._add_functions(subtree(window, index))

    def _add_network(self, window: Window, total: Cost) -> None:
        self.network += total
        costs = totals(window, self._code.model.nodes(window))
        for index, node in enumerate(window.nodes):
            if index and node.parent == 0:
                self._add_to_layer(node.site - 2, costs[index])  # inside of the call
        for block in window.blocks:
            if block.node == 0:
                self._add_to_layer(block.end - 2, self._code.model.cost(block))
        self._add_functions(window)

    def _add_functions(self, window: Window) -> None:
        for one in function_costs(window, self._code.model, self._code.functions):
            calls, cost = self.functions.get(one.name, (0, Cost()))
            self.functions[one.name] = (calls + one.calls, cost + one.own)

    def _add_to_layer(self, address: int, cost: Cost) -> None:
        layer = self._code.layer_of.get(self._code.lines.line(address), "")
        self.layers[layer] = self.layers.get(layer, Cost()) + cost

    def part(self, cost: Cost) -> PartProfile:
        """A cost of all frames as mean."""
        return PartProfile(cost.instructions / self.frames, cost.cycles / self.frames)


def _layers_by_line(plan: Plan, source: str) -> Iterator[tuple[int, str]]:
    """The layer that each line of ``model.c`` belongs to: from its comment to the next layer's."""
    names = [step.node.name for step in plan.steps]
    position, inside = -1, False
    for number, line in enumerate(source.splitlines(), 1):
        if line.startswith(f"uint32_t {_NETWORK}("):
            inside = True
        elif inside and line == "}":
            return
        if inside and position + 1 < len(names) and line.startswith(f"    /* {names[position + 1]}: "):
            position += 1
        if inside and position >= 0:
            yield number, names[position]


def _macs(plan: Plan, results: Sequence[FrameResult]) -> dict[str, float]:
    """Executed MACs of each layer, mean per frame, by the gates that the board told."""
    nodes = {step.node.name: step.node for step in plan.steps}
    sums = dict.fromkeys(plan.macs, 0)
    for index, result in enumerate(results):
        opened = plan.gates.opened(result.gates[: plan.gates.size])
        frame = {
            name: int(table.count(opened)) if index % nodes[name].period == 0 else 0
            for name, table in plan.macs.items()
        }
        if sum(frame.values()) != result.macs:
            raise LinkError(
                f"Frame {index} executed {result.macs} MACs, the plan's table says {sum(frame.values())}.",
                hint="`slimse diff` finds the layer.",
            )
        for name, count in frame.items():
            sums[name] += count
    return {name: count / len(results) for name, count in sums.items()}


def _state_bytes(plan: Plan, step: Step) -> int:
    names = {name for state in step.node.states for name in (state.name, f"{state.name}_next")}
    return sum(member.bytes for member in plan.state if member.name in names)


def _memory(plan: Plan, image: Image, stack_peak: int) -> MemoryProfile:
    graph = plan.quantized.graph
    return MemoryProfile(
        flash_weights=image.flash_weights_bytes,
        flash_code=image.flash_code_bytes,
        ram_model=image.model_bytes,
        ram_audio=image.audio_bytes,
        ram_total=image.ram_total_bytes,
        stack_peak=stack_peak,
        parameters=sum(
            int(array.size) * (4 if "bias" in name else 1)
            for node in graph.nodes
            for name, array in node.weights.items()
        ),
    )
