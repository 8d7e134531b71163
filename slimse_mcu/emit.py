"""Fourth stage: plan -> C sources.  Templates print; every value is computed here."""

from __future__ import annotations

import dataclasses
import itertools
import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from slimse_mcu import assets, frontend
from slimse_mcu.errors import ModelError
from slimse_mcu.graph import Component, Gate, Node, Part, Provenance, Quantization, State
from slimse_mcu.ops import operators
from slimse_mcu.ops.op import Constant, KernelCall
from slimse_mcu.plan import Plan, Step, constants
from slimse_mcu.version import ABI

#: C names of each call's constants by node, call suffix and field; the structure itself has field "".
Symbols = Mapping[tuple[str, str, str], str]

MANIFEST = "project.json"
_FORMAT = 1
_MODEL_FILES = tuple(f"model{part}.{kind}" for part in ("", "_layers", "_weights") for kind in "hc")
_LINE = 100
#: What the header says about the values on both sides of the network.
_INPUTS = {"magnitude": "compressed magnitude per bin", "complex": "compressed (re, im) per bin"}
_OUTPUTS = {"magnitude": "gain per bin", "complex": "complex gain (re, im) per bin"}


@dataclass(frozen=True, slots=True)
class Project:
    """Generated sources and the runtime they need, complete in themselves.

    Attributes:
        name: The model's name.
        files: Relative path -> text.
        provenance: What it was made of.
    """

    name: str
    files: Mapping[str, str]
    provenance: Provenance

    @property
    def manifest(self) -> dict[str, Any]:
        """Contents of ``project.json``: provenance, memory, MACs, gates, layers."""
        content: dict[str, Any] = json.loads(self.files[MANIFEST])
        return content


def emit(plan: Plan) -> Project:
    """Write a plan as C.  The same plan gives the same bytes.

    Raises:
        ModelError: The front end cannot be computed on a device.
    """
    context = _context(plan)
    files = {name: _render(f"{name}.j2", context) for name in _MODEL_FILES}
    graph = plan.quantized.graph
    if graph.frontend is not None:
        audio = frontend.render_context(
            graph.frontend,
            plan.quantized.quantization[graph.input],
            plan.quantized.quantization[graph.output],
            plan.quantized.provenance,
        )
        files.update({name: _render(f"{name}.j2", audio) for name in ("model_audio.h", "model_audio.c")})
    files.update(_runtime(plan))
    files[MANIFEST] = json.dumps(_manifest(plan, files), indent=2) + "\n"
    return Project(plan.quantized.provenance.model_name, files, plan.quantized.provenance)


