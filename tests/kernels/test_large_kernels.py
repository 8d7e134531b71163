"""Kernels where optimised ones change their course: sizes about their vectors, runs and chunks, and extreme sums."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.test_kernels import (
    SEEDS,
    THOROUGH,
    Gates,
    check_dense,
    frames,
    gates_of,
    linear,
    narrow,
    node_of,
    pytestmark,
    ring_of,
    run_calls,
    specified,
    values_of,
)
from kernels.test_recurrent_kernels import recurrent_node
from kernels.test_recurrent_kernels import run_calls as run_recurrent_calls
from slimse_mcu.graph import Quantization
from slimse_mcu.ops import operators
from slimse_mcu.ops.frequency import Window
from slimse_mcu.ops.op import Hidden, QuantizeContext

__all__ = ["pytestmark"]

FEW = settings(THOROUGH, max_examples=40)
#: Rows and columns on both sides of where sums are formed in another chunk, run or loop.
ROWS = st.sampled_from([95, 96, 97, 98, 100, 127, 128, 129, 131, 192, 193, 255, 256, 257, 260])
COLUMNS = st.sampled_from([15, 16, 17, 127, 128, 129, 143, 144, 145, 255, 256, 257, 272, 300])


@FEW
@given(SEEDS, ROWS, COLUMNS, st.sampled_from(["none", "rows", "columns", "both"]), st.booleans())
def test_dense(library, seed, rows, columns, gated, is_rectified):
    """Any gate, behind a ReLU and not, with sums up to the last that the fast forms hold and with larger ones."""
    rng = np.random.default_rng(seed)
    parameters, gates = (narrow if rng.random() < 0.5 else linear)(rng, (rows, columns)), gates_of(rng, rows, columns)
    if is_rectified:
        parameters["input_offset"] = 128
    gates.rows = gates.rows if gated in ("rows", "both") else None
    gates.columns = gates.columns if gated in ("columns", "both") else None
    check_dense(library, rng, parameters, gates)


@FEW
@given(SEEDS, st.sampled_from([0, 1, 2, 3, 15, 16, 17, 63, 64, 65, 100]))
def test_dense_of_any_number_of_open_channels(library, seed, count):
    """A gathering kernel has tails of its own: as many rows or columns are open as are said."""
    rng = np.random.default_rng(seed)
    parameters, is_open = linear(rng, (101, 101)), np.zeros(101, bool)
    is_open[rng.choice(101, count, replace=False)] = True
    parameters["input_offset"] = 128
    check_dense(library, rng, parameters, Gates(rows=is_open) if rng.random() < 0.5 else Gates(columns=is_open))


@FEW
@given(SEEDS, st.sampled_from([33, 65, 100, 131]), st.sampled_from([5, 16, 43, 64, 100]), st.sampled_from([2, 3, 5]))
def test_conv1d(library, seed, rows, columns, taps):
    rng = np.random.default_rng(seed)
    parameters = (narrow if rng.random() < 0.5 else linear)(rng, (rows, taps, columns))
    gates, ring, values = gates_of(rng, rows), ring_of(rng, taps - 1, columns), frames(rng, columns)
    node = node_of("conv1d", 1, dilation=1)
    output, macs = run_calls(library, node, parameters, [values], gates, ring, rows)
    np.testing.assert_array_equal(output, specified(node, parameters, [values], gates, ring))
    assert macs == (rows if gates.rows is None else int(gates.rows.sum())) * taps * columns


@FEW
@given(SEEDS, st.sampled_from([255, 256, 257, 300]), st.sampled_from([2, 3, 4]), st.sampled_from([1, 2, 8]))
def test_depthwise_conv1d(library, seed, channels, taps, dilation):
    rng = np.random.default_rng(seed)
    parameters, gates = (narrow if rng.random() < 0.5 else linear)(rng, (channels, taps)), gates_of(rng, channels)
    ring, values = ring_of(rng, (taps - 1) * dilation, channels), frames(rng, channels)
    node = node_of("depthwise_conv1d", 1, dilation=dilation, multiplier=1)
    output, macs = run_calls(library, node, parameters, [values], gates, ring, channels)
    np.testing.assert_array_equal(output, specified(node, parameters, [values], gates, ring))
    assert macs == (channels if gates.rows is None else int(gates.rows.sum())) * taps


@FEW
@given(SEEDS, st.sampled_from([1, 17, 48, 129, 130]), st.sampled_from([1, 5, 16, 48]), st.integers(1, 3))
def test_conv2d(library, seed, rows, columns, taps):
    """More rows than are computed at once, and outputs in several patches."""
    rng = np.random.default_rng(seed)
    window = Window(inputs=20, outputs=20, kernel=3, stride=1, dilation=1, left=1)
    parameters = (narrow if rng.random() < 0.5 else linear)(rng, (rows, taps, 3, columns))
    values = values_of(rng, 20 * columns, -parameters["input_offset"])
    ring = ring_of(rng, taps - 1, 20 * columns)
    node = node_of("conv2d", 1, window=window, dilation=1, channels=rows)
    node = replace(node, weights={"kernel": parameters["weights"]})
    output, _ = run_calls(library, node, parameters, [values], Gates(), ring, 20 * rows)
    np.testing.assert_array_equal(output, specified(node, parameters, [values], Gates(), ring))


@settings(THOROUGH, max_examples=20)
@given(
    SEEDS,
    st.sampled_from(["gru", "gru_before"]),
    st.sampled_from([16, 127, 128, 145]),
    st.sampled_from([31, 32, 34, 64, 73]),
    st.floats(-3, 0).map(lambda power: 10.0**power),
)
def test_gru(library, seed, kind, columns, units, scale):
    """Units in several chunks, inputs and states in several runs."""
    rng = np.random.default_rng(seed)
    node = recurrent_node(rng, kind, (1, columns, units, 1), "time", 1, gated=False)
    weights = {name: values / np.float32(10) for name, values in node.weights.items()}
    node, operator = replace(node, weights=weights), operators()["gru"]
    source = Quantization(scale, int(rng.integers(-128, 128)))
    parameters = operator.quantize(node, QuantizeContext([source], Quantization(2.0**-7, 0)))
    values, hidden = values_of(rng, columns, 0), rng.integers(-32768, 32768, units).astype(np.int16)
    memory = Hidden(units, np.int16)
    memory.value = hidden.copy()
    expected = operator.step_integer(node, parameters, [values], (memory,))
    output, macs = run_recurrent_calls(library, node, parameters, values, hidden)
    np.testing.assert_array_equal(output, expected)
    np.testing.assert_array_equal(hidden, memory.value)
    assert macs == 3 * units * (columns + units)


@THOROUGH
@given(SEEDS, st.sampled_from([1, 2, 3, 4, 5, 15, 16, 17, 48, 129]), st.integers(1, 3), st.floats(-3, 1))
def test_layer_norm(library, seed, size, positions, log_scale):
    """Values that spread, that hardly differ, and that are all the same."""
    rng = np.random.default_rng(seed)
    node = node_of("layer_norm", 1, channels=size, epsilon=float(rng.choice([1e-7, 1e-3, 1.0])))
    node.attributes["positions"] = positions
    gamma, beta = rng.normal(0, 1, size), rng.normal(0, rng.choice([0.1, 100.0]), size)
    node = replace(node, weights={"gamma": gamma.astype(np.float32), "beta": beta.astype(np.float32)})
    output = Quantization(float(10.0 ** rng.uniform(-3, 0)), int(rng.integers(-128, 128)))
    context = QuantizeContext([Quantization(10.0**log_scale, int(rng.integers(-128, 128)))], output)
    parameters = operators()["layer_norm"].quantize(node, context)
    spread = int(rng.choice([1, 2, 9, 256]))
    values = (rng.integers(-128, 129 - spread) + rng.integers(0, spread, positions * size)).astype(np.int8)
    result, _ = run_calls(library, node, parameters, [values], Gates(), None, positions * size)
    np.testing.assert_array_equal(result, specified(node, parameters, [values], Gates(), None))
