"""What no stream can compute, and policies that come too late: each refused by the name of the layer at fault.

Gates and components that nothing reads: ``test_component_gates.py``; parts that hold where nothing can: there,
``test_grouped_gru.py`` and ``test_attention.py``; convolutions and padding: ``test_load.py``, ``test_convolutions.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from gated_layers import grouped_gru
from keras_file import save
from networks import Network, Value
from spectral_networks import SpectralNetwork

from slimse_mcu.errors import ModelError
from slimse_mcu.load import load
from slimse_mcu.simplify import simplify

#: Layers that need all of time, on (batch, time, 8), and what the message has to say.
ALONG_TIME: dict[str, tuple[Callable[..., Any], str, str]] = {
    "GlobalAveragePooling1D": (
        lambda k, x: k.GlobalAveragePooling1D(keepdims=True, name="seer")(x),
        "averages over all of time",
        "TimeDistributed(GlobalAveragePooling1D())",
    ),
    "GlobalMaxPooling1D": (
        lambda k, x: k.GlobalMaxPooling1D(keepdims=True, name="seer")(x),
        "takes the greatest of all of time",
        "MaxPooling2D((1, n))",
    ),
    "AveragePooling1D": (
        lambda k, x: k.AveragePooling1D(2, 1, "same", name="seer")(x),
        "pools each frame with later ones",
        "AveragePooling2D((1, n))",
    ),
    "MaxPooling1D": (
        lambda k, x: k.MaxPooling1D(3, 1, "same", name="seer")(x),
        "pools each frame with later ones",
        "MaxPooling2D((1, n))",
    ),
    "Bidirectional": (
        lambda k, x: k.Bidirectional(k.GRU(4, return_sequences=True), name="seer")(x),
        "runs backwards along time",
        "TimeDistributed(Bidirectional(...))",
    ),
    "GRU": (
        lambda k, x: k.GRU(4, return_sequences=True, go_backwards=True, name="seer")(x),
        "runs backwards along time",
        "Run it forwards",
    ),
    "LSTM": (
        lambda k, x: k.LSTM(4, return_sequences=True, go_backwards=True, name="seer")(x),
        "runs backwards along time",
        "Run it forwards",
    ),
    "MultiHeadAttention": (
        lambda k, x: k.MultiHeadAttention(2, 4, name="seer")(x, x, use_causal_mask=True),
        "attends over all of time",
        "SlimAttention(heads, key_dim, axis='time', window=frames)",
    ),
    "GroupQueryAttention": (
        lambda k, x: k.GroupQueryAttention(4, 4, 2, name="seer")(x, x),
        "attends over all of time",
        "window=frames",
    ),
    "Attention": (lambda k, x: k.Attention(name="seer")([x, x]), "attends over all of time", "window=frames"),
    "AdditiveAttention": (
        lambda k, x: k.AdditiveAttention(name="seer")([x, x]),
        "attends over all of time",
        "window=frames",
    ),
    "GroupNormalization": (
        lambda k, x: k.GroupNormalization(2, name="seer")(x),
        "normalizes over all of time",
        "LayerNormalization",
    ),
}

#: The same on (batch, time, 4, 2).
OVER_PLANES: dict[str, tuple[Callable[..., Any], str, str]] = {
    "GlobalAveragePooling2D": (
        lambda k, x: k.GlobalAveragePooling2D(keepdims=True, name="seer")(x),
        "averages over all of time",
        "TimeDistributed(GlobalAveragePooling1D())",
    ),
    "GlobalMaxPooling2D": (
        lambda k, x: k.GlobalMaxPooling2D(keepdims=True, name="seer")(x),
        "takes the greatest of all of time",
        "MaxPooling2D((1, n))",
    ),
    "AveragePooling2D": (
        lambda k, x: k.AveragePooling2D(2, 1, "same", name="seer")(x),
        "pools 2 frames",
        "pool_size=(1, n)",
    ),
    "MultiHeadAttention": (
        lambda k, x: k.MultiHeadAttention(2, 4, attention_axes=(1,), name="seer")(x, x),
        "attends over all of time",
        "attention_axes=(2,)",
    ),
}


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


def assert_policy_is_refused(keras, path, source, seen, kind: str, problem: str, remedy: str) -> None:
    """A policy that reads ``seen``, saved by Keras, is refused with the name and the kind of the layer before it."""
    from slimse_mcu.models import GateParts, Policy

    policy = Policy(["a"], hidden=0, name="policy")(seen)
    output = GateParts(2, [None, 0])([keras.layers.Dense(4)(source), policy])
    keras.Model(source, output).save(path)
    with pytest.raises(ModelError) as refused:
        load(path)
    assert refused.value.message.startswith(f"Layer 'seer' ({kind}) {problem}")
    assert remedy in refused.value.hint


@pytest.mark.parametrize("kind", ALONG_TIME)
def test_policy_that_sees_the_future_along_time_is_refused(keras, tmp_path, kind):
    make, problem, remedy = ALONG_TIME[kind]
    source = keras.Input((None, 8))
    seen = make(keras.layers, source)
    assert_policy_is_refused(keras, tmp_path / "model.keras", source, seen, kind, problem, remedy)


@pytest.mark.parametrize("kind", OVER_PLANES)
def test_policy_that_sees_the_future_of_all_frequencies_is_refused(keras, tmp_path, kind):
    make, problem, remedy = OVER_PLANES[kind]
    source = keras.Input((None, 8))
    seen = make(keras.layers, keras.layers.Reshape((-1, 4, 2))(source))
    seen = keras.layers.Reshape((-1, seen.shape[2] * seen.shape[3]))(seen)
    assert_policy_is_refused(keras, tmp_path / "model.keras", source, seen, kind, problem, remedy)


def test_flattened_time_is_refused(tmp_path):
    network = Network(6)
    network.output = network.dense(network.add("Flatten", {}, [network.input], 6, name="seer"), 3)
    with pytest.raises(ModelError, match=r"Layer 'seer' \(Flatten\) flattens all of time"):
        load(save(network, tmp_path / "model.keras"))


def test_attention_along_time_without_a_window_is_refused(tmp_path):
    network = Network(6)
    shapes = [*[(6, 2, 3), (2, 3)] * 3, (2, 3, 6), (6,)]
    config = {"heads": 2, "key_dim": 3, "axis": "time", "window": None, "components": None, "on_skip": "zero"}
    weights = [np.ones(shape) for shape in shapes]
    seen = network.add("slimse>SlimAttention", config, [network.input], 6, weights, name="seer")
    network.output = network.dense(seen, 3)
    with pytest.raises(
        ModelError, match=r"'seer' \(slimse>SlimAttention\) attends over all of time: no bound"
    ) as refused:
        load(save(network, tmp_path / "model.keras"))
    assert "window=frames" in refused.value.hint


# ---- policies that come too late ---------------------------------------------------------------------------------


def gated_by(network: Network, seen: Value, **options: Any) -> str:
    """End the network with a layer that a policy over ``seen`` rules; the policy's name."""
    policy = network.policy(seen, ["a"], **options)
    x = network.dense(network.input, 4)
    network.output = network.dense(network.gate_parts(x, policy, [None, 0], ["zero"] * 2), 3)
    return policy.layer


