"""Fourth stage: plan -> C sources.  Templates print; every value is computed here."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from slimse_mcu import assets, frontend
from slimse_mcu.dsp.path import AudioPath
from slimse_mcu.emit_frame import Symbols, call_title, components, frame_steps
from slimse_mcu.errors import ModelError
from slimse_mcu.graph import Part, Provenance, Quantization
from slimse_mcu.kernels import PORTABLE
from slimse_mcu.ops import operators
from slimse_mcu.ops.op import Constant, KernelCall
from slimse_mcu.plan import Plan, Step, constants
from slimse_mcu.runtime import audio_files, kernel_files
from slimse_mcu.version import ABI
from slimse_mcu.worst_case import limit_table

MANIFEST = "project.json"
_FORMAT = 1
_MODEL_FILES = tuple(f"model{part}.{kind}" for part in ("", "_layers", "_weights") for kind in "hc")
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
        kernels: Folders of the kernels that it holds, in search order; the portable one alone: any board.
    """

    name: str
    files: Mapping[str, str]
    provenance: Provenance
    kernels: tuple[str, ...] = (PORTABLE,)

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
        both = plan.quantized.quantization[graph.input], plan.quantized.quantization[graph.output]
        audio = frontend.render_context(_audio(plan), graph.frontend, *both, plan.quantized.provenance)
        files.update({name: _render(f"{name}.j2", audio) for name in ("model_audio.h", "model_audio.c")})
    files.update(_runtime(plan))
    files[MANIFEST] = json.dumps(_manifest(plan, files), indent=2) + "\n"
    return Project(plan.quantized.provenance.model_name, files, plan.quantized.provenance, plan.kernels)


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
        kernels = tuple(map(str, manifest.get("kernels", (PORTABLE,))))
        return Project(manifest["name"], files, provenance, kernels)
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
    quantization = plan.quantized.quantization
    rings = (state for state in plan.quantized.graph.states if state.kind == "ring")
    return functions | {f"slimse_ring_push_s{quantization[state.tensor].bits}" for state in rings}


def _runtime(plan: Plan) -> Iterator[tuple[str, str]]:
    """The runtime sources that the model calls."""
    yield "slimse.h", assets.read_text("firmware/slimse.h")
    yield from kernel_files(sorted(_functions(plan)), plan.kernels).items()
    if plan.quantized.graph.frontend is not None:
        yield from audio_files(_audio(plan).files, plan.kernels).items()


def _audio(plan: Plan) -> AudioPath[Any]:
    """Constants of the front and back end of a model that has one."""
    graph, quantization = plan.quantized.graph, plan.quantized.quantization
    assert graph.frontend is not None, "the model has a front end"
    assert plan.audio_arithmetic is not None, "the plan says what it computes in"
    return frontend.audio_path(
        graph.frontend, quantization[graph.input], quantization[graph.output], plan.audio_arithmetic
    )


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
        "target": _target(plan),
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
                "bytes": _bytes(plan, state.name),
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
                "bytes": _bytes(plan, state.name),
                "ctype": quantization[state.tensor].ctype,
            }
            for state in graph.states
            if state.kind == "held"
        ],
        "hidden": [
            {"name": state.name, "bytes": 2 * state.channels} for state in graph.states if state.kind == "hidden"
        ],
        "scratch_elements": plan.scratch_elements,
        "state_bytes": plan.state_bytes,
        "arena_ctype": _arena_ctype(plan),
        "arena_elements": max(4, plan.arena_bytes) // (2 if _arena_ctype(plan) == "int16_t" else 1),
        "arena_bytes": plan.arena_bytes,
        "wide": ", ".join(plan.quantized.wide),
        "list_elements": max(1, plan.list_elements),
        "model_bytes": plan.model_bytes,
        "weight_bytes": plan.weight_bytes,
        "macs_all_open": plan.macs_all_open,
        "macs_all_closed": plan.macs_all_closed,
        "limits": limit_table(graph),
        "arena": [_arena_buffer(plan, buffer) for buffer in plan.arena],
        "steps": list(frame_steps(plan, symbols)),
        "layers": [_layer(plan, step, call, symbols) for step in plan.steps for call in step.all_calls],
        "kernels": sorted(_functions(plan)),
        "node_names": [step.node.name for step in plan.steps],
    }