def read_project(folder: Path) -> Project:
    """Read a project that was written to a folder.

    Raises:
        ModelError: The folder holds no project, or one of another version.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != _FORMAT or manifest["abi"] != ABI:
            raise ModelError(f"'{folder}' was compiled by another version of slimse-mcu.", hint="Compile it again.")
        for name in manifest["files"]:
            if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
                raise ModelError(f"'{folder}' names a file outside of itself: {name!r}.", hint="Compile it again.")
        files = {name: (folder / name).read_text(encoding="utf-8") for name in [*manifest["files"], MANIFEST]}
        provenance = Provenance(**manifest["provenance"])
        if not all(isinstance(value, str) for value in (manifest["name"], *dataclasses.astuple(provenance))):
            raise TypeError("name and provenance are texts")
        return Project(manifest["name"], files, provenance)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(
            f"'{folder}' is not a compiled project ({type(error).__name__}: {error}).",
            hint="Make one with: slimse compile MODEL --out FOLDER.",
        ) from None


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: assets.read_text(f"templates/{name}")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def _render(template: str, context: Mapping[str, Any]) -> str:
    return _environment().get_template(template).render(context)


def _functions(plan: Plan) -> set[str]:
    """The kernels that the model calls."""
    functions = {call.function for step in plan.steps for call in step.all_calls}
    if any(state.kind == "ring" for state in plan.quantized.graph.states):
        functions.add("slimse_ring_push_s8")
    return functions


def _runtime(plan: Plan) -> Iterator[tuple[str, str]]:
    """The runtime sources that the model calls."""
    root = assets.path("firmware")
    functions = _functions(plan)
    yield "slimse.h", assets.read_text("firmware/slimse.h")
    for header in sorted((root / "kernels").glob("*.h")):
        if header.stem in functions or not header.with_suffix(".c").exists():
            yield f"kernels/{header.name}", assets.read_text(f"firmware/kernels/{header.name}")
    for function in sorted(functions):
        yield f"kernels/{function}.c", assets.read_text(f"firmware/kernels/{function}.c")
    yield "dsp/slimse_dsp.h", assets.read_text("firmware/dsp/slimse_dsp.h")
    if plan.quantized.graph.frontend is not None:
        for source in sorted((root / "dsp").glob("*.c")):
            yield f"dsp/{source.name}", assets.read_text(f"firmware/dsp/{source.name}")


# ---- what the templates print ------------------------------------------------------------------------------------


def _context(plan: Plan) -> dict[str, Any]:
    graph, quantization = plan.quantized.graph, plan.quantized.quantization
    front_end = graph.frontend
    symbols = _symbols(plan)
    has_gates = bool(graph.gates)
    has_state = graph.period > 1 or bool(graph.states)
    return {
        "abi": ABI,
        "made": plan.quantized.provenance,
        "has_audio": front_end is not None,
        "front_end": front_end,
        "input": _tensor(plan, graph.input),
        "output": _tensor(plan, graph.output),
        "input_meaning": _INPUTS[front_end.features] if front_end else "the model's input",
        "output_meaning": _OUTPUTS[front_end.mask] if front_end else "the model's output",
        "gates": [_gate(plan, name) for name in plan.gates.offsets],
        "has_gates": has_gates,
        "gate_bytes": plan.gates.size,
        "instrumented": plan.instrumented,
        "period": graph.period,
        "has_ticks": graph.period > 1,
        "has_state": has_state,
        "is_stateless": not (has_state or has_gates or plan.arena or plan.instrumented),
        "state": plan.state,
        "rings": [
            {
                "name": state.name,
                "zero": quantization[state.tensor].zero_point,
                "bytes": state.slots * state.channels,
            }
            for state in graph.states
            if state.kind == "ring"
        ],
        "held": [
            {
                "name": state.name,
                "tensor": state.tensor,
                "zero": quantization[state.tensor].zero_point,
                "elements": state.channels,
            }
            for state in graph.states
            if state.kind == "held"
        ],
        "hidden": [
            {"name": state.name, "bytes": 2 * state.channels} for state in graph.states if state.kind == "hidden"
        ],
        "scratch_elements": plan.scratch_elements,
        "state_bytes": plan.state_bytes,
        "arena_elements": max(4, plan.arena_elements),
        "arena_bytes": plan.arena_elements,
        "list_elements": max(1, plan.list_elements),
        "model_bytes": plan.model_bytes,
        "weight_bytes": plan.weight_bytes,
        "macs_all_open": plan.macs_all_open,
        "macs_all_closed": plan.macs_all_closed,
        "arena": [_arena_buffer(plan, buffer) for buffer in plan.arena],
        "steps": list(_steps(plan, symbols)),
        "layers": [_layer(step.node, call, symbols) for step in plan.steps for call in step.all_calls],
        "kernels": sorted(_functions(plan)),
        "node_names": [step.node.name for step in plan.steps],
        "buffers": [{"name": buffer.name, "kept": int(plan.instrumented)} for buffer in plan.arena],
    }


def _tensor(plan: Plan, name: str) -> dict[str, Any]:
    quantization: Quantization = plan.quantized.quantization[name]
    low, high = ((bound - quantization.zero_point) * quantization.scale for bound in (-128, 127))
    return {
        "size": plan.quantized.graph.tensors[name].size,
        "scale": f"{quantization.scale:.9g}",
        "zero_point": quantization.zero_point,
        "low": f"{low:.4g}",
        "high": f"{high:.4g}",
    }


def _gate(plan: Plan, name: str) -> dict[str, Any]:
    buffer = next(entry for entry in plan.lists if entry.name == name)
    rows = [step.node.name for step in plan.steps if step.node.row_gate == name]
    columns = [step.node.name for step in plan.steps if step.node.column_gate == name]
    return {
        "name": name,
        "channels": plan.gates.channels[name],
        "offset": plan.gates.offsets[name],
        "list_offset": buffer.offset,
        "rules": f"outputs of {', '.join(rows) or 'none'}; inputs of {', '.join(columns) or 'none'}",
        "components": _components(plan, name),
    }


def _components(plan: Plan, gate: str) -> list[dict[str, Any]]:
    """The components of a policy's gate: bit, C name, and the layers of which it opens parts."""
    result = []
    for bit, symbol in enumerate(_component_symbols(plan.quantized.graph.gates[gate])):
        ruled = [
            step.node.name
            for step in plan.steps
            if any(part.component == Component(gate, bit) for part in step.node.parts)
        ]
        result.append({"bit": bit, "symbol": symbol, "rules": ", ".join(ruled)})
    return result