@pytest.mark.parametrize("options", [{}, {"hidden": 3}, {"hidden": 3, "recurrent": True}], ids=str)
def test_policy_behind_a_strided_layer_is_named(tmp_path, options):
    network = Network(6)
    name = gated_by(network, network.conv(network.input, 5, 2, stride=2), **options)
    with pytest.raises(ModelError, match=rf"'{name}' \(slimse>Policy\) decides a gate behind a strided layer"):
        load(save(network, tmp_path / "model.keras"))


@pytest.mark.parametrize("between", [0, 2])
def test_policy_that_reads_what_it_rules_is_named(tmp_path, between):
    """Keras saves no such model."""
    network = Network(6)
    name = gated_by(network, network.input)
    late = network.output
    for _ in range(between):
        late = network.dense(late, 3)
    network.output = network.dense(late, 6)
    network.layers = [
        replace(layer, calls=(((late.layer, 0),),)) if layer.name == name else layer for layer in network.layers
    ]
    with pytest.raises(ModelError, match=rf"'{name}' \(slimse>Policy\) reads layers that it rules") as refused:
        load(save(network, tmp_path / "model.keras"))
    assert "what comes before" in refused.value.hint


def test_gate_that_would_rule_the_layer_that_it_reads_is_named():
    network = Network(4)
    x = network.dense(network.input, 4, name="ruled")
    gate = network.decide(x, 4)
    gated = network.add("slimse>GateChannels", {"channels": 4}, [x, gate], 4)
    graph = network.graph(network.dense(gated, 3))
    (name,) = graph.gates
    nodes = tuple(replace(node, row_gate=name) if node.name == "ruled" else node for node in graph.nodes)
    with pytest.raises(ModelError, match=f"Layer '{name}' decides a gate from layers that it rules: ruled"):
        simplify(replace(graph, nodes=nodes))