def _target(plan: Plan) -> str:
    """Which cores the kernels run on, for people."""
    optimised = [folder for folder in plan.kernels if folder != PORTABLE]
    return f"{', '.join(optimised)}; other cores are refused" if optimised else "portable: any core"


def _tensor(plan: Plan, name: str) -> dict[str, Any]:
    quantization: Quantization = plan.quantized.quantization[name]
    low, high = quantization.real_range
    return {
        "ctype": quantization.ctype,
        "kind": f"int{quantization.bits}",
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
        "components": components(plan, name),
    }


def _arena_buffer(plan: Plan, buffer: Any) -> dict[str, Any]:
    graph = plan.quantized.graph
    last = min(buffer.last, len(graph.nodes) - 1)
    until = "kept" if plan.instrumented else f"{graph.nodes[buffer.first].name} to {graph.nodes[last].name}"
    arena = _arena_ctype(plan)
    return {
        "name": buffer.name,
        "ctype": buffer.ctype,
        # What is declared as int16 may be used as int8, not the other way round.
        "cast": "" if buffer.ctype == arena else f"({buffer.ctype} *)",
        "index": buffer.offset // (2 if arena == "int16_t" else 1),
        "offset": buffer.offset,
        "elements": buffer.elements,
        "bytes": buffer.bytes,
        "lifetime": until,
    }


def _arena_ctype(plan: Plan) -> str:
    """C type that the arena is declared with."""
    return "int16_t" if any(buffer.ctype == "int16_t" for buffer in plan.arena) else "int8_t"


def _bytes(plan: Plan, state: str) -> int:
    """Size of a state."""
    return next(member.bytes for member in plan.state if member.name == state)


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


def _layer(plan: Plan, step: Step, call: KernelCall, symbols: Symbols) -> dict[str, Any]:
    node, fields = step.node, []
    for key, value in call.fields.items():
        text = symbols[node.name, call.suffix, key] if isinstance(value, Constant) else str(int(value))
        fields.append({"name": key, "value": text})
    return {
        "name": f"{node.name}{call.suffix}",
        "symbol": symbols[node.name, call.suffix, ""],
        "struct": call.struct,
        "title": call_title(plan, step, call),
        "fields": fields,
        "arrays": [_array(symbols[node.name, call.suffix, key], value) for key, value in _arrays(call)],
        "bytes": sum(constant.values.nbytes for constant in constants(call)),
    }


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
        "kernels": list(plan.kernels),
        "instrumented": plan.instrumented,
        "method": plan.quantized.method,
        "front_end": None
        if front_end is None
        else {name: getattr(front_end, name) for name in type(front_end).__dataclass_fields__},
        "audio_arithmetic": plan.audio_arithmetic,
        "input": {"size": graph.tensors[graph.input].size, **_scale(plan, graph.input)},
        "output": {"size": graph.tensors[graph.output].size, **_scale(plan, graph.output)},
        "memory": {
            "weight_bytes": plan.weight_bytes,
            "arena_bytes": plan.arena_bytes,
            "state_bytes": plan.state_bytes,
            "model_bytes": plan.model_bytes,
        },
        "macs": {"all_open": plan.macs_all_open, "all_closed": plan.macs_all_closed},
        "limits": limit_table(graph),
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
        **({"wide": list(plan.quantized.wide)} if plan.quantized.wide else {}),
        "files": sorted(files),
    }


def _scale(plan: Plan, tensor: str) -> dict[str, Any]:
    quantization = plan.quantized.quantization[tensor]
    bits = {"bits": quantization.bits} if quantization.is_wide else {}
    return {"scale": quantization.scale, "zero_point": quantization.zero_point, **bits}


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
