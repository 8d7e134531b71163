"""The kernels that work on int16 against their NumPy specifications, with parameters over their whole range."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kernels import test_attention_kernels, test_kernels
from kernels.test_convolution_kernels import ROOM, SMALL, WINDOWS, check, parts_of
from kernels.test_kernels import (
    SEEDS,
    SIZES,
    THOROUGH,
    Gates,
    gates_of,
    node_of,
    pytestmark,
    ring_of,
    run_calls,
    specified,
)
from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import Node, Quantization
from slimse_mcu.kernels import adapt
from slimse_mcu.ops import operators, rescale
from slimse_mcu.ops.lookup import SIGMOID_TABLE
from slimse_mcu.ops.op import QuantizeContext, Ring

__all__ = ["pytestmark"]
#: More columns than int32 holds products of at once.
MANY = st.one_of(SIZES, st.sampled_from([511, 512, 513, 1100]))


def frames(rng: np.random.Generator, *shape: int) -> NDArray[np.int16]:
    """Any values, or nothing but the least or the greatest, whose sums are the longest."""
    kind = rng.random()
    if kind < 0.15:
        return np.full(shape, -32768, np.int16)
    if kind < 0.25:
        return np.full(shape, 32767, np.int16)
    return rng.integers(-32768, 32768, shape).astype(np.int16)


def linear(rng: np.random.Generator, shape: tuple[int, ...]) -> dict[str, Any]:
    """Weights, bias and requantization of the whole range; results are spread over int16 more often than not."""
    bias = rng.integers(-(2**30), 2**30 + 1, shape[0]) >> rng.integers(0, 28)
    right = rng.integers(1, 47, shape[0]) if rng.random() < 0.3 else rng.integers(20, 32, shape[0])
    low, high = sorted(int(one) for one in rng.integers(-32768, 32768, 2))
    weights = rng.integers(-127, 128, shape) if rng.random() < 0.7 else np.full(shape, rng.choice([-127, 127]))
    return {
        "bits": 16,
        "weights": weights.astype(np.int8),
        "bias": bias.astype(np.int32),
        "multiplier": rng.integers(2**14, 2**15, shape[0]).astype(np.int16),
        "shift": right.astype(np.uint8),
        "input_offset": 0,
        "output_offset": 0,
        "output_min": low if rng.random() < 0.3 else -32768,
        "output_max": high if rng.random() < 0.3 else 32767,
    }


@THOROUGH
@given(SEEDS, SIZES, MANY, st.integers(1, 3))
def test_dense(library, seed, rows, columns, positions):
    rng = np.random.default_rng(seed)
    parameters, gates = linear(rng, (rows, columns)), Gates()
    values = frames(rng, positions * columns)
    if positions == 1:
        gates = gates_of(rng, rows, columns)
    closed = gates.columns
    if closed is None and rng.random() < 0.5 and columns > 1:
        gates.spans = closed = np.repeat(rng.random(8) < 0.5, -(-columns // 8))[:columns]
    if closed is not None:
        values = np.where(np.tile(closed, positions), values, np.int16(0))
    node = replace(node_of("dense", 1, channels=rows), weights={"kernel": parameters["weights"]})
    node = replace(node, attributes={**node.attributes, "positions": positions})
    output, macs = run_calls(library, node, parameters, [values], gates, None, positions * rows)
    np.testing.assert_array_equal(output, specified(node, parameters, [values], gates, None))
    open_rows = rows if gates.rows is None else int(gates.rows.sum())
    assert macs == positions * open_rows * (columns if closed is None else int(closed.sum()))


@THOROUGH
@given(SEEDS, SIZES, SIZES, st.integers(2, 5), st.integers(1, 4))
def test_conv1d(library, seed, rows, columns, taps, dilation):
    rng = np.random.default_rng(seed)
    parameters, gates = linear(rng, (rows, taps, columns)), gates_of(rng, rows)
    node, values = node_of("conv1d", 1, dilation=dilation), frames(rng, columns)
    ring = ring_of(rng, (taps - 1) * dilation, columns, frames)
    output, macs = run_calls(library, node, parameters, [values], gates, ring, rows)
    np.testing.assert_array_equal(output, specified(node, parameters, [values], gates, ring))
    assert macs == (rows if gates.rows is None else int(gates.rows.sum())) * taps * columns


@THOROUGH
@given(SEEDS, SIZES, st.sampled_from([1, 2, 3, 32]), st.integers(1, 4), st.integers(1, 3))
def test_depthwise_conv1d(library, seed, channels, taps, dilation, multiplier):
    rng = np.random.default_rng(seed)
    rows = channels * multiplier
    parameters, gates = linear(rng, (rows, taps)), gates_of(rng, rows)
    node, values = node_of("depthwise_conv1d", 1, dilation=dilation, multiplier=multiplier), frames(rng, channels)
    ring = ring_of(rng, (taps - 1) * dilation, channels, frames)
    output, macs = run_calls(library, node, parameters, [values], gates, ring, rows)
    np.testing.assert_array_equal(output, specified(node, parameters, [values], gates, ring))
    assert macs == (rows if gates.rows is None else int(gates.rows.sum())) * taps


@pytest.mark.parametrize("op", ["conv2d", "conv2d_transpose"])
@THOROUGH
@given(SEEDS, WINDOWS, SMALL, st.one_of(SMALL, st.just(130)), st.integers(1, 4), st.integers(1, 3))
def test_planes(library, op, seed, window, rows, columns, taps, dilation):
    rng = np.random.default_rng(seed)
    if op == "conv2d_transpose":
        window, dilation = replace(window, dilation=1, is_transposed=True), 1
    parameters = linear(rng, (rows, taps, window.kernel, columns))
    values, gates = frames(rng, window.inputs * columns), Gates()
    if taps == 1 and rng.random() < 0.6 and columns < 16:
        gates.spans = rng.random(columns) < rng.choice([0.0, 0.5, 1.0])
        values = np.where(np.tile(gates.spans, window.inputs), values, np.int16(0))
    node = node_of(op, 1, window=window, dilation=dilation, channels=rows)
    node = replace(node, weights={"kernel": parameters["weights"]}, parts=parts_of(rng, rows))
    ring = ring_of(rng, (taps - 1) * dilation, window.inputs * columns, frames)
    check(library, node, parameters, values, ring, gates)


@THOROUGH
@given(SEEDS, WINDOWS, SMALL, st.integers(1, 3), st.integers(1, 4), st.integers(1, 3))
def test_depthwise_conv2d(library, seed, window, channels, multiplier, taps, dilation):
    rng = np.random.default_rng(seed)
    rows = channels * multiplier
    parameters = linear(rng, (rows, taps, window.kernel))
    node = node_of("depthwise_conv2d", 1, window=window, dilation=dilation, multiplier=multiplier, channels=rows)
    node = replace(node, weights={"kernel": parameters["weights"]}, parts=parts_of(rng, rows))
    ring = ring_of(rng, (taps - 1) * dilation, window.inputs * channels, frames)
    check(library, node, parameters, frames(rng, window.inputs * channels), ring, Gates())


@THOROUGH
@given(SEEDS, SMALL, st.one_of(SMALL, st.just(700)), SMALL, st.sampled_from([0.0, 0.2, 1.0]))
def test_bands(library, seed, rows, positions, depth, share):
    rng = np.random.default_rng(seed)
    matrix = np.where(rng.random((rows, positions)) < share, rng.normal(size=(rows, positions)), 0.0)
    parameters = linear(rng, (rows, positions))
    parameters.update(weights=(np.sign(matrix) * 127).astype(np.int8), bias=np.zeros(rows, np.int32))
    node = replace(node_of("bands", 1, depth=depth), weights={"matrix": matrix})
    check(library, node, parameters, frames(rng, positions * depth), None, Gates())


@THOROUGH
@given(SEEDS, SIZES, MANY)
def test_channel_gate(library, seed, rows, columns):
    rng = np.random.default_rng(seed)
    whole = linear(rng, (rows, columns))
    parameters = {key: whole[key] for key in ("bits", "weights", "bias", "input_offset")}
    group = int(rng.choice([1, 2, 5]))
    node, values = node_of("channel_gate", 1, group=group), frames(rng, columns)
    expected = operators()[node.op].step_integer(node, parameters, [values], ()).astype(bool)
    (call,) = library.calls(node, parameters)
    frame = library.frame()
    gate, scratch = frame.gate(np.zeros(rows * group, bool)), np.zeros(call.scratch, np.int16)
    memory = {"input0": frame.tensor(values), "scratch": frame.pointer(scratch), "gate": frame.address(gate)}
    macs = frame.call(call.function, [frame.constants(call), *(memory[name] for name in call.arguments)])
    indices = gate.lists[0][: gate.open_count].tolist()
    assert (macs, indices) == (rows * columns, np.flatnonzero(expected).tolist())


@THOROUGH
@given(SEEDS, WINDOWS, SMALL, st.sampled_from(["average_pool", "max_pool"]))
def test_pools(library, seed, window, channels, op):
    window = replace(window, dilation=1)
    assume(window.hits().min() > 0)
    node = node_of(op, 1, window=window, channels=channels)
    check(library, node, {"bits": 16}, frames(np.random.default_rng(seed), window.inputs * channels), None, Gates())


@THOROUGH
@given(SEEDS, st.one_of(SMALL, st.sampled_from([257, 65535])), SMALL)
def test_mean(library, seed, positions, channels):
    rng = np.random.default_rng(seed)
    channels = min(channels, ROOM // positions)
    node = node_of("mean", 1, averaged=positions, channels=channels)
    source, output = (Quantization(float(2.0 ** rng.uniform(-30, 8)), 0, bits=16) for _ in range(2))
    try:
        parameters = operators()["mean"].quantize(node, QuantizeContext((source,), output))
    except QuantizeError:
        assume(False)
    check(library, node, parameters, frames(rng, positions * channels), None, Gates())


@THOROUGH
@given(SEEDS, SMALL, SMALL, st.integers(1, 30), st.integers(1, 4), st.integers(-9, 9))
def test_resize(library, seed, inputs, channels, positions, repeat, before):
    sizes = {"positions": positions, "channels": channels, "inputs": inputs, "repeat": repeat, "before": before}
    node = Node("resize", "resize", ("in0",), "resize", sizes)
    values = frames(np.random.default_rng(seed), inputs * channels)
    check(library, node, {"bits": 16, "zero_point": 0}, values, None, Gates())


# ---- elementwise -------------------------------------------------------------------------------------------------


def requantization(rng: np.random.Generator, prefix: str, least: int, most: int) -> dict[str, int]:
    """A multiplier of 31 bits and its shift."""
    return {
        f"{prefix}multiplier": int(rng.integers(2**30, 2**31)),
        f"{prefix}shift": int(rng.integers(least, most + 1)),
    }


def clamp(rng: np.random.Generator) -> dict[str, int]:
    low, high = sorted(int(one) for one in rng.integers(-32768, 32768, 2))
    return (
        {"output_min": low, "output_max": high} if rng.random() < 0.3 else {"output_min": -32768, "output_max": 32767}
    )


@pytest.mark.parametrize("op", ["add", "multiply"])
@THOROUGH
@given(SEEDS, SIZES)
def test_pairs(library, op, seed, size):
    rng = np.random.default_rng(seed)
    parameters = {"bits": 16, "input0_offset": 0, "input1_offset": 0, "output_offset": 0, **clamp(rng)}
    parameters |= requantization(rng, "output_", -31, 8 if op == "add" else 1)
    if op == "add":  # as the specification forms them: neither input is more than half
        parameters |= requantization(rng, "input0_", -31, -1) | requantization(rng, "input1_", -31, -1)
    node, gates = node_of(op, 2, channels=size), gates_of(rng, size)
    values = [frames(rng, size), frames(rng, size)]
    output, _ = run_calls(library, node, parameters, values, gates, None, size)
    np.testing.assert_array_equal(output, specified(node, parameters, values, gates, None))


@THOROUGH
@given(SEEDS, SIZES)
def test_prelu(library, seed, size):
    rng = np.random.default_rng(seed)
    parameters = {
        "bits": 16, "slopes": rng.integers(-128, 128, size).astype(np.int8), "input_offset": 0, "output_offset": 0,
        "slope_offset": int(rng.integers(-127, 129)), **requantization(rng, "positive_", -31, 20),
        **requantization(rng, "negative_", -31, 7),
    }  # fmt: skip
    node = replace(node_of("prelu", 1), weights={"slopes": np.zeros(size, np.float32)})
    gates, values = gates_of(rng, size), [frames(rng, size)]
    output, _ = run_calls(library, node, parameters, values, gates, None, size)
    np.testing.assert_array_equal(output, specified(node, parameters, values, gates, None))


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "relu", "relu6", "silu", "elu", "leaky_relu", "hard_sigmoid"])
@pytest.mark.parametrize("scale", [1e-12, 3e-5, 2.0**-12, 1e-3, 0.05, 2.6])
def test_activation_of_every_input(library, function, scale):
    node = node_of("lookup", 1, function=function, slope=0.3, channels=2048)
    source, output = (Quantization(float(np.float32(one)), 0, bits=16) for one in (scale, 3e-4))
    operator = operators()["lookup"]
    output = operator.fixed_quantization(node, [source]) or output
    parameters = operator.quantize(node, QuantizeContext([source], output))
    for values in np.arange(-32768, 32768).astype(np.int16).reshape(-1, 2048):
        made, _ = run_calls(library, node, parameters, [values], Gates(), None, 2048)
        np.testing.assert_array_equal(made, specified(node, parameters, [values], Gates(), None))


@THOROUGH
@given(SEEDS, SIZES, st.sampled_from(["sigmoid", "relu", "silu"]))
def test_activation_of_closed_channels(library, seed, size, function):
    rng = np.random.default_rng(seed)
    node = node_of("lookup", 1, function=function, slope=0.0, channels=size)
    parameters = operators()["lookup"].quantize(
        node, QuantizeContext([Quantization(1e-3, 0, bits=16)], Quantization(2e-4, 0, bits=16))
    )
    gates, values = gates_of(rng, size), [frames(rng, size)]
    output, _ = run_calls(library, node, parameters, values, gates, None, size)
    np.testing.assert_array_equal(output, specified(node, parameters, values, gates, None))


@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
def test_curves_are_close_to_the_functions(function):
    """Within one and a half steps of Q15; where they end, within the same of their limit."""
    node = node_of("lookup", 1, function=function, slope=0.0, channels=1)
    source = Quantization(2.0**-11, 0, bits=16)
    operator = operators()["lookup"]
    values = np.arange(-32768, 32768).astype(np.int16)
    parameters = operator.quantize(node, QuantizeContext([source], operator.fixed_quantization(node, [source])))
    made = operator.step_integer(node, parameters, [values], ()) / 32768.0
    real = values * 2.0**-11
    exact = 1.0 / (1.0 + np.exp(-real)) if function == "sigmoid" else np.tanh(real)
    assert np.abs(made - exact).max() < 1.6 / 32768.0


def test_the_kernels_hold_the_table_of_the_specification():
    text = test_attention_kernels.assets.read_text("firmware/kernels/slimse_sigmoid_table.h")
    numbers = text[text.index("[256] = {") + 9 : text.index("};")]
    assert [int(one) for one in numbers.replace("\n", " ").split(",") if one.strip()] == SIGMOID_TABLE.tolist()


WIDTHS = [(8, 16), (16, 8), (16, 16)]


@pytest.mark.parametrize(("source", "output"), WIDTHS)
@THOROUGH
@given(SEEDS, st.integers(1, 4), st.integers(1, 9), st.integers(0, 3))
def test_rescale(library, source, output, seed, positions, channels, room):
    rng = np.random.default_rng(seed)
    given_values = {8: test_kernels.frames, 16: frames}[source](rng, positions * (channels + room))
    parameters = {
        "input_bits": source,
        "output_bits": output,
        "input_offset": int(rng.integers(-127, 129)) if source == 8 else 0,
        "output_offset": int(rng.integers(-128, 128)) if output == 8 else 0,
        **requantization(rng, "", -31, 22),
    }
    call = rescale.call(
        parameters, ("input0", 0), positions=positions, channels=channels, input_pitch=channels + room,
        output_pitch=channels, output_offset=0, suffix="",
    )  # fmt: skip
    made = np.full(positions * channels + 8, test_kernels.CANARY, {8: np.int8, 16: np.int16}[output])
    call = adapt(call, node_of("rescale", 1), library.kernels)
    frame = library.frame()
    ends = [frame.tensor(one) for one in (given_values, made)]
    frame.call(call.function, [frame.constants(call), *ends])
    expected = rescale.apply(given_values.reshape(positions, -1)[:, :channels].ravel(), parameters)
    np.testing.assert_array_equal(made[:-8], expected)
    assert np.all(made[-8:] == test_kernels.CANARY)


@given(st.floats(1e-9, 1e3), st.integers(-128, 127))
def test_widening_changes_no_value(scale, zero_point):
    source = Quantization(float(np.float32(scale)), zero_point)
    wide = operators()["rescale"].fixed_quantization(node_of("rescale", 1), [source])
    values = np.arange(-128, 128).astype(np.int8)
    widened = rescale.apply(values, rescale.quantize(source, wide))
    np.testing.assert_array_equal(
        widened.astype(np.float64) * wide.scale, source.scale * (values.astype(np.float64) - zero_point)
    )
    np.testing.assert_array_equal(rescale.apply(widened, rescale.quantize(wide, source)), values)


# ---- attention ---------------------------------------------------------------------------------------------------


@THOROUGH
@given(SEEDS, st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(0, 5))
def test_attention(library, seed, heads, key_size, value_size, positions, past):
    """Along frequency, and along time with rings, for any scales; sums as long as they can be."""
    rng = np.random.default_rng(seed)
    along_time = past > 0
    attributes = {
        "heads": heads, "key_size": key_size, "value_size": value_size, "along_time": along_time,
        "keys": 1 if along_time else positions, "past": past, "channels": heads * value_size,
    }  # fmt: skip
    node = node_of("attention", 3, **attributes)
    node = replace(node, attributes={**node.attributes, "positions": positions})
    scales = 10.0 ** rng.uniform(-9, 1, 2) if rng.random() < 0.3 else 10.0 ** rng.uniform(-5, -3, 2)
    query, key = (Quantization(float(one), 0, bits=16) for one in scales)
    operator = operators()["attention"]
    parameters = operator.quantize(node, QuantizeContext([query, key, key], key))
    values = [frames(rng, positions * heads * size) for size in (key_size, key_size, value_size)]
    rings: dict[str, Ring] = {}
    for index in (1, 2):
        ring = ring_of(rng, past, values[index].size, frames)
        if ring is not None:
            rings[f"ring{index}"] = ring
    expected = operator.step_integer(node, parameters, values, tuple(rings.values()))
    output, macs = test_attention_kernels.run_calls(library, node, parameters, values, rings, expected.size)
    np.testing.assert_array_equal(output, expected)
    assert macs == operator.macs(node).all_open


def test_mean_of_equal_values_is_that_value(library):
    """The reciprocal is cut off, and must not pull a mean down a step."""
    node = Node(
        "attention", "attention", ("q", "k", "v"), "attention",
        {"heads": 1, "key_size": 2, "value_size": 3, "along_time": False, "keys": 5, "past": 0, "channels": 3,
         "positions": 5},
    )  # fmt: skip
    scale = Quantization(1e-4, 0, bits=16)
    parameters = operators()["attention"].quantize(node, QuantizeContext([scale, scale, scale], scale))
    rng = np.random.default_rng(0)
    for value in (-32768, -32767, -1, 0, 1, 32767):
        values = [rng.integers(-32768, 32768, 10).astype(np.int16) for _ in range(2)] + [np.full(15, value, np.int16)]
        output, _ = test_attention_kernels.run_calls(library, node, parameters, values, {}, 15)
        assert np.all(output == value)
