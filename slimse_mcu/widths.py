"""Which tensors are int16, and where their width changes.

A layer works on int16 tensors when one that it reads or writes is wide.  What else it reads is widened in front of it,
and what it writes is narrowed behind it, so that no kernel has to know both widths.  Operators that move tensors anyway
take each in its own width.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import CHANGE, Graph, Node, State, Tensor
from slimse_mcu.ops import operators


def widenable(graph: Graph) -> tuple[str, ...]:
    """Tensors that may be int16: all layers that read or write them have 16-bit arithmetic; in execution order."""
    names = [graph.input, *(node.output for node in graph.nodes if node.output in graph.tensors)]
    return tuple(name for name in names if not any(name in _touched(node) for node in _narrow_only(graph)))


def check_wide(graph: Graph, wide: Collection[str]) -> None:
    """Refuse tensors that do not exist or cannot be int16.

    Raises:
        QuantizeError: Names the tensor, and the layer that has no 16-bit arithmetic.
    """
    for name in wide:
        if name not in graph.tensors:
            raise QuantizeError(
                f"There is no tensor '{name}' to hold in 16 bits.",
                hint="Name tensors as in the generated C, or in project.json.",
            )
        for node in _narrow_only(graph):
            if name in _touched(node):
                does = "writes" if node.output == name else "reads"
                raise QuantizeError(
                    f"Layer '{node.name}' ({node.op}) works on int8 only and {does} '{name}'.",
                    hint="Leave that tensor at 8 bits.",
                )


def with_changes(graph: Graph, wide: Collection[str]) -> Graph:
    """The graph with nodes that widen and narrow tensors, where ``wide`` ones meet others.

    A widened tensor ``x`` is called ``x_wide``.  A layer whose output ``y`` is int8 but which works on int16 writes
    ``y_wide``, with its states, and a node narrows that to ``y``.

    Raises:
        QuantizeError: As :func:`check_wide`.
    """
    check_wide(graph, wide)
    return _Changes(graph, frozenset(wide)).graph() if wide else graph


def _touched(node: Node) -> frozenset[str]:
    return frozenset((*node.tensors_read, node.output))


def _narrow_only(graph: Graph) -> Iterator[Node]:
    return (node for node in graph.nodes if 16 not in operators()[node.op].widths)


@dataclass(slots=True)
class _Changes:
    """Builds the graph; mutable."""

    source: Graph
    wide: frozenset[str]
    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    widened: dict[str, str] = field(default_factory=dict)

    def graph(self) -> Graph:
        self.tensors.update(self.source.tensors)
        for node in self.source.nodes:
            is_wide = not operators()[node.op].mixes_widths and any(
                name in self.wide for name in (*node.inputs, node.output)
            )
            if is_wide:
                self._add_wide(node)
            else:
                self.nodes.append(node)
        return replace(self.source, nodes=tuple(self.nodes), tensors=self.tensors)

    def _add_wide(self, node: Node) -> None:
        read = {name: name if name in self.wide else self._widened(name) for name in node.inputs}
        written = node.output
        if node.output in self.tensors and node.output not in self.wide:
            written = self._tensor_like(node.output)
        renamed = {**read, node.output: written}
        self.nodes.append(
            replace(
                node,
                inputs=tuple(read[name] for name in node.inputs),
                output=written,
                states=tuple(_of(state, renamed) for state in node.states),
            )
        )
        if written != node.output:
            self._change("narrow", written, node.output)

    def _widened(self, name: str) -> str:
        """The int16 copy of an int8 tensor, made in front of its first reader."""
        if name not in self.widened:
            self.widened[name] = self._tensor_like(name)
            self._change("widen", name, self.widened[name])
        return self.widened[name]

    def _tensor_like(self, name: str) -> str:
        copy = self._unused(f"{name}_wide")
        self.tensors[copy] = replace(self.tensors[name], name=copy)
        return copy

    def _change(self, change: str, source: str, output: str) -> None:
        tensor = self.tensors[source]
        attributes = {
            "channels": tensor.channels,
            "positions": tensor.size // tensor.channels,
            "change": "int8 to int16" if change == "widen" else "int16 to int8",
        }
        name = self._unused(f"{source}_{change}" if change == "widen" else f"{output}_{change}")
        self.nodes.append(Node(name, CHANGE, (source,), output, attributes, period=tensor.period))

    def _unused(self, name: str) -> str:
        """A name that no tensor, gate, state or layer has."""
        taken = {*self.tensors, *self.source.gates, *_names(self.source)} | {node.name for node in self.nodes}
        while name in taken:
            name += "_"
        return name


def _of(state: State, renamed: Mapping[str, str]) -> State:
    return replace(state, tensor=renamed.get(state.tensor, state.tensor))


def _names(graph: Graph) -> Iterator[str]:
    """Names of the layers, and of their states as a board tells them."""
    for node in graph.nodes:
        yield node.name
        for state in node.states:
            yield from (state.name, f"{state.name}_next")
