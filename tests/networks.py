"""Networks written down layer by layer, as a ``.keras`` archive describes them, without Keras; and random ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from slimse_mcu.graph import Graph, Quantization, QuantizedGraph
from slimse_mcu.keras_archive import KerasArchive, KerasLayer
from slimse_mcu.load import read_graph
from slimse_mcu.ops.arithmetic import choose_quantization
from slimse_mcu.quantize import quantize_with
from slimse_mcu.streaming import Trace, run_float

_DECIDING = ("slimse>ChannelGate",)


@dataclass(frozen=True)
class Value:
    """A tensor of a network under construction: the layer it comes from, its channels, frame period and positions."""

    layer: str
    channels: int
    period: int = 1
    positions: int = 0  # 0: no frequency axis


class Network:
    """Collects layers; every method adds one (or a usual group) and returns its output."""

    def __init__(self, channels: int, seed: int = 0, weight_spread: float = 0.0) -> None:
        self.rng = np.random.default_rng(seed)
        self.weight_spread = weight_spread
        self.layers: list[KerasLayer] = []
        self.output: Value | None = None
        self.input = self.add("InputLayer", {"batch_shape": [None, None, channels]}, (), channels)

    def add(
        self,
        kind: str,
        config: dict[str, Any],
        inputs: Sequence[Value],
        channels: int,
        weights: Sequence[NDArray[Any]] = (),
        stride: int = 1,
        name: str = "",
        positions: int | None = None,
    ) -> Value:
        """Add a layer; its output has as many positions as its first input where ``positions`` is None."""
        name = name or f"{kind.split('>')[-1].lower()}_{len(self.layers)}"
        calls = (tuple((value.layer, 0) for value in inputs),) if inputs else ()
        arrays = tuple(np.asarray(array, np.float32) for array in weights)
        self.layers.append(KerasLayer(name, kind, {"name": name, **config}, calls, arrays))
        period = inputs[0].period if inputs else 1
        if positions is None:
            positions = inputs[0].positions if inputs else 0
        return Value(name, channels, period * stride, positions)

    def graph(self, output: Value) -> Graph:
        """The streaming graph that ends with ``output``."""
        self.output = output
        # Keras keeps no layer that leads nowhere, and a gate that nothing reads is refused.
        read = {name for layer in self.layers for call in layer.calls for name, _ in call}
        layers = tuple(one for one in self.layers if one.name in read or one.kind not in _DECIDING)
        archive = KerasArchive("network", "0" * 64, layers, (self.layers[0].name,), ((output.layer, 0),))
        return read_graph(archive)

    def normal(self, *shape: int, fan_in: int = 1) -> NDArray[np.float64]:
        """Random weights with rows (last axis) of very different size when ``weight_spread`` is not 0."""
        rows = 10.0 ** self.rng.uniform(-self.weight_spread, self.weight_spread, shape[-1])
        return self.rng.normal(0, 1 / np.sqrt(fan_in), shape) * rows

    def bias(self, channels: int) -> NDArray[np.float64]:
        return self.rng.normal(0, 0.3, channels)

    def dense(self, x: Value, units: int, activation: str = "linear", name: str = "") -> Value:
        weights = [self.normal(x.channels, units, fan_in=x.channels), self.bias(units)]
        return self.add("Dense", {"activation": activation}, [x], units, weights, name=name)

    def conv(
        self,
        x: Value,
        filters: int,
        kernel: int,
        dilation: int = 1,
        stride: int = 1,
        activation: str = "linear",
        use_bias: bool = True,
    ) -> Value:
        config = {
            "padding": "causal",
            "dilation_rate": [dilation],
            "strides": [stride],
            "activation": activation,
            "use_bias": use_bias,
        }
        weights = [self.normal(kernel, x.channels, filters, fan_in=kernel * x.channels)]
        weights += [self.bias(filters)] if use_bias else []
        return self.add("Conv1D", config, [x], filters, weights, stride)

    def _padded(self, x: Value, kernel: int, dilation: int) -> Value:
        reach = (kernel - 1) * dilation
        return self.add("ZeroPadding1D", {"padding": [reach, 0]}, [x], x.channels) if reach else x

    def depthwise(
        self,
        x: Value,
        kernel: int,
        dilation: int = 1,
        stride: int = 1,
        multiplier: int = 1,
        activation: str = "linear",
        name: str = "",
    ) -> Value:
        config = {
            "padding": "valid",
            "dilation_rate": [dilation],
            "strides": [stride],
            "depth_multiplier": multiplier,
            "activation": activation,
        }
        channels = x.channels * multiplier
        weights = [self.normal(kernel, x.channels, multiplier, fan_in=kernel), self.bias(channels)]
        source = self._padded(x, kernel, dilation)
        return self.add("DepthwiseConv1D", config, [source], channels, weights, stride, name)

    def separable(self, x: Value, filters: int, kernel: int, dilation: int = 1, multiplier: int = 1) -> Value:
        config = {"padding": "valid", "dilation_rate": [dilation], "strides": [1], "activation": "linear"}
        hidden = x.channels * multiplier
        weights = [
            self.normal(kernel, x.channels, multiplier, fan_in=kernel),
            self.normal(1, hidden, filters, fan_in=hidden),
            self.bias(filters),
        ]
        return self.add("SeparableConv1D", config, [self._padded(x, kernel, dilation)], filters, weights)

    def batch_norm(self, x: Value) -> Value:
        gamma, variance = self.rng.uniform(0.3, 1.5, x.channels), self.rng.uniform(0.5, 1.5, x.channels)
        weights = [gamma, self.bias(x.channels), self.bias(x.channels), variance]
        return self.add("BatchNormalization", {"axis": -1, "epsilon": 1e-3}, [x], x.channels, weights)

    def activation(self, x: Value, function: str) -> Value:
        if function == "prelu":
            shape = (1, 1, x.channels) if x.positions else (1, x.channels)
            axes = list(range(1, len(shape)))
            return self.add("PReLU", {"shared_axes": axes}, [x], x.channels, [self.rng.normal(0.2, 0.3, shape)])
        if function == "leaky":
            slope = float(self.rng.choice([0.01, 0.1, 0.25, 0.3, 1.5]))
            return self.add("LeakyReLU", {"negative_slope": slope}, [x], x.channels)
        return self.add("Activation", {"activation": function}, [x], x.channels)

    def combine(self, kind: str, *inputs: Value, name: str = "") -> Value:
        channels = sum(value.channels for value in inputs) if kind == "Concatenate" else inputs[0].channels
        return self.add(kind, {"axis": -1}, inputs, channels, name=name)

    def decide(self, x: Value, channels: int, hidden: int = 0, group: int = 1) -> Value:
        """A gating subnet that opens ``group`` neighbours at once.

        Biases spread the gates over always open, always closed and undecided.
        """
        if hidden:
            x = self.dense(x, hidden, "relu")
        decisions = channels // group
        weights = [self.normal(x.channels, decisions, fan_in=x.channels), self.rng.normal(0, 0.5, decisions)]
        return self.add("slimse>ChannelGate", {"channels": channels, "group": group}, [x], channels, weights)

    def reshape(self, x: Value, positions: int, channels: int) -> Value:
        """The same elements with (0: without) a frequency axis."""
        target = [-1, positions, channels] if positions else [-1, channels]
        return self.add("Reshape", {"target_shape": target}, [x], channels, positions=positions)

    def policy(
        self, x: Value, components: Sequence[str], hidden: int = 0, recurrent: bool = False, name: str = ""
    ) -> Value:
        """A policy; biases spread its decisions over always open, always closed and undecided."""
        count, weights = len(components), []
        if hidden and recurrent:
            weights += [self.normal(x.channels, 3 * hidden, fan_in=x.channels)]
            weights += [self.normal(hidden, 3 * hidden, fan_in=hidden), self.rng.normal(0, 0.3, (2, 3 * hidden))]
        elif hidden:
            weights += [self.normal(x.channels, hidden, fan_in=x.channels), self.bias(hidden)]
        inner = hidden or x.channels
        weights += [2 * self.normal(inner, count, 2, fan_in=inner), self.bias(2 * count).reshape(count, 2)]
        config = {"components": list(components), "hidden": hidden, "recurrent": recurrent}
        return self.add("slimse>Policy", config, [x], count, weights, name=name, positions=0)

    def gate_parts(
        self,
        x: Value,
        policy: Value,
        components: Sequence[int | None],
        on_skip: Sequence[str],
        source: Value | None = None,
    ) -> Value:
        config = {"groups": len(components), "components": list(components), "on_skip": list(on_skip)}
        inputs = [x, policy] if source is None else [x, policy, source]
        return self.add("slimse>GateParts", config, inputs, x.channels)

    def close(self, x: Value, gate: Value) -> Value:
        return self.add("slimse>GateChannels", {}, [x, gate], x.channels)


@dataclass(frozen=True, repr=False)
class Drawn:
    """A drawn network and its graph; prints as a few lines."""

    network: Network
    graph: Graph

    def __repr__(self) -> str:
        lines = [
            f"{node.name}: {node.op}{list(node.inputs)} {node.activation} {dict(node.attributes)} rows={node.row_gate} "
            f"columns={node.column_gate} period={node.period} {node.states or ''}"
            for node in self.graph.nodes
        ]
        return "\n".join(["", f"input {self.graph.tensors[self.graph.input].channels}", *lines])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


SIZES = st.sampled_from([1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 31, 33])
FOLDED_KINDS = ("dense", "conv", "depthwise", "separable", "activation", "folded norm", "pair", "concat")
STATIC_KINDS = (*FOLDED_KINDS, "norm")
STATIC_ACTIVATIONS = ("relu", "relu6", "sigmoid", "tanh", "leaky", "prelu")
MORE_ACTIVATIONS = (*STATIC_ACTIVATIONS, "elu", "silu", "gelu", "softplus", "softsign", "hard_sigmoid")


@st.composite
def static_graphs(
    draw: st.DrawFn,
    max_layers: int = 7,
    activations: Sequence[str] = STATIC_ACTIVATIONS,
    weight_spreads: Sequence[float] = (0.0, 0.0, 1.0, 2.5),
    kinds: Sequence[str] = STATIC_KINDS,
) -> Drawn:
    """A random graph of the layers that TensorFlow Lite has too."""
    network = Network(draw(SIZES), draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from(weight_spreads)))
    pool = [network.input]
    for _ in range(draw(st.integers(1, max_layers))):
        pool.append(_static_layer(draw, network, pool, activations, kinds))
    return Drawn(network, network.graph(pool[-1]))


def _static_layer(
    draw: st.DrawFn,
    network: Network,
    pool: list[Value],
    activations: Sequence[str],
    kinds: Sequence[str] = STATIC_KINDS,
) -> Value:
    x = _pick(draw, pool)
    kernel, dilation = draw(st.integers(1, 5)), draw(st.sampled_from([1, 1, 2, 3, 5]))
    stride = draw(st.sampled_from([1, 1, 1, 2, 3])) if dilation == 1 and x.period < 6 else 1
    fused = draw(st.sampled_from(["linear", "linear", "relu", "relu6"]))
    kind = draw(st.sampled_from(kinds))
    if kind == "dense":
        return network.dense(x, draw(SIZES), fused)
    if kind == "conv":
        return network.conv(x, draw(SIZES), kernel, dilation, stride, fused, draw(st.booleans()))
    if kind == "depthwise":
        multiplier = draw(st.sampled_from([1, 1, 2, 3])) if x.channels < 40 else 1
        return network.depthwise(x, kernel, dilation, stride, multiplier, fused)
    if kind == "separable":
        return network.separable(x, draw(SIZES), kernel, dilation, draw(st.integers(1, 2)))
    if kind == "folded norm":
        return network.batch_norm(network.conv(x, draw(SIZES), kernel, dilation))
    if kind == "norm":
        return network.activation(network.batch_norm(x), "relu") if fused == "relu" else network.batch_norm(x)
    others = [other for other in pool if other.period == x.period]
    if kind == "concat":
        return network.combine("Concatenate", x, *draw(st.lists(st.sampled_from(others), min_size=1, max_size=2)))
    if kind == "pair":
        other = draw(st.sampled_from([other for other in others if other.channels == x.channels]))
        pair = network.combine(draw(st.sampled_from(["Add", "Multiply"])), x, other)
        return pair if fused == "linear" else network.activation(pair, fused)
    return network.activation(x, draw(st.sampled_from(list(activations))))


@st.composite
def gated_graphs(draw: st.DrawFn, max_parts: int = 4) -> Drawn:
    """A random graph with channel gates: blocks of dynamic channel pruning, and gates in odd places."""
    network = Network(draw(SIZES), draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0.0, 0.0, 1.0, 2.5])))
    pool, gates = [network.input], []
    if draw(st.booleans()):
        pool.append(network.dense(network.input, draw(SIZES), "relu"))
    for part in range(draw(st.integers(1, max_parts))):
        kinds = ["block", "block", "gate", "static"]
        kind = "block" if part == 0 and draw(st.booleans()) else draw(st.sampled_from(kinds))
        if kind == "block":
            pool.append(_gated_block(draw, network, pool, gates))
        elif kind == "gate":
            pool.append(_odd_gate(draw, network, pool, gates))
        else:
            pool.append(_static_layer(draw, network, pool, MORE_ACTIVATIONS))
    graph = network.graph(pool[-1])
    if not graph.gates:
        pool.append(_odd_gate(draw, network, pool, gates))
        graph = network.graph(pool[-1])
    return Drawn(network, graph)


def _frame_rate(pool: list[Value]) -> list[Value]:
    return [value for value in pool if value.period == 1]


def _pick(draw: st.DrawFn, values: list[Value]) -> Value:
    """The latest value more often than older ones."""
    return values[-1] if draw(st.booleans()) else draw(st.sampled_from(values))


def _gated_block(draw: st.DrawFn, network: Network, pool: list[Value], gates: list[Value]) -> Value:
    """Expand, gate, depthwise, gate, project, residual; every optional part may be missing."""
    x = _pick(draw, _frame_rate(pool))
    hidden = draw(SIZES)
    group = draw(st.sampled_from([size for size in (1, 2, 4) if hidden % size == 0]))
    source = draw(st.sampled_from(_frame_rate(pool)))
    gate = network.decide(source, hidden, draw(st.sampled_from([0, 0, 3, 5])), group)
    gates.append(gate)
    value = network.dense(x, hidden)
    maybe_norm = draw(st.booleans())
    between = st.sampled_from(["none", "relu", "relu6", "prelu", "leaky", "tanh", "sigmoid", "silu"])
    for depthwise in (False, True):
        if depthwise:
            kernel, dilation = draw(st.integers(1, 4)), draw(st.sampled_from([1, 2, 3]))
            value = network.depthwise(value, kernel, dilation)
        value = network.batch_norm(value) if maybe_norm else value
        order = draw(st.sampled_from(["activate-gate", "gate-activate", "gate", "activate", "gate-gate"]))
        function = draw(between)
        for step in order.split("-"):
            if step == "gate":
                value = network.close(value, gate)
                pool.append(value)
            elif function != "none":
                value = network.activation(value, function)
    reader = draw(st.sampled_from(["dense", "dense", "conv", "depthwise", "separable", "strided", "none"]))
    if reader == "none":
        return value
    if reader == "conv":
        value = network.conv(value, x.channels, draw(st.integers(1, 3)), activation="relu")
    elif reader == "strided":
        return network.conv(value, draw(SIZES), draw(st.integers(1, 3)), stride=2)
    elif reader == "depthwise":
        return network.depthwise(value, draw(st.integers(1, 3)), multiplier=2 if value.channels < 20 else 1)
    elif reader == "separable":
        value = network.separable(value, x.channels, 2)
    else:
        value = network.dense(value, x.channels)
    return network.combine("Add", x, value) if draw(st.booleans()) else value


def _odd_gate(draw: st.DrawFn, network: Network, pool: list[Value], gates: list[Value]) -> Value:
    """A gate on any tensor: of its own or an older one, before or after elementwise layers, on sums and products."""
    x = _pick(draw, _frame_rate(pool))
    fitting = [gate for gate in gates if gate.channels == x.channels]
    if fitting and draw(st.booleans()):
        gate = draw(st.sampled_from(fitting))
    else:
        gate = network.decide(draw(st.sampled_from(_frame_rate(pool))), x.channels)
        gates.append(gate)
    shape = draw(st.sampled_from(["plain", "sum", "product", "gated sum", "chain"]))
    partners = [value for value in _frame_rate(pool) if value.channels == x.channels]
    if shape in ("sum", "product"):
        return network.close(
            network.combine("Add" if shape == "sum" else "Multiply", x, draw(st.sampled_from(partners))), gate
        )
    closed = network.close(x, gate)
    if shape == "gated sum":
        other = network.close(network.activation(draw(st.sampled_from(partners)), "tanh"), gate)
        return network.combine("Add", closed, other)
    if shape == "chain":
        return network.activation(network.activation(closed, "relu"), "prelu")
    return closed


@dataclass(frozen=True)
class Jitter:
    """How far given quantization is from what calibration would choose."""

    seed: int
    octaves: float


JITTERS = st.builds(Jitter, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.7, 0.7, 2.0, 8.0]))


def features_for(graph: Graph, frames: int, seed: int) -> NDArray[np.float32]:
    """Correlated noise ``[frames, inputs]``, as unlike a constant as audio features are."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(frames, graph.tensors[graph.input].size))
    return np.cumsum(values, axis=0).astype(np.float32) / np.float32(np.sqrt(frames))


