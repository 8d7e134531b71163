"""What the generated frame function prints: one commented step per node, its branches, and the calls in them."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from slimse_mcu.graph import Component, Graph, Node, State
from slimse_mcu.ops import operators
from slimse_mcu.ops.op import KernelCall, Macs
from slimse_mcu.plan import Plan, Step

#: C names of each call's constants by node, call suffix and field; the structure itself has field "".
Symbols = Mapping[tuple[str, str, str], str]
_LINE = 100
#: What follows ``MODEL_`` elsewhere in ``model.h``.
_MACROS = frozenset(
    f"MODEL_{name}"
    for name in (
        "H",
        "INPUT_SIZE",
        "OUTPUT_SIZE",
        "LAYER_COUNT",
        "GATE_BYTES",
        "HAS_AUDIO",
        "INSTRUMENTED",
        "HOP",
        "NO_LIMIT",
        "OUTPUT_SCALE",
        "OUTPUT_ZERO_POINT",
    )
)


def frame_steps(plan: Plan, symbols: Symbols) -> Iterator[dict[str, Any]]:
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
        for component, blocks in itertools.groupby(node.column_blocks, key=lambda block: block.component):
            count = sum(block.channels for block in blocks)
            condition = None if component is None else _condition(plan, component)
            ranges.append({"condition": condition, "first": first, "count": count})
            first += count
        result[node.name] = {"name": name, "ranges": ranges}
    return result


def _spans_name(plan: Plan, node: Node) -> str:
    """Readers of equal patterns share one list, named after the tensor that the first of them reads."""
    same = (step.node for step in plan.steps if step.node.column_blocks == node.column_blocks)
    name = f"{next(same).inputs[0]}_open"
    while name in plan.quantized.graph.tensors or name in plan.quantized.graph.gates:
        name += "_"
    return name


def _branches(plan: Plan, step: Step, symbols: Symbols) -> Iterator[dict[str, Any]]:
    """The node's calls; those that a component rules with their condition and what runs instead."""
    parts = step.node.parts

    def ruler(call: KernelCall) -> Component | None:
        return None if call.part is None or not parts else parts[call.part].component

    for component, group in itertools.groupby(step.calls, key=ruler):
        calls = list(group)
        indent = 4 if component is None else 8
        ruled = dict.fromkeys(call.part for call in calls if call.part is not None)
        closed = [step.closed[part] for part in ruled if component is not None and part in step.closed]
        yield {
            "condition": None if component is None else _condition(plan, component),
            "calls": [_call(plan, step, call, symbols, indent) for call in calls],
            "otherwise": [_call(plan, step, call, symbols, indent) for call in closed],
        }


def _comment(plan: Plan, node: Node) -> str:
    text = f"{node.name}: {operators()[node.op].describe(node)}"
    if node.activation != "linear":
        text += f", {node.activation}"
    macs = plan.macs.get(node.name)
    if macs is None:
        text += "."
    elif macs.row_gate and macs.column_gate:
        text += f". {macs.all_open} MACs with all channels open."
    elif macs.row_gate:
        text += f". {macs.columns * macs.taps} MACs per open channel of {macs.row_gate}, {macs.all_open} in all."
    elif macs.column_gate:
        text += f". {macs.rows * macs.taps} MACs per open channel of {macs.column_gate}, {macs.all_open} in all."
    else:
        text += f". {macs.all_open} MACs{_macs_by_component(plan, node, macs)}."
    if not operators()[node.op].mixes_widths and plan.quantized.quantization[node.inputs[0]].is_wide:
        text += " Works on int16."
    if node.row_gate:
        text += " A closed channel is not computed and is 0."
    if node.column_gate or node.column_blocks:
        text += " A closed input is not read."
    text += "".join(_parts_text(plan, node))
    if node.period > 1:
        text += f" Runs every {node.period} frames."
    return text


def _macs_by_component(plan: Plan, node: Node, macs: Macs) -> str:
    """What closing each component alone saves of a layer: ``, 4608 less without head1``."""
    ruled = [part.component for part in node.parts] + [block.component for block in node.column_blocks]
    texts = []
    for component in dict.fromkeys(component for component in ruled if component is not None):
        bits = {name: np.ones(count, bool) for name, count in plan.gates.channels.items()}
        bits[component.gate][component.bit] = False
        saved = macs.all_open - int(macs.count(plan.gates.opened(plan.gates.pack(bits))))
        texts.append(f", {saved} less without {_component_name(plan, component)}")
    return "".join(texts)


def _parts_text(plan: Plan, node: Node) -> Iterator[str]:
    """Which channels a component rules, and what they show while it is closed."""
    last = -1
    for (component, on_skip), parts in itertools.groupby(node.parts, key=lambda part: (part.component, part.on_skip)):
        first, last = last + 1, last + sum(part.channels for part in parts)
        if component is not None:
            yield (
                f" Channels {first} to {last}: without {_component_name(plan, component)} they {_shown(node, on_skip)}."
            )


def _shown(node: Node, on_skip: str) -> str:
    """What the channels of a closed part do."""
    return {"zero": "are 0", "hold": "keep their values", "bypass": f"show {node.bypass}"}[on_skip]


def call_title(plan: Plan, step: Step, call: KernelCall) -> str:
    """What a call computes: the node, or the channels of one of its parts, and when these do not run at all."""
    node = step.node
    title = operators()[node.op].describe(node)
    if call.note:
        return f"{title}: {call.note}"
    index = next((number for number, other in step.closed.items() if other is call), call.part)
    if index is None or not node.parts:
        return title
    part = node.parts[index]
    first = sum(other.channels for other in node.parts[:index])
    channels = f"channels {first} to {first + part.channels - 1}"
    if part.component is None:
        return f"{title}: {channels}"
    name = _component_name(plan, part.component)
    if call is step.closed.get(index):
        return f"{channels} {_shown(node, part.on_skip)} while {name} is closed"
    return f"{title}: {channels}, while {name} is open"


def _component_name(plan: Plan, component: Component) -> str:
    return plan.quantized.graph.gates[component.gate].components[component.bit]


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
        "limit": "m->limit",
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
        "kernel": f"slimse_ring_push_s{plan.quantized.quantization[state.tensor].bits}",
        "period": plan.quantized.graph.tensors[state.tensor].period,
    }


def components(plan: Plan, gate: str) -> list[dict[str, Any]]:
    """The components of a policy's gate: bit, C name, and the layers of which it opens parts."""
    result = []
    for component, symbol in _component_symbols(plan.quantized.graph).items():
        if component.gate == gate:
            nodes = (step.node for step in plan.steps)
            ruled = [node.name for node in nodes if any(part.component == component for part in node.parts)]
            result.append({"bit": component.bit, "symbol": symbol, "rules": ", ".join(ruled)})
    return result


def _component_symbols(graph: Graph) -> dict[Component, str]:
    """Names of the components' bits: ``MODEL_POLICY_HEAD_1``, each used once and no macro of ``model.h``."""
    symbols: dict[Component, str] = {}
    for gate in graph.gates.values():
        for bit, component in enumerate(gate.components):
            symbol = f"MODEL_{gate.name}_{component}".upper()
            while symbol in _MACROS or symbol in symbols.values():
                symbol += "_"
            symbols[Component(gate.name, bit)] = symbol
    return symbols


def _condition(plan: Plan, component: Component) -> str:
    return f"slimse_is_open(&{component.gate}, {_component_symbols(plan.quantized.graph)[component]}) != 0U"