# ---- hostile sizes: refused before anything is allocated for them -------------------------------------------------


def _ends(x: Value, network: Network) -> Network:
    network.output = network.dense(x, 3)
    return network


def groups_of_parts(count: Any) -> Network:
    network = Network(8)
    policy = network.policy(network.input, ["a"])
    config = {"groups": count, "components": None, "on_skip": "zero"}
    return _ends(network.add("slimse>GateParts", config, [network.dense(network.input, 8), policy], 8), network)


def groups_of_a_gru(count: Any) -> Network:
    network = Network(4)
    x = grouped_gru(network, network.input, None, 4, [None, None], use_bias=False)
    gru = network.layers[-1]
    network.layers[-1] = replace(gru, config={**gru.config, "groups": count})
    return _ends(x, network)


def pooled(size: int, padding: str) -> Network:
    network = SpectralNetwork(16000, 1)
    x = network.repeat(network.spectrum, 4)
    network.output = network.pool(x, "Average", size, 1, padding)
    return network


def padded_far(above: int, stride: int) -> Network:
    network = SpectralNetwork(4, 2)
    network.output = network.conv2d(network.spectrum, 1, (1, 3), stride, padding=(0, above))
    return network


def empty_kernel() -> Network:
    network = SpectralNetwork(4, 2)
    weights = [np.zeros((1, 1, 0, 10**12)), np.zeros(1)]
    network.output = network.add("Conv2D", {"use_bias": False}, [network.spectrum], 1, weights)
    return network


def component_true() -> Network:
    network = Network(4)
    policy = network.policy(network.input, ["a", "b"])
    return _ends(network.gate_parts(network.dense(network.input, 4), policy, [False, True], ["zero"] * 2), network)


HOSTILE: dict[str, tuple[Callable[[], Network], str]] = {
    "parts": (lambda: groups_of_parts(10**12), "has 1000000000000 groups; at most 16"),
    "groups": (lambda: groups_of_a_gru(10**12), "for 1000000000000 groups of 4 channels"),
    "negative groups": (lambda: groups_of_a_gru(-2), "for -2 groups of 4 channels"),
    "a window over everything": (lambda: pooled(64000, "same"), "64000 taps at each of 64000 positions"),
    "a wide window": (lambda: pooled(30000, "valid"), "30000 taps at each of 34001 positions"),
    "padding that a stride skips": (lambda: padded_far(2**31, 40000), "reads 2147483652 positions"),
    "an empty kernel of many rows": (empty_kernel, "holds an empty weight"),
    "a component that is no number": (component_true, "names component False"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_size_is_refused(case):
    make, problem = HOSTILE[case]
    network = make()
    with pytest.raises(ModelError, match=problem):
        network.graph(network.output)
