"""Channel gates, components of two policies and plain layers on one another in any order."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from conftest import UNSHRUNK
from gated_layers import grouped_gru
from hypothesis import given, settings
from hypothesis import strategies as st
from native.gated import assert_equal_runs, gate_sequences
from networks import JITTERS, Drawn, Jitter, Network, Value, features_for, quantized_features, random_quantization

from slimse_mcu import load
from slimse_mcu.graph import Graph
from slimse_mcu.plan import plan
from slimse_mcu.streaming import gate_layout, run_float

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")

FRAMES = 14
#: Layers that rules meet and pass, or do not.
LAYERS = ("dense", "depthwise", "conv", "stride", "activation", "norm", "gru", "sum", "product", "concat", "positions")


class _Mixed:
    """Draws layers that read any earlier tensor; vectors of 12 channels, which are also 3 positions of 4."""

    def __init__(self, draw: st.DrawFn, network: Network) -> None:
        self.draw, self.network = draw, network
        self.policies = [network.policy(network.input, names) for names in (["a", "b"], ["c"])]
        self.gate = network.decide(network.input, 12)
        self.pool = [network.input, network.dense(network.input, 12)]

    def pick(self, like: Value | None = None) -> Value:
        fitting = [
            one for one in self.pool if like is None or (one.period, one.positions) == (like.period, like.positions)
        ]
        latest = fitting[-1]
        return latest if self.draw(st.booleans()) else self.draw(st.sampled_from(fitting))

    def components(self, x: Value, used: list[int | None] | None = None) -> Value:
        policy = self.draw(st.sampled_from(self.policies))
        if used is None:
            groups = self.draw(st.sampled_from([1, 2, 4]))
            used = [self.draw(st.sampled_from([None, *range(policy.channels)])) for _ in range(groups)]
        return self.parts(x, policy, used)

    def parts(self, x: Value, policy: Value, used: list[int | None]) -> Value:
        rules = [self.draw(st.sampled_from(["zero", "zero", "hold", "bypass"])) for _ in used]
        shows = any(rule == "bypass" for rule, index in zip(rules, used, strict=True) if index is not None)
        return self.network.gate_parts(x, policy, used, rules, self.pick(x) if shows else None)

    def add(self) -> None:
        x = self.pick()
        kind = self.draw(st.sampled_from(["components", "components", "gate", *LAYERS]))
        if kind == "components":
            self.pool.append(self.components(x))
        elif kind == "gate" and not x.positions:
            self.pool.append(self.network.close(x, self.gate))
        else:
            self.pool.append(self.layer(kind, x))

    def layer(self, kind: str, x: Value) -> Value:
        network = self.network
        if kind == "positions":
            return network.reshape(x, 0, 12) if x.positions else network.reshape(x, 3, 4)
        if kind in ("sum", "product"):
            return network.combine("Add" if kind == "sum" else "Multiply", x, self.pick(x))
        if kind == "concat":
            return network.dense(network.combine("Concatenate", x, self.pick(x)), x.channels)
        if kind == "norm":
            return network.batch_norm(x)
        if x.positions or kind in ("dense", "gate"):
            return network.dense(x, x.channels, self.draw(st.sampled_from(["linear", "relu"])))
        if kind == "activation":
            return network.activation(x, self.draw(st.sampled_from(["relu", "tanh", "prelu", "sigmoid"])))
        if kind == "gru":
            rule = self.draw(st.sampled_from(["zero", "hold", "bypass"]))
            return grouped_gru(network, x, self.policies[0], 12, [None, 0, 1], rule)
        if kind == "depthwise":
            return network.depthwise(x, self.draw(st.integers(1, 3)))
        stride = self.draw(st.integers(2, 3)) if kind == "stride" and x.period == 1 else 1
        return network.conv(x, 12, self.draw(st.integers(1, 3)), stride=stride)


@st.composite
def mixed_networks(draw: st.DrawFn) -> Network:
    """A network in which every gate and component rules something."""
    network = Network(12, draw(st.integers(0, 2**32 - 1)))
    mixed = _Mixed(draw, network)
    for _ in range(draw(st.integers(2, 9))):
        mixed.add()
    x = mixed.pick()
    for policy, used in zip(mixed.policies, ([0, 1], [0]), strict=True):
        x = mixed.parts(network.dense(x, x.channels), policy, used)
    x = network.dense(network.reshape(x, 0, 12) if x.positions else x, 12)
    if x.period == 1:
        x = network.dense(network.close(x, mixed.gate), 5)
    else:
        y = network.dense(network.close(network.input, mixed.gate), 12)
        x = network.combine("Add", network.conv(y, 12, 1, stride=x.period), x)
    network.output = x
    return network


def imported(network: Network) -> Graph:
    """The graph as it was read, each layer a node of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "simplify", lambda graph: graph)
        return network.graph(network.output)


