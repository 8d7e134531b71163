"""Random gated graphs: the generated C equals the NumPy specification bit for bit, sanitizers watching."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from conftest import UNSHRUNK
from hypothesis import given, settings
from hypothesis import strategies as st
from native import build_native
from native.gated import assert_equal_runs, closed_constants, gate_sequences, poison_statements
from networks import JITTERS, Jitter, Network, gated_graphs, quantized_features, random_quantization
from numpy.typing import NDArray

from slimse_mcu.emit import emit
from slimse_mcu.graph import Graph
from slimse_mcu.plan import plan

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")

FRAMES = 14


@pytest.mark.slow
@settings(max_examples=45, phases=UNSHRUNK)
@given(gated_graphs(), JITTERS, st.booleans(), st.integers(0, 2**31))
def test_generated_c_equals_specification(build, drawn, jitter, instrumented, seed):
    quantized = random_quantization(drawn.graph, jitter)
    native = build(plan(quantized, instrumented=instrumented))
    features = quantized_features(quantized, FRAMES, seed)
    for forced in gate_sequences(quantized, FRAMES, seed).values():
        assert_equal_runs(native, features, forced)


# ---- closed weights are never read -------------------------------------------------------------------------------


def gated_block(channels: int = 16, hidden: int = 40, seed: int = 0) -> Graph:
    """Two blocks of dynamic channel pruning with PReLU between, sizes in whole granules."""
    network = Network(channels, seed)
    x = network.input
    for _ in range(2):
        gate = network.decide(x, hidden, 8)
        value = network.activation(network.close(network.dense(x, hidden), gate), "prelu")
        value = network.close(network.depthwise(value, 3, 2, activation="relu"), gate)
        x = network.combine("Add", x, network.dense(value, channels))
    gate = network.decide(x, channels)
    return network.graph(network.close(network.conv(x, channels, 2), gate))


def closed_groups(graph: Graph, seed: int) -> dict[str, NDArray[np.bool_]]:
    """Gates that are closed in whole groups of 8 channels, one group at least open and one closed."""
    rng = np.random.default_rng(seed)
    patterns = {}
    for name, gate in graph.gates.items():
        order = rng.permutation(gate.channels // 8)
        patterns[name] = np.repeat(np.isin(np.arange(gate.channels // 8), order[: rng.integers(1, len(order))]), 8)
    return patterns


@pytest.mark.parametrize("seed", range(3))
def test_weights_of_closed_channels_are_never_read(build_folders, seed):
    folder, kernels = build_folders
    graph = gated_block(seed=seed)
    quantized = random_quantization(graph, Jitter(seed, 0.7))
    planned = plan(quantized)
    is_open = closed_groups(graph, seed)
    statements = poison_statements(closed_constants(quantized, is_open))
    assert statements.count("__asan") > 100
    native = build_native(emit(planned), planned, folder, kernels, poison=statements)
    forced = np.repeat(planned.gates.pack(is_open)[None], FRAMES, 0)
    assert_equal_runs(native, quantized_features(quantized, FRAMES, seed), forced)


def test_poisoned_weights_of_an_open_channel_are_noticed(build_folders):
    folder, kernels = build_folders
    graph = gated_block()
    quantized = random_quantization(graph, Jitter(0, 0.7))
    planned = plan(quantized)
    is_open = closed_groups(graph, 0)
    native = build_native(
        emit(planned), planned, folder, kernels, poison=poison_statements(closed_constants(quantized, is_open))
    )
    for name in graph.gates:
        one_more = {**is_open, name: np.ones_like(is_open[name])}
        with pytest.raises(AssertionError, match="use-after-poison"):
            native.run(quantized_features(quantized, 1, 0), planned.gates.pack(one_more)[None])
