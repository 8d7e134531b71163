"""Generated C under sanitizers against the specification: gate sequences, whole runs, weights that must not be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native import NativeModel
from slimse_mcu.graph import Block, QuantizedGraph
from slimse_mcu.plan import Plan, plan
from slimse_mcu.streaming import Trace, gate_layout, run_int8


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


def assert_equal_runs(native: NativeModel, features: NDArray[Any], forced: NDArray[np.uint8] | None) -> None:
    """Outputs, gates, MACs and states of the C code against the specification."""
    planned = native.plan
    trace = run_int8(planned.quantized, features, forced=forced, record_states=True)
    run = native.run(features, forced)
    np.testing.assert_array_equal(run.gates, trace.gates)
    np.testing.assert_array_equal(run.macs, trace.macs)
    np.testing.assert_array_equal(run.output, trace.output)
    np.testing.assert_array_equal(run.state, expected_states(planned, trace))


def closed_constants(
    quantized: QuantizedGraph, is_open: Mapping[str, NDArray[np.bool_]]
) -> dict[str, NDArray[np.bool_]]:
    """Which elements of every constant array belong to closed channels, by the array's C name."""
    masks = {}
    for step in plan(quantized).steps:
        node = step.node
        rows = ~is_open[node.row_gate] if node.row_gate else None
        columns = ~is_open[node.column_gate] if node.column_gate else None
        blocks = _closed_blocks(node.column_blocks, is_open)
        for call in step.calls:
            part = None if call.part is None or not node.parts else node.parts[call.part].component
            for key, constant in call.fields.items():
                if not hasattr(constant, "values"):
                    continue
                is_closed = part is not None and not is_open[part.gate][part.bit]
                mask = np.full(constant.values.shape, is_closed)
                if blocks is not None and key == "linear.weights":
                    mask |= blocks
                if rows is not None and key != "table":
                    by_tap = node.op == "depthwise_conv1d" and key == "linear.weights"
                    mask |= rows if by_tap else rows.reshape(-1, *[1] * (mask.ndim - 1))
                if columns is not None and key.endswith("weights"):
                    mask |= columns
                masks[f"model_{node.name}{call.suffix}_{key.rpartition('.')[2]}"] = np.repeat(
                    mask.ravel(), constant.values.itemsize
                )
    return masks


def _closed_blocks(blocks: tuple[Block, ...], is_open: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.bool_] | None:
    """Input channels that closed components rule."""
    if not blocks:
        return None
    ruled = (block.component for block in blocks)
    is_closed = [component is not None and not is_open[component.gate][component.bit] for component in ruled]
    return np.repeat(is_closed, [block.channels for block in blocks])


def poison_statements(masks: Mapping[str, NDArray[np.bool_]]) -> str:
    """Have the address sanitizer trap reads of the masked bytes, as far as they fill its granules of 8 bytes."""
    statements = []
    for name, mask in masks.items():
        whole = mask[: len(mask) // 8 * 8].reshape(-1, 8).all(axis=1)
        statements += [
            f"__asan_poison_memory_region((const char *){name} + {8 * index}, 8);" for index in np.flatnonzero(whole)
        ]
    return "\n".join(statements)
