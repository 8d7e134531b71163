"""The kernels that work along frequency against their NumPy specifications: any shape, padding, part and span."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from kernels.test_kernels import (
    SEEDS,
    THOROUGH,
    Gates,
    frames,
    linear,
    narrow,
    node_of,
    pytestmark,
    ring_of,
    run_calls,
    specified,
    values_of,
)
from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import Node, Part, Quantization
from slimse_mcu.ops import operators
from slimse_mcu.ops.frequency import Window
from slimse_mcu.ops.op import QuantizeContext

__all__ = ["pytestmark"]

SMALL = st.sampled_from([1, 2, 3, 4, 5, 7, 8, 9])
#: Elements of a tensor for which an emulated board has room.
ROOM = 100_000
CHANNELS = st.one_of(SMALL, st.sampled_from([12, 16, 24]))
#: Kernels longer than the input, outputs that lie beside it, strides larger than the kernel.
WINDOWS = st.builds(
    Window,
    inputs=st.integers(1, 9),
    outputs=st.integers(1, 9),
    kernel=st.integers(1, 6),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
    left=st.integers(0, 12),
)


def parts_of(rng: np.random.Generator, rows: int) -> tuple[Part, ...]:
    """None, or any division of the rows."""
    if rng.random() < 0.4:
        return ()
    cuts = np.unique(rng.integers(1, rows + 1, 3))
    sizes = np.diff(np.r_[0, cuts[cuts < rows], rows])
    return tuple(Part(int(size)) for size in sizes)


def check(library, node: Node, parameters, values, ring, gates: Gates) -> None:
    """A node's calls yield the specification's output and as many MACs as its table says."""
    expected = specified(node, parameters, [values], gates, ring)
    output, macs = run_calls(library, node, parameters, [values], gates, ring, expected.size)
    np.testing.assert_array_equal(output, expected)
    table = operators()[node.op].macs(node)
    if table is not None:
        assert macs == table.all_open // table.columns * (
            table.columns if gates.spans is None else int(gates.spans.sum())
        )


def check_planes(
    library, op: str, window: Window, seed: int, rows: int, columns: int, taps: int, dilation: int
) -> None:
    rng = np.random.default_rng(seed)
    parameters = (narrow if rng.random() < 0.6 else linear)(rng, (rows, taps, window.kernel, columns))
    values = values_of(rng, window.inputs * columns, -parameters["input_offset"])
    gates = Gates()
    if taps == 1 and rng.random() < 0.6:
        gates.spans = rng.random(columns) < rng.choice([0.0, 0.5, 1.0])
        values = np.where(np.tile(gates.spans, window.inputs), values, np.int8(-parameters["input_offset"]))
    node = node_of(op, 1, window=window, dilation=dilation, channels=rows)
    node = replace(node, weights={"kernel": parameters["weights"]}, parts=parts_of(rng, rows))
    ring = ring_of(rng, (taps - 1) * dilation, window.inputs * columns)
    check(library, node, parameters, values, ring, gates)


@THOROUGH
@given(SEEDS, WINDOWS, SMALL, CHANNELS, st.integers(1, 4), st.integers(1, 3))
def test_conv2d(library, seed, window, rows, columns, taps, dilation):
    check_planes(library, "conv2d", window, seed, rows, columns, taps, dilation)


@THOROUGH
@given(SEEDS, WINDOWS, SMALL, CHANNELS, st.integers(1, 4))
def test_conv2d_transpose(library, seed, window, rows, columns, taps):
    turned = replace(window, dilation=1, is_transposed=True)
    check_planes(library, "conv2d_transpose", turned, seed, rows, columns, taps, 1)


@THOROUGH
@given(SEEDS, SMALL, CHANNELS, st.integers(1, 20))
def test_pointwise(library, seed, rows, columns, positions):
    """A dense layer at several positions, in parts, with any open ranges of its inputs."""
    rng = np.random.default_rng(seed)
    parameters, gates = (narrow if rng.random() < 0.6 else linear)(rng, (rows, columns)), Gates()
    values = values_of(rng, positions * columns, -parameters["input_offset"])
    if rng.random() < 0.6:
        gates.spans = np.repeat(rng.random(12) < rng.choice([0.0, 0.5, 1.0]), -(-columns // 12))[:columns]
        values = np.where(np.tile(gates.spans, positions), values, np.int8(-parameters["input_offset"]))
    node = replace(node_of("dense", 1, channels=rows), weights={"kernel": parameters["weights"]})
    parts = parts_of(rng, rows) or (Part(rows),)
    check(
        library,
        replace(node, attributes={**node.attributes, "positions": positions}, parts=parts),
        parameters,
        values,
        None,
        gates,
    )


@THOROUGH
@given(SEEDS, WINDOWS, SMALL, st.integers(1, 3), st.integers(1, 4), st.integers(1, 3))
def test_depthwise_conv2d(library, seed, window, channels, multiplier, taps, dilation):
    rng = np.random.default_rng(seed)
    rows = channels * multiplier
    parameters = linear(rng, (rows, taps, window.kernel))
    node = node_of("depthwise_conv2d", 1, window=window, dilation=dilation, multiplier=multiplier, channels=rows)
    node = replace(node, weights={"kernel": parameters["weights"]}, parts=parts_of(rng, rows))
    ring = ring_of(rng, (taps - 1) * dilation, window.inputs * channels)
    check(library, node, parameters, frames(rng, window.inputs * channels), ring, Gates())


@THOROUGH
@given(SEEDS, SMALL, SMALL, SMALL, st.sampled_from([0.0, 0.2, 0.5, 1.0]))
def test_bands(library, seed, rows, positions, depth, share):
    """Rows of zeros, zeros inside a row, and matrices of nothing else."""
    rng = np.random.default_rng(seed)
    matrix = np.where(rng.random((rows, positions)) < share, rng.normal(size=(rows, positions)), 0.0)
    parameters = linear(rng, (rows, positions))
    parameters.update(weights=(np.sign(matrix) * rng.integers(0, 128, matrix.shape)).astype(np.int8))
    parameters.update(bias=np.zeros(rows, np.int32))
    node = replace(node_of("bands", 1, depth=depth), weights={"matrix": matrix})
    check(library, node, parameters, frames(rng, positions * depth), None, Gates())


@THOROUGH
@given(SEEDS, WINDOWS, SMALL, st.sampled_from(["average_pool", "max_pool"]))
def test_pools(library, seed, window, channels, op):
    window = replace(window, dilation=1)
    assume(window.hits().min() > 0)
    node = node_of(op, 1, window=window, channels=channels)
    check(library, node, {}, frames(np.random.default_rng(seed), window.inputs * channels), None, Gates())


@THOROUGH
@given(SEEDS, st.one_of(SMALL, st.sampled_from([257, 65535])), SMALL)
def test_mean(library, seed, positions, channels):
    """Multipliers as the specification forms them, and all that fit."""
    rng = np.random.default_rng(seed)
    channels = min(channels, ROOM // positions)
    node = node_of("mean", 1, averaged=positions, channels=channels)
    source, output = (Quantization(float(2.0 ** rng.uniform(-30, 8)), int(rng.integers(-128, 128))) for _ in range(2))
    try:
        parameters = operators()["mean"].quantize(node, QuantizeContext((source,), output))
    except QuantizeError:
        assume(False)
    check(library, node, parameters, frames(rng, positions * channels), None, Gates())


def test_mean_of_ties_rounds_away_from_zero(library):
    node = node_of("average_pool", 1, window=Window(4, 2, 2, 2), channels=2)
    values = np.array([1, -1, 2, -2, -128, 127, -127, 126], np.int8)
    output, _ = run_calls(library, node, {}, [values], Gates(), None, 4)
    assert output.tolist() == [2, -2, -128, 127]


@THOROUGH
@given(SEEDS, SMALL, SMALL, st.integers(1, 30), st.integers(1, 4), st.integers(-9, 9))
def test_resize(library, seed, inputs, channels, positions, repeat, before):
    rng = np.random.default_rng(seed)
    sizes = {"positions": positions, "channels": channels, "inputs": inputs, "repeat": repeat, "before": before}
    node = Node("resize", "resize", ("in0",), "resize", sizes)
    check(library, node, {"zero_point": int(rng.integers(-128, 128))}, frames(rng, inputs * channels), None, Gates())
