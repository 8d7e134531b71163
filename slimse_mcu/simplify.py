"""Rewrites a freshly imported graph: folds normalization, fuses activations, attaches gates to the layers they rule.

Each pass takes a graph and returns one that computes the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from slimse_mcu.errors import ModelError
from slimse_mcu.graph import Block, Graph, Node, State, Tensor
from slimse_mcu.ops import operators

#: A kernel keeps one range per block that it may have to skip.
_MAX_BLOCKS = 16


def simplify(graph: Graph) -> Graph:
    """All passes, in the order that lets each find what the earlier ones prepared.

    Raises:
        ModelError: A gate depends on the layers that it rules, or there is nothing to compute.
    """
    _check_gates(graph)
    passes = (_drop_unused, _fold_affine, _fuse_activations, _fuse_gates, _fuse_parts, _spread_gates, _spread_blocks)
    for rewrite in (*passes, _drop_unused):
        graph = rewrite(graph)
    _check(graph)
    return graph


def _readers(graph: Graph) -> Counter[str]:
    """How often each tensor is read; the model's output counts as a reader."""
    readers = Counter(name for node in graph.nodes for name in node.tensors_read)
    readers[graph.output] += 1
    return readers


def _producers(graph: Graph) -> dict[str, Node]:
    return {node.output: node for node in graph.nodes}


def _merge(graph: Graph, producer: Node, consumer: Node, merged: Node) -> Graph:
    """Replace a producer and its only consumer by one node that writes the consumer's tensor under its own name."""
    name = producer.name
    before = graph.tensors[consumer.output]
    tensors = {key: value for key, value in graph.tensors.items() if key not in (producer.output, consumer.output)}
    tensors[name] = Tensor(name, graph.tensors[producer.output].shape, before.period, before.gate)

    def renamed(node: Node) -> Node:
        inputs = tuple(name if tensor == consumer.output else tensor for tensor in node.inputs)
        bypass = name if node.bypass == consumer.output else node.bypass
        states = tuple(
            replace(state, tensor=name) if state.tensor == consumer.output else state for state in node.states
        )
        return replace(node, inputs=inputs, bypass=bypass, states=states)

    merged = renamed(replace(merged, name=name, output=name))
    nodes = tuple(merged if node is consumer else renamed(node) for node in graph.nodes if node is not producer)
    output = name if graph.output == consumer.output else graph.output
    return replace(graph, nodes=nodes, tensors=tensors, output=output)


def _merge_pairs(graph: Graph, merged: Callable[[Node, Node], Node | None]) -> Graph:
    """Merge producers into their only reader until there is no pair left for which ``merged`` returns a node."""
    while (smaller := _merge_first(graph, merged)) is not None:
        graph = smaller
    return graph


def _merge_first(graph: Graph, merged: Callable[[Node, Node], Node | None]) -> Graph | None:
    readers, producers = _readers(graph), _producers(graph)
    for node in graph.nodes:
        producer = producers.get(node.inputs[0])
        if producer is None or readers[producer.output] != 1 or producer.row_gate is not None or producer.parts:
            continue
        both = merged(producer, node)
        if both is not None:
            return _merge(graph, producer, node, both)
    return None


def _is_vector(node: Node) -> bool:
    """Whether a channel gate can rule a node: what a Reshape spreads over frequencies are other channels."""
    return bool(node.attributes["positions"] == 1)


def _skips_rows(node: Node) -> bool:
    """Whether a channel gate can close rows of a node; no kernel obeys a channel gate and components at once."""
    return operators()[node.op].skips_rows and _is_vector(node) and not node.parts


def _fold_affine(graph: Graph) -> Graph:
    """Fold a per-channel scale and offset (batch normalization) into the linear layer that feeds only it."""

    def merged(producer: Node, node: Node) -> Node | None:
        affine = operators()[node.op].affine(node)
        if affine is None or producer.activation != "linear" or producer.period != node.period:
            return None
        if not operators()[producer.op].is_linear or len(producer.weights["kernel"]) != len(affine[0]):
            return None
        factor, offset = affine
        kernel = producer.weights["kernel"].astype(np.float64)
        scaled = kernel * factor.reshape(-1, *([1] * (kernel.ndim - 1)))
        bias = producer.weights["bias"].astype(np.float64) * factor + offset
        weights = {"kernel": scaled.astype(np.float32), "bias": bias.astype(np.float32)}
        return replace(producer, weights=weights, activation=node.activation)

    return _merge_pairs(graph, merged)


def _fuse_activations(graph: Graph) -> Graph:
    """Fuse relu and relu6 into the layer that feeds only them, where that layer can clamp its output."""

    def merged(producer: Node, node: Node) -> Node | None:
        if node.op != "lookup" or producer.activation != "linear":
            return None
        function = node.attributes["function"]
        return replace(producer, activation=function) if function in operators()[producer.op].fuses else None

    return _merge_pairs(graph, merged)


def _fuse_gates(graph: Graph) -> Graph:
    """Let the layer that feeds a GateChannels skip the closed rows itself, where nothing else reads its output."""

    def merged(producer: Node, node: Node) -> Node | None:
        if node.op != "gate_channels" or not _skips_rows(producer):
            return None
        return replace(producer, row_gate=node.row_gate)

    return _order(_merge_pairs(graph, merged))


def _fuse_parts(graph: Graph) -> Graph:
    """Let the layer that feeds a GateParts skip the closed parts itself, where nothing else reads its output."""
    taken = {*graph.tensors, *graph.gates, *(state.name for state in graph.states)}

    def renamed(state: State, name: str) -> State:
        return state if name in taken else replace(state, name=name)

    def merged(producer: Node, node: Node) -> Node | None:
        if node.op != "gate_parts" or not operators()[producer.op].skips_parts or producer.period != node.period:
            return None
        if graph.tensors[producer.output].channels != graph.tensors[node.output].channels:
            return None
        held = (renamed(state, f"{producer.name}_held") for state in node.states)
        states = (*producer.states, *held)
        return replace(producer, parts=node.parts, bypass=node.bypass, states=states)

    return _order(_merge_pairs(graph, merged))