def random_quantization(graph: Graph, jitter: Jitter, frames: int = 12, wide: Collection[str] = ()) -> QuantizedGraph:
    """Ranges from a float run, each widened or narrowed by up to ``2 ** octaves`` and shifted; ``wide`` in 16 bits."""
    rng = np.random.default_rng(jitter.seed)
    trace: Trace = run_float(graph, features_for(graph, frames, jitter.seed), record=True)
    chosen: dict[str, Quantization] = {}
    for name, values in trace.tensors.items():
        low, high = float(values.min()), float(values.max())
        base = choose_quantization(low, high, 16 if name in wide else 8)
        scale = float(np.float32(base.scale * 2.0 ** rng.uniform(-jitter.octaves, jitter.octaves)))
        moved = int(rng.integers(-128, 128)) if jitter.octaves and rng.random() < 0.3 else base.zero_point
        chosen[name] = replace(base, scale=scale, zero_point=0 if base.is_wide else moved)
    return quantize_with(graph, chosen)


def quantized_features(quantized: QuantizedGraph, frames: int, seed: int) -> NDArray[Any]:
    """Integer frames over the whole range ``[frames, inputs]``."""
    graph = quantized.graph
    rng = np.random.default_rng(seed)
    source = quantized.quantization[graph.input]
    values = rng.integers(source.lowest, source.highest + 1, (frames, graph.tensors[graph.input].size))
    return values.astype(source.dtype)
