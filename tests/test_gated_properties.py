"""Random gated graphs: the generated C equals the NumPy specification bit for bit, sanitizers watching."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from native import NativeModel, build_native
from networks import JITTERS, Jitter, Network, gated_graphs, quantized_features, random_quantization
from numpy.typing import NDArray

from slimse_mcu.emit import emit
from slimse_mcu.graph import Graph, QuantizedGraph
from slimse_mcu.plan import Plan, plan
from slimse_mcu.streaming import Trace, gate_layout, run_int8

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")

FRAMES = 14
#: Every example runs a C compiler, so a failing one is not shrunk.
RELAXED = settings(
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def build_folders(tmp_path_factory) -> tuple[Path, Path]:
    """Where a model is built, and where the kernels are kept, which are compiled once."""
    return tmp_path_factory.mktemp("model"), tmp_path_factory.mktemp("kernels")


@pytest.fixture(scope="module")
def build(build_folders):
    """``build(plan)`` compiles a plan."""
    return lambda planned: build_native(emit(planned), planned, *build_folders)


def gate_sequences(quantized: QuantizedGraph, frames: int, seed: int) -> Mapping[str, NDArray[np.uint8] | None]:
    """Decided by the model, and forced: closed, open, alternating every frame, random, one channel."""
    layout = gate_layout(quantized.graph)
    rng = np.random.default_rng(seed)
    closed, opened = layout.constant(False), layout.constant(True)
    alternating = np.stack([opened if frame % 2 else closed for frame in range(frames)])
    random = layout.pack({name: rng.random((frames, n)) < rng.random() for name, n in layout.channels.items()})
    one = {name: np.arange(n) == rng.integers(n) for name, n in layout.channels.items()}
    return {
        "decided": None,
        "closed": np.repeat(closed[None], frames, 0),
        "open": np.repeat(opened[None], frames, 0),
        "alternating": alternating,
        "random": random,
        "one": np.repeat(layout.pack(one)[None], frames, 0),
    }


def expected_states(planned: Plan, trace: Trace) -> NDArray[np.uint8]:
    """``model_state_t`` after each frame ``[frames, bytes]``."""
    graph, frames = planned.quantized.graph, len(trace.output)
    states = np.zeros((frames, planned.state_bytes), np.uint8)
    for member in planned.state:
        values = trace.states.get(member.name)
        if values is None:
            assert member.name == "tick"
            values = (np.arange(1, frames + 1, dtype=np.uint16) % graph.period)[:, None]
        states[:, member.offset : member.offset + member.bytes] = np.ascontiguousarray(values).view(np.uint8)
    return states


def assert_equal_runs(native: NativeModel, features: NDArray[np.int8], forced: NDArray[np.uint8] | None) -> None:
    """Outputs, gates, MACs and states of the C code against the specification."""
    planned = native.plan
    trace = run_int8(planned.quantized, features, forced=forced, record_states=True)
    run = native.run(features, forced)
    np.testing.assert_array_equal(run.gates, trace.gates)
    np.testing.assert_array_equal(run.macs, trace.macs)
    np.testing.assert_array_equal(run.output, trace.output)
    np.testing.assert_array_equal(run.state, expected_states(planned, trace))


@settings(RELAXED, max_examples=45)
@given(gated_graphs(), JITTERS, st.booleans(), st.integers(0, 2**31))
def test_generated_c_equals_specification(build, drawn, jitter, instrumented, seed):
    quantized = random_quantization(drawn.graph, jitter)
    native = build(plan(quantized, instrumented=instrumented))
    features = quantized_features(quantized, FRAMES, seed)
    for forced in gate_sequences(quantized, FRAMES, seed).values():
        assert_equal_runs(native, features, forced)


# ---- closed weights are never read -------------------------------------------------------------------------------


def closed_constants(
    quantized: QuantizedGraph, is_open: Mapping[str, NDArray[np.bool_]]
) -> dict[str, NDArray[np.bool_]]:
    """Which elements of every constant array belong to closed channels, by the array's C name."""
    masks = {}
    for step in plan(quantized).steps:
        node = step.node
        rows = ~is_open[node.row_gate] if node.row_gate else None
        columns = ~is_open[node.column_gate] if node.column_gate else None
        for call in step.calls:
            for key, constant in call.fields.items():
                if not hasattr(constant, "values"):
                    continue
                mask = np.zeros(constant.values.shape, bool)
                if rows is not None and key != "table":
                    by_tap = node.op == "depthwise_conv1d" and key == "linear.weights"
                    mask |= rows if by_tap else rows.reshape(-1, *[1] * (mask.ndim - 1))
                if columns is not None and key.endswith("weights"):
                    mask |= columns
                masks[f"model_{node.name}{call.suffix}_{key.rpartition('.')[2]}"] = np.repeat(
                    mask.ravel(), constant.values.itemsize
                )
    return masks


def poison_statements(masks: Mapping[str, NDArray[np.bool_]]) -> str:
    """Have the address sanitizer trap reads of the masked bytes, as far as they fill its granules of 8 bytes."""
    statements = []
    for name, mask in masks.items():
        whole = mask[: len(mask) // 8 * 8].reshape(-1, 8).all(axis=1)
        statements += [
            f"__asan_poison_memory_region((const char *){name} + {8 * index}, 8);" for index in np.flatnonzero(whole)
        ]
    return "\n".join(statements)


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