def _component_symbols(gate: Gate) -> list[str]:
    """Names of the components' bits: ``MODEL_POLICY_HEAD_1``, each used once."""
    symbols: list[str] = []
    for component in gate.components:
        symbol = f"MODEL_{gate.name}_{component}".upper()
        while symbol in symbols:
            symbol += "_"
        symbols.append(symbol)
    return symbols


def _condition(plan: Plan, component: Component) -> str:
    symbol = _component_symbols(plan.quantized.graph.gates[component.gate])[component.bit]
    return f"slimse_is_open(&{component.gate}, {symbol}) != 0U"


def _arena_buffer(plan: Plan, buffer: Any) -> dict[str, Any]:
    graph = plan.quantized.graph
    last = min(buffer.last, len(graph.nodes) - 1)
    until = "kept" if plan.instrumented else f"{graph.nodes[buffer.first].name} to {graph.nodes[last].name}"
    return {"name": buffer.name, "offset": buffer.offset, "elements": buffer.elements, "lifetime": until}


def _symbols(plan: Plan) -> Symbols:
    """Names of the layers' structures and arrays: ``model_expand``, ``model_expand_weights``, each used once."""
    calls = [(step.node.name, call) for step in plan.steps for call in step.all_calls]
    wanted = [(name, call.suffix, "") for name, call in sorted(calls, key=lambda entry: len(entry[1].suffix))]
    wanted += [(name, call.suffix, key) for name, call in calls for key, _ in _arrays(call)]
    names: dict[tuple[str, str, str], str] = {}
    taken: set[str] = set()
    for node, suffix, key in wanted:
        name = f"model_{node}{suffix}" + (f"_{key.rpartition('.')[2]}" if key else "")
        while name in taken:
            name += "_"
        names[node, suffix, key] = name
        taken.add(name)
    return names


def _arrays(call: KernelCall) -> Iterator[tuple[str, Constant]]:
    return ((key, value) for key, value in call.fields.items() if isinstance(value, Constant))


def _steps(plan: Plan, symbols: Symbols) -> Iterator[dict[str, Any]]:
    """One entry per node: a comment, the calls, and the frame it remembers."""
    group = ""
    spans = _spans(plan)
    for index, step in enumerate(plan.steps):
        node = step.node
        prefix = node.name.split("_")[0]
        neighbours = [other.node.name.split("_")[0] for other in plan.steps[index : index + 2]]
        heading = ""
        if prefix != group and neighbours.count(prefix) == 2:
            heading = f"---- {prefix} "
            heading += "-" * (_LINE - 10 - len(heading))
        group = prefix
        yield {
            "index": index,
            "heading": heading,
            "comment": textwrap.wrap(_comment(plan, node), _LINE - 8),
            "spans": spans.get(node.name),
            "branches": list(_branches(plan, step, symbols)),
            "period": node.period,
            "pushes": [_push(plan, state) for state in node.states if state.kind == "ring"],
        }


def _spans(plan: Plan) -> dict[str, dict[str, Any]]:
    """What the first reader of each pattern of closed blocks has to list, by the reader's name."""
    result = {}
    listed: set[str] = set()
    for step in plan.steps:
        node = step.node
        name = _spans_name(plan, node)
        if not node.column_blocks or name in listed:
            continue
        listed.add(name)
        ranges, first = [], 0
        for block in node.column_blocks:
            condition = None if block.component is None else _condition(plan, block.component)
            ranges.append({"condition": condition, "first": first, "count": block.channels})
            first += block.channels
        result[node.name] = {"name": name, "ranges": ranges}
    return result


def _spans_name(plan: Plan, node: Node) -> str:
    """Readers of equal patterns share one list, named after the tensor that the first of them reads."""
    same = (step.node for step in plan.steps if step.node.column_blocks == node.column_blocks)
    return f"{next(same).inputs[0]}_open"


def _branches(plan: Plan, step: Step, symbols: Symbols) -> Iterator[dict[str, Any]]:
    """The node's calls; those of a part that a component rules with their condition and what runs instead."""
    node = step.node
    for part, calls in itertools.groupby(step.calls, key=lambda call: call.part):
        component = None if part is None or not node.parts else node.parts[part].component
        indent = 4 if component is None else 8
        closed = None if component is None or part is None else step.closed.get(part)
        yield {
            "condition": None if component is None else _condition(plan, component),
            "calls": [_call(plan, step, call, symbols, indent) for call in calls],
            "otherwise": None if closed is None else _call(plan, step, closed, symbols, indent),
        }