def assert_simplified_graph_computes_the_same(network: Network) -> None:
    simple, whole = network.graph(network.output), imported(network)
    layout = gate_layout(simple)
    rng = np.random.default_rng(0)
    bits = {name: rng.random((FRAMES, count)) < 0.5 for name, count in layout.channels.items()}
    features = features_for(simple, FRAMES, 0)
    outputs = [
        run_float(graph, features, forced=gate_layout(graph).pack({**gate_bits(graph), **bits})).output
        for graph in (simple, whole)
    ]
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-3, atol=1e-3 * np.abs(outputs[1]).max())


def gate_bits(graph: Graph) -> dict[str, np.ndarray]:
    """All closed: gates that the simplified graph dropped with the layers that they ruled."""
    return {name: np.zeros((FRAMES, count), bool) for name, count in gate_layout(graph).channels.items()}


@settings(max_examples=120, phases=UNSHRUNK)
@given(mixed_networks())
def test_simplified_graph_computes_the_same(network):
    assert_simplified_graph_computes_the_same(network)


@pytest.mark.slow
@needs_gcc
@settings(max_examples=40, phases=UNSHRUNK)
@given(mixed_networks(), JITTERS, st.booleans(), st.integers(0, 2**31))
def test_generated_c_equals_specification(build, network, jitter, instrumented, seed):
    drawn = Drawn(network, network.graph(network.output))
    quantized = random_quantization(drawn.graph, jitter)
    native = build(plan(quantized, instrumented=instrumented))
    features = quantized_features(quantized, FRAMES, seed)
    for forced in gate_sequences(quantized, FRAMES, seed).values():
        assert_equal_runs(native, features, forced)


# ---- a channel gate next to components: each of these was computed wrongly ---------------------------------------


def gate_behind_parts(network: Network, policy: Value, gate: Value) -> Value:
    """The gate reaches back through the activation to a layer whose rows components rule already."""
    x = network.gate_parts(network.dense(network.input, 12), policy, [0, 1], ["zero", "hold"])
    return network.close(network.activation(x, "tanh"), gate)


def gate_directly_behind_parts(network: Network, policy: Value, gate: Value) -> Value:
    """The reader sees blocks and a channel gate in one tensor."""
    x = network.gate_parts(network.dense(network.input, 12), policy, [0, 1], ["zero", "zero"])
    return network.close(x, gate)


def gated_reader_of_blocks(network: Network, policy: Value, gate: Value) -> Value:
    """Components close columns of the layer whose rows the gate closes."""
    x = network.gate_parts(network.dense(network.input, 8), policy, [0, 1], ["zero", "zero"])
    return network.close(network.dense(x, 12), gate)


def parts_of_a_reader_of_gated_channels(network: Network, policy: Value, gate: Value) -> Value:
    """Components open rows of the layer whose columns the gate closes."""
    x = network.close(network.dense(network.input, 12), gate)
    return network.gate_parts(network.dense(x, 8), policy, [0, 1], ["zero", "bypass"], network.dense(x, 8))


ORDERS = (
    gate_behind_parts,
    gate_directly_behind_parts,
    gated_reader_of_blocks,
    parts_of_a_reader_of_gated_channels,
)


@needs_gcc
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.__name__)
def test_channel_gate_and_components_at_one_layer(build, order):
    network = Network(8, seed=2)
    policy = network.policy(network.input, ["a", "b"])
    network.output = network.dense(order(network, policy, network.decide(network.input, 12)), 4)
    assert_simplified_graph_computes_the_same(network)
    quantized = random_quantization(network.graph(network.output), Jitter(1, 0.5))
    native = build(plan(quantized))
    features = quantized_features(quantized, FRAMES, 0)
    for forced in gate_sequences(quantized, FRAMES, 0).values():
        assert_equal_runs(native, features, forced)