def _spread_blocks(graph: Graph) -> Graph:
    """Carry the blocks that components close along the flow, to the layers that need not read them."""
    tensors = dict(graph.tensors)
    nodes = []
    for node in graph.nodes:
        operator = operators()[node.op]
        inputs = [tensors[name] for name in node.inputs]
        blocks = inputs[0].blocks
        is_ungated = node.row_gate is None and node.column_gate is None
        fits = len(blocks) <= _MAX_BLOCKS and operator.block_channels(node) == inputs[0].channels
        if blocks and is_ungated and fits:
            node = replace(node, column_blocks=blocks)
        nodes.append(node)
        if node.output in tensors:
            tensors[node.output] = replace(tensors[node.output], blocks=_output_blocks(node, inputs))
    return replace(graph, nodes=tuple(nodes), tensors=tensors)


def _output_blocks(node: Node, inputs: Sequence[Tensor]) -> tuple[Block, ...]:
    if node.parts:
        blocks = tuple(Block(part.channels, part.component if part.on_skip == "zero" else None) for part in node.parts)
    else:
        blocks = operators()[node.op].output_blocks(node, inputs)
    return blocks if any(block.component is not None for block in blocks) else ()


def _spread_gates(graph: Graph) -> Graph:
    """Carry gates through elementwise layers, against and along the flow, and to the columns of their readers."""
    nodes = {node.name: node for node in graph.nodes}
    tensors = dict(graph.tensors)
    readers = _readers(graph)
    by_output = {node.output: node.name for node in graph.nodes}
    for node in reversed(graph.nodes):
        node = nodes[node.name]
        if node.row_gate is None or not operators()[node.op].elementwise:
            continue
        for source in node.inputs:
            producer = nodes.get(by_output.get(source, ""))
            if producer is None or readers[source] != 1 or producer.row_gate is not None:
                continue
            if _skips_rows(producer) and producer.period == node.period:
                nodes[producer.name] = replace(producer, row_gate=node.row_gate)
                tensors[source] = replace(tensors[source], gate=node.row_gate)
    for original in graph.nodes:
        node, operator = nodes[original.name], operators()[original.op]
        gates = [tensors[name].gate for name in node.inputs]
        if operator.elementwise and node.row_gate is None and _skips_rows(node) and operator.keeps_zero(node):
            shared = set(gates)
            if len(shared) == 1 and None not in shared:
                node = replace(node, row_gate=gates[0])
        if operator.skips_columns and gates[0] is not None and _is_vector(node) and not node.parts:
            node = replace(node, column_gate=gates[0])
        nodes[node.name] = node
        if node.row_gate is not None and node.output in tensors:
            tensors[node.output] = replace(tensors[node.output], gate=node.row_gate)
    return _order(replace(graph, nodes=tuple(nodes[node.name] for node in graph.nodes), tensors=tensors))


def _order(graph: Graph) -> Graph:
    """Execution order: each node once its inputs and the gates that rule it are known, the imported order otherwise."""
    known, order, pending = {graph.input}, [], list(graph.nodes)
    while pending:
        for index, node in enumerate(pending):
            needs = {*node.tensors_read, *node.gates_read}
            if needs <= known:
                known.add(node.output)
                order.append(pending.pop(index))
                break
        else:
            gates = {gate for node in pending for gate in node.gates_read if gate not in known}
            raise ModelError(
                f"Layer '{min(gates)}' decides a gate from layers that it rules: "
                f"{', '.join(node.name for node in pending if node.name not in gates)}.",
                hint="Decide a gate from what comes before the layers that it closes.",
            )
    return replace(graph, nodes=tuple(order))


def _drop_unused(graph: Graph) -> Graph:
    """Remove nodes whose output nothing reads."""
    needed = {graph.output}
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if node.output in needed:
            kept.append(node)
            needed.update(node.tensors_read)
            needed.update(node.gates_read)
    nodes = tuple(reversed(kept))
    names = {node.output for node in nodes} | {graph.input}
    return replace(
        graph,
        nodes=nodes,
        tensors={name: tensor for name, tensor in graph.tensors.items() if name in names},
        gates={name: gate for name, gate in graph.gates.items() if name in names},
    )


def _check_gates(graph: Graph) -> None:
    """Refuse a gate, or a component of a policy, that opens nothing: it would cost MACs and save none."""
    for gate in graph.gates.values():
        if not any(gate.name in node.gates_read for node in graph.nodes):
            raise ModelError(
                f"Layer '{gate.name}' decides a gate that nothing reads.",
                hint="Call GateChannels, GateParts or another gated layer on it, or remove it.",
            )
        used = {
            part.component.bit
            for node in graph.nodes
            for part in node.parts
            if part.component is not None and part.component.gate == gate.name
        }
        for bit, name in enumerate(gate.components):
            if bit not in used:
                raise ModelError(
                    f"Layer '{gate.name}' decides component '{name}', which nothing reads.",
                    hint="Name its number in the components of a gated layer, or remove it.",
                )


def _check(graph: Graph) -> None:
    for node in graph.nodes:
        if node.output == graph.output and any(state.kind == "held" for state in node.states):
            raise ModelError(
                f"Layer '{node.name}' holds the model's output, which has no memory of its own.",
                hint="Put a layer behind it.",
            )
    if not graph.nodes:
        raise ModelError("The model's output is its input: there is nothing to compile.", hint="Save a trained model.")