def _comment(plan: Plan, node: Node) -> str:
    text = f"{node.name}: {operators()[node.op].describe(node)}"
    if node.activation != "linear":
        text += f", {node.activation}"
    macs = plan.macs.get(node.name)
    if macs is None:
        text += "."
    elif (macs.row_gate and macs.column_gate) or macs.row_blocks or macs.column_blocks:
        text += f". {macs.all_open} MACs with all open."
    elif macs.row_gate:
        text += f". {macs.columns * macs.taps} MACs per open channel of {macs.row_gate}, {macs.all_open} in all."
    elif macs.column_gate:
        text += f". {macs.rows * macs.taps} MACs per open channel of {macs.column_gate}, {macs.all_open} in all."
    else:
        text += f". {macs.all_open} MACs."
    if node.row_gate:
        text += " A closed channel is not computed and is 0."
    if node.column_gate or node.column_blocks:
        text += " A closed input is not read."
    for index, part in enumerate(node.parts):
        if part.component is not None:
            name = plan.quantized.graph.gates[part.component.gate].components[part.component.bit]
            text += f" Part {index} ({part.channels} channels) by {name}, closed: {_shown(node, part)}."
    if node.period > 1:
        text += f" Runs every {node.period} frames."
    return text


def _shown(node: Node, part: Part) -> str:
    """What a closed part shows, in words."""
    return {"zero": "zero", "hold": "as in the last frame", "bypass": f"{node.bypass}"}[part.on_skip]


def _pointer(plan: Plan, tensor: str) -> str:
    graph = plan.quantized.graph
    if tensor == graph.input:
        return "input"
    return "output" if tensor == graph.output else tensor


def _call(plan: Plan, step: Step, call: KernelCall, symbols: Symbols, indent: int) -> dict[str, Any]:
    node = step.node
    arguments = [f"&{symbols[node.name, call.suffix, '']}"]
    for argument in call.arguments:
        name, first = (argument, 0) if isinstance(argument, str) else argument
        arguments += [f"&{text}[{first}]" if first else text for text in _argument(plan, node, name)]
    head = ("macs += " if call.counts_macs else "") + call.function
    return {"head": head, "arguments": _wrapped(arguments, indent + len(head) + 1)}


def _argument(plan: Plan, node: Node, name: str) -> list[str]:
    """The C expressions of an argument of :class:`~slimse_mcu.ops.op.KernelCall`."""
    simple = {
        "rows": f"&{node.row_gate}" if node.row_gate else "NULL",
        "columns": f"&{node.column_gate}" if node.column_gate else "NULL",
        "spans": f"&{_spans_name(plan, node)}" if node.column_blocks else "NULL",
        "gate": f"&{node.output}",
        "scratch": "m->scratch",
    }
    if name in simple:
        return [simple[name]]
    if name == "hidden":
        state = next(state for state in node.states if state.kind == "hidden")
        return [f"s->{state.name}"]
    if name == "output":
        return [_pointer(plan, node.output)]
    if name == "bypass":
        assert node.bypass is not None, "a part that is bypassed names what shows instead"
        return [_pointer(plan, node.bypass)]
    if name.startswith("ring"):
        source = node.inputs[int(name.removeprefix("ring"))]
        ring = next((state for state in node.states if state.kind == "ring" and state.tensor == source), None)
        return ["NULL", "0U"] if ring is None else [f"s->{ring.name}", f"s->{ring.name}_next"]
    return [_pointer(plan, node.inputs[int(name.removeprefix("input"))])]


def _wrapped(arguments: list[str], indent: int) -> str:
    """Arguments of a call, broken at the line's end and aligned behind the opening parenthesis."""
    lines, line = [], ""
    for number, argument in enumerate(arguments):
        text = argument + (", " if number + 1 < len(arguments) else "")
        if line and indent + len(line) + len(text.rstrip()) + 2 > _LINE:
            lines.append(line.rstrip())
            line = ""
        line += text
    lines.append(line)
    return ("\n" + " " * indent).join(lines)


def _push(plan: Plan, state: State) -> dict[str, Any]:
    return {
        "frame": _pointer(plan, state.tensor),
        "channels": state.channels,
        "slots": state.slots,
        "ring": state.name,
        "period": plan.quantized.graph.tensors[state.tensor].period,
    }


def _layer(node: Node, call: KernelCall, symbols: Symbols) -> dict[str, Any]:
    fields = []
    for key, value in call.fields.items():
        text = symbols[node.name, call.suffix, key] if isinstance(value, Constant) else _integer(key, value)
        fields.append({"name": key, "value": text})
    return {
        "name": f"{node.name}{call.suffix}",
        "symbol": symbols[node.name, call.suffix, ""],
        "struct": call.struct,
        "title": operators()[node.op].describe(node),
        "fields": fields,
        "arrays": [_array(symbols[node.name, call.suffix, key], value) for key, value in _arrays(call)],
        "bytes": sum(constant.values.nbytes for constant in constants(call)),
    }


#: Members of layer structures that are unsigned in C.
_UNSIGNED = frozenset(
    ("rows", "columns", "channels", "size", "taps", "dilation", "units", "positions", "input_pitch", "output_pitch")
)


def _integer(key: str, value: Any) -> str:
    return f"{int(value)}U" if key.rpartition(".")[2] in _UNSIGNED else str(int(value))


def _array(name: str, constant: Constant) -> dict[str, Any]:
    values = constant.values
    shape = "".join(f"[{size}]" for size in values.shape)
    return {
        "name": name,
        "ctype": constant.ctype,
        "elements": values.size,
        "comment": f"{constant.note}; {shape}, {values.min()} to {values.max()}",
        "lines": _lines(values),
    }


def _lines(values: NDArray[Any]) -> list[str]:
    """Integers as text, each row of the last axis starting a line."""
    per_line = 24 if values.dtype.itemsize == 1 else 8
    rows = values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values[None]
    lines = []
    for row in np.asarray(rows).tolist():
        texts = list(map(str, row))
        lines += [", ".join(texts[start : start + per_line]) + "," for start in range(0, len(texts), per_line)]
    return lines


def _manifest(plan: Plan, files: Mapping[str, str]) -> dict[str, Any]:
    made, graph = plan.quantized.provenance, plan.quantized.graph
    front_end = graph.frontend
    return {
        "format": _FORMAT,
        "abi": ABI,
        "name": made.model_name,
        "provenance": {
            "tool_version": made.tool_version,
            "model_name": made.model_name,
            "model_hash": made.model_hash,
            "calibration_hash": made.calibration_hash,
        },
        "board": plan.board,
        "instrumented": plan.instrumented,
        "method": plan.quantized.method,
        "front_end": None
        if front_end is None
        else {name: getattr(front_end, name) for name in type(front_end).__dataclass_fields__},
        "input": {"size": graph.tensors[graph.input].size, **_scale(plan, graph.input)},
        "output": {"size": graph.tensors[graph.output].size, **_scale(plan, graph.output)},
        "memory": {
            "weight_bytes": plan.weight_bytes,
            "arena_bytes": plan.arena_elements,
            "state_bytes": plan.state_bytes,
            "model_bytes": plan.model_bytes,
        },
        "macs": {"all_open": plan.macs_all_open, "all_closed": plan.macs_all_closed},
        "gates": [
            {
                "name": name,
                "channels": plan.gates.channels[name],
                "offset": plan.gates.offsets[name],
                "components": list(graph.gates[name].components),
            }
            for name in plan.gates.offsets
        ],
        "layers": [_manifest_layer(plan, step) for step in plan.steps],
        "files": sorted(files),
    }


def _scale(plan: Plan, tensor: str) -> dict[str, Any]:
    quantization = plan.quantized.quantization[tensor]
    return {"scale": quantization.scale, "zero_point": quantization.zero_point}


def _manifest_layer(plan: Plan, step: Step) -> dict[str, Any]:
    node = step.node
    macs = plan.macs.get(node.name)
    return {
        "name": node.name,
        "op": node.op,
        "title": operators()[node.op].describe(node),
        "activation": node.activation,
        "macs": 0 if macs is None else macs.all_open,
        "row_gate": node.row_gate,
        "column_gate": node.column_gate,
        "parts": [_manifest_part(plan, part) for part in node.parts],
        "weight_bytes": sum(constant.values.nbytes for call in step.calls for constant in constants(call)),
        "kernels": [call.function for call in step.calls],
    }


def _manifest_part(plan: Plan, part: Part) -> dict[str, Any]:
    component = part.component
    gates = plan.quantized.graph.gates
    return {
        "channels": part.channels,
        "component": None if component is None else gates[component.gate].components[component.bit],
        "on_skip": None if component is None else part.on_skip,
    }
