"""Every kernel alone against its operator's NumPy specification, with parameters over their whole range.

Structures are read from the headers; a folder of optimised kernels is held to the same test.
"""

from __future__ import annotations

import ctypes
import shutil
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kernels.machines import Machine
from slimse_mcu.graph import Node, Quantization
from slimse_mcu.ops import operators
from slimse_mcu.ops.op import QuantizeContext, Ring, is_wide

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")
THOROUGH = settings(max_examples=150)
#: What a kernel must not touch: put behind every buffer it writes.
CANARY = 0x5A


@dataclass
class Gates:
    """Open rows and columns of one call, or None where all are; ``spans`` are open columns too, as ranges.

    Rows and columns are open in groups of ``group`` neighbours.
    """

    rows: NDArray[np.bool_] | None = None
    columns: NDArray[np.bool_] | None = None
    spans: NDArray[np.bool_] | None = None
    group: int = 1


class Span(ctypes.Structure):
    """``slimse_span_t``."""

    _fields_ = (("first", ctypes.c_uint16), ("count", ctypes.c_uint16))


class Spans(ctypes.Structure):
    """``slimse_spans_t``."""

    _fields_ = (("ranges", ctypes.c_uint16), ("channels", ctypes.c_uint16), ("range", Span * 16))

    @classmethod
    def of(cls, is_open: NDArray[np.bool_]) -> Spans:
        """The ranges of the open channels."""
        edges = np.flatnonzero(np.diff(np.r_[False, is_open, False].astype(int)))
        pairs = [Span(int(first), int(end - first)) for first, end in edges.reshape(-1, 2)]
        return cls(len(pairs), int(is_open.sum()), (Span * 16)(*pairs))


def run_calls(
    library: Machine, node: Node, parameters: dict[str, Any], inputs, gates: Gates, ring: Ring | None, size: int
) -> tuple[NDArray[Any], int]:
    """Carry a node's calls out; the output and the MACs."""
    output = np.full(size + 8, CANARY, np.int16 if is_wide(parameters) else np.int8)
    node = replace(node, row_gate=(gates.rows is not None and "rows") or None)
    node = replace(node, column_gate=(gates.columns is not None and "columns") or None)
    macs = 0
    for call in library.calls(node, parameters):
        frame = library.frame()
        scratch = np.full(call.scratch + 8, CANARY, np.int16)
        arguments: list[int | None] = [frame.constants(call)]
        for argument in call.arguments:
            name, first = (argument, 0) if isinstance(argument, str) else argument
            if name in ("rows", "columns"):
                gate = frame.gate(getattr(gates, name), group=gates.group)
                arguments.append(None if gate is None else frame.address(gate))
            elif name == "spans":
                arguments.append(None if gates.spans is None else frame.address(Spans.of(gates.spans)))
            elif name == "ring0":
                arguments += [None, 0] if ring is None else [frame.tensor(ring.frames), ring.next]
            elif name == "scratch":
                arguments.append(frame.pointer(scratch))
            elif name == "output":
                arguments.append(frame.tensor(output) + first * output.itemsize)
            else:
                arguments.append(frame.tensor(np.array(inputs[int(name.removeprefix("input"))])))
        result = frame.call(call.function, arguments)
        macs += result if call.counts_macs else 0
        assert np.all(scratch[call.scratch :] == CANARY), "wrote behind its working memory"
    assert np.all(output[size:] == CANARY), "wrote behind its output"
    return output[:size], macs


def specified(node: Node, parameters: dict[str, Any], inputs, gates: Gates, ring: Ring | None) -> NDArray[Any]:
    """The specification's output, closed rows at the zero point."""
    value = operators()[node.op].step_integer(node, parameters, inputs, () if ring is None else (ring,))
    if gates.rows is None:
        return value
    return np.where(gates.rows, value, value.dtype.type(parameters.get("output_offset", 0)))


# ---- random parameters -------------------------------------------------------------------------------------------


def requantization(rng: np.random.Generator, rows: int) -> dict[str, Any]:
    """Multipliers and shifts of the whole range, more often such that results are spread over int8."""
    shift = rng.integers(-31, 31, rows) if rng.random() < 0.3 else rng.integers(-14, -4, rows)
    low, high = sorted(rng.integers(-128, 128, 2))
    if rng.random() < 0.7:
        low, high = -128, 127
    return {
        "multiplier": rng.integers(2**30, 2**31, rows).astype(np.int32),
        "shift": shift.astype(np.int8),
        "output_offset": int(rng.integers(-128, 128)),
        "output_min": int(low),
        "output_max": int(high),
    }


def linear(rng: np.random.Generator, shape: tuple[int, ...]) -> dict[str, Any]:
    bias = rng.integers(-(2**30), 2**30 + 1, shape[0]) >> rng.integers(0, 28)
    return {
        "weights": rng.integers(-127, 128, shape).astype(np.int8),
        "bias": bias.astype(np.int32),
        "input_offset": int(rng.integers(-127, 129)),
        **requantization(rng, shape[0]),
    }


def narrow(rng: np.random.Generator, shape: tuple[int, ...]) -> dict[str, Any]:
    """Parameters for which fast forms of layers with weights hold, up to the last sum that they can hold.

    Those of short sums hold sums below 2^23, Helium's below 2^25.
    """
    parameters = linear(rng, shape)
    kind = rng.random()
    if kind < 0.3:
        parameters["weights"][:] = rng.choice([-127, 127], shape) if kind < 0.15 else rng.choice([-127, 127])
    reach = 255 * np.abs(parameters["weights"].astype(np.int64)).reshape(shape[0], -1).sum(axis=1)
    room = np.maximum(0, (1 << rng.choice([23, 25])) - 1 - reach)
    bias = np.where(rng.random(shape[0]) < 0.3, room, rng.integers(0, room + 1) >> rng.integers(0, 20))
    parameters["bias"] = (bias * rng.choice([-1, 1], shape[0])).astype(np.int32)
    least, most = (1, 32) if kind < 0.1 else (2, 32) if kind < 0.5 else (5, 14)
    parameters["shift"] = -rng.integers(least, most, shape[0]).astype(np.int8)
    return parameters


def values_of(rng: np.random.Generator, count: int, zero: int) -> NDArray[np.int8]:
    """Inputs of many kinds: any, the least, the greatest, mostly zero."""
    kind = rng.random()
    if kind < 0.1:
        return np.full(count, -128, np.int8)
    if kind < 0.2:
        return np.full(count, 127, np.int8)
    share = rng.choice([0.0, 0.0, 0.3, 0.6, 0.95])
    return np.where(rng.random(count) < share, np.int8(zero), frames(rng, count))


def gates_of(rng: np.random.Generator, rows: int, columns: int = 0) -> Gates:
    """Any gates: none, all closed, all open, a share; of single channels or of groups."""
    group = int(rng.choice([size for size in (1, 2, 4, 8) if rows % size == columns % size == 0]))

    def bits(count: int) -> NDArray[np.bool_] | None:
        if count == 0 or rng.random() < 0.25:
            return None
        return np.repeat(rng.random(count // group) < rng.choice([0.0, 0.1, 0.5, 0.8, 1.0]), group)

    return Gates(bits(rows), bits(columns), group=group)


def frames(rng: np.random.Generator, *shape: int) -> NDArray[np.int8]:
    return rng.integers(-128, 128, shape).astype(np.int8)


def ring_of(rng: np.random.Generator, slots: int, channels: int, frames: Any = frames) -> Ring | None:
    if slots == 0:
        return None
    values = frames(rng, slots, channels)
    ring = Ring(slots, channels, 0, values.dtype)
    ring.frames[:] = values
    ring.next = int(rng.integers(slots))
    return ring


def node_of(op: str, inputs: int, **attributes: Any) -> Node:
    return Node(op, op, tuple(f"in{index}" for index in range(inputs)), op, {"positions": 1, **attributes})


def scalar(parameters: dict[str, Any]) -> dict[str, Any]:
    """Requantization of an operator that has one multiplier for all channels."""
    result = {"output_multiplier": int(parameters["multiplier"][0]), "output_shift": int(parameters["shift"][0])}
    return {**result, **{key: parameters[key] for key in ("output_offset", "output_min", "output_max")}}


SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.one_of(st.integers(1, 9), st.sampled_from([16, 17, 31, 64, 129]))


def check_dense(library: Machine, rng: np.random.Generator, parameters: dict[str, Any], gates: Gates) -> None:
    """A dense layer's calls yield the specification's output and count what is open."""
    rows, columns = parameters["weights"].shape
    zero = -parameters["input_offset"]
    values = values_of(rng, columns, zero)
    if gates.columns is not None:
        values = np.where(gates.columns, values, np.int8(zero))
    node = node_of("dense", 1)
    output, macs = run_calls(library, node, parameters, [values], gates, None, rows)
    np.testing.assert_array_equal(output, specified(node, parameters, [values], gates, None))
    open_rows = rows if gates.rows is None else int(gates.rows.sum())
    assert macs == open_rows * (columns if gates.columns is None else int(gates.columns.sum()))


@THOROUGH
@given(SEEDS, SIZES, SIZES)
def test_dense(library, seed, rows, columns):
    rng = np.random.default_rng(seed)
    check_dense(library, rng, linear(rng, (rows, columns)), gates_of(rng, rows, columns))


@THOROUGH
@given(SEEDS, st.one_of(SIZES, st.just(256)), st.one_of(SIZES, st.sampled_from([200, 257])), st.sampled_from([0, 1, 2]))
def test_dense_of_short_sums(library, seed, rows, columns, gated):
    """Every form that an adapter chooses by gates and zero point, with sums up to the last that it holds."""
    rng = np.random.default_rng(seed)
    parameters, gates = narrow(rng, (rows, columns)), gates_of(rng, rows, columns)
    if rng.random() < 0.5:
        parameters["input_offset"] = 128
    gates.rows = gates.rows if gated == 1 else None
    gates.columns = gates.columns if gated == 2 else None
    check_dense(library, rng, parameters, gates)


@THOROUGH
@given(SEEDS, SIZES, SIZES, st.integers(2, 6), st.integers(1, 4))
def test_conv1d(library, seed, rows, columns, taps, dilation):
    rng = np.random.default_rng(seed)
    parameters, gates = linear(rng, (rows, taps, columns)), gates_of(rng, rows)
    ring, values = ring_of(rng, (taps - 1) * dilation, columns), frames(rng, columns)
    node = node_of("conv1d", 1, dilation=dilation)
    output, macs = run_calls(library, node, parameters, [values], gates, ring, rows)
    np.testing.assert_array_equal(output, specified(node, parameters, [values], gates, ring))
    assert macs == (rows if gates.rows is None else int(gates.rows.sum())) * taps * columns


@THOROUGH
@given(SEEDS, SIZES, st.integers(1, 3), st.integers(1, 6), st.integers(1, 4), st.booleans())
def test_depthwise_conv1d(library, seed, channels, multiplier, taps, dilation, is_short):
    rng = np.random.default_rng(seed)
    if is_short:
        multiplier, taps = 1, (taps + 1) // 2
    rows = channels * multiplier
    parameters, gates = (narrow if is_short else linear)(rng, (rows, taps)), gates_of(rng, rows)
    ring, values = ring_of(rng, (taps - 1) * dilation, channels), frames(rng, channels)
    node = node_of("depthwise_conv1d", 1, dilation=dilation, multiplier=multiplier)
    output, macs = run_calls(library, node, parameters, [values], gates, ring, rows)
    np.testing.assert_array_equal(output, specified(node, parameters, [values], gates, ring))
    assert macs == (rows if gates.rows is None else int(gates.rows.sum())) * taps


@THOROUGH
@given(SEEDS, SIZES)
def test_add(library, seed, size):
    rng = np.random.default_rng(seed)
    parameters = scalar(requantization(rng, 1))
    for index in (0, 1):
        parameters[f"input{index}_offset"] = int(rng.integers(-127, 129))
        parameters[f"input{index}_multiplier"] = int(rng.integers(2**30, 2**31))
        parameters[f"input{index}_shift"] = int(rng.integers(-31, 0))
    node, gates = node_of("add", 2, channels=size), gates_of(rng, size)
    values = [frames(rng, size), frames(rng, size)]
    output, _ = run_calls(library, node, parameters, values, gates, None, size)
    np.testing.assert_array_equal(output, specified(node, parameters, values, gates, None))


@THOROUGH
@given(SEEDS, SIZES, st.floats(-2, 2), st.floats(-2, 2), st.booleans())
def test_add_of_calibrated_tensors(library, seed, size, first, second, is_relu):
    """Scales as calibration yields them, for which there mostly is a short form."""
    rng = np.random.default_rng(seed)
    scales = 0.05 * 10.0 ** np.array([first, second, max(first, second) + rng.uniform(-0.3, 0.3)])
    tensors = [Quantization(float(scale), int(rng.integers(-128, 128))) for scale in scales]
    node = replace(node_of("add", 2, channels=size), activation="relu" if is_relu else "linear")
    parameters = operators()["add"].quantize(node, QuantizeContext(tensors[:2], tensors[2]))
    gates, values = gates_of(rng, size), [frames(rng, size), frames(rng, size)]
    output, _ = run_calls(library, node, parameters, values, gates, None, size)
    np.testing.assert_array_equal(output, specified(node, parameters, values, gates, None))


@THOROUGH
@given(SEEDS, SIZES)
def test_multiply(library, seed, size):
    rng = np.random.default_rng(seed)
    parameters = scalar(requantization(rng, 1))
    parameters.update(input0_offset=int(rng.integers(-127, 129)), input1_offset=int(rng.integers(-127, 129)))
    node, gates = node_of("multiply", 2, channels=size), gates_of(rng, size)
    values = [frames(rng, size), frames(rng, size)]
    output, _ = run_calls(library, node, parameters, values, gates, None, size)
    np.testing.assert_array_equal(output, specified(node, parameters, values, gates, None))


@THOROUGH
@given(SEEDS, SIZES)
def test_prelu(library, seed, size):
    rng = np.random.default_rng(seed)
    both = requantization(rng, 2)
    parameters = {"slopes": frames(rng, size), "output_offset": both["output_offset"]}
    parameters.update(input_offset=int(rng.integers(-127, 129)), slope_offset=int(rng.integers(-127, 129)))
    for index, sign in enumerate(("positive", "negative")):
        parameters[f"{sign}_multiplier"] = int(both["multiplier"][index])
        parameters[f"{sign}_shift"] = int(both["shift"][index])
    node, gates, values = node_of("prelu", 1), gates_of(rng, size), [frames(rng, size)]
    output, _ = run_calls(library, node, parameters, values, gates, None, size)
    np.testing.assert_array_equal(output, specified(node, parameters, values, gates, None))


@THOROUGH
@given(SEEDS, SIZES)
def test_lookup(library, seed, size):
    rng = np.random.default_rng(seed)
    parameters = {"table": frames(rng, 256), "output_offset": int(rng.integers(-128, 128))}
    node = node_of("lookup", 1, function="tanh", channels=size)
    gates, values = gates_of(rng, size), [frames(rng, size)]
    output, _ = run_calls(library, node, parameters, values, gates, None, size)
    np.testing.assert_array_equal(output, specified(node, parameters, values, gates, None))


@THOROUGH
@given(SEEDS, st.lists(SIZES, min_size=1, max_size=4), st.integers(1, 4))
def test_concatenate(library, seed, sizes, pieces):
    rng = np.random.default_rng(seed)
    all_parts = requantization(rng, len(sizes))
    parameters = {
        "parts": tuple(
            {
                "input_offset": int(rng.integers(-127, 129)),
                "output_offset": all_parts["output_offset"],
                "multiplier": int(multiplier),
                "shift": int(shift),
            }
            for multiplier, shift in zip(all_parts["multiplier"], all_parts["shift"], strict=True)
        )
    }
    node = node_of("concatenate", len(sizes), sizes=tuple(sizes), pieces=pieces)
    values = [frames(rng, pieces * size) for size in sizes]
    output, _ = run_calls(library, node, parameters, values, Gates(), None, pieces * sum(sizes))
    np.testing.assert_array_equal(output, specified(node, parameters, values, Gates(), None))


@THOROUGH
@given(SEEDS, SIZES)
def test_gate_channels(library, seed, size):
    rng = np.random.default_rng(seed)
    parameters = {"output_offset": int(rng.integers(-128, 128))}
    node, gates = node_of("gate_channels", 1, channels=size), Gates(rng.random(size) < 0.5)
    values = [frames(rng, size)]
    output, _ = run_calls(library, node, parameters, values, gates, None, size)
    np.testing.assert_array_equal(output, specified(node, parameters, values, gates, None))


@THOROUGH
@given(SEEDS, SIZES, SIZES, st.booleans(), st.booleans())
def test_channel_gate(library, seed, rows, columns, is_forced, is_short):
    rng = np.random.default_rng(seed)
    whole = (narrow if is_short else linear)(rng, (rows, columns))
    parameters = {key: whole[key] for key in ("weights", "bias", "input_offset")}
    group = int(rng.choice([1, 1, 2, 3, 4, 8]))
    node, values = node_of("channel_gate", 1, group=group), values_of(rng, columns, -whole["input_offset"])
    expected = operators()[node.op].step_integer(node, parameters, [values], ()).astype(bool)
    pattern = None
    if is_forced:
        expected = rng.random(rows * group) < 0.5
        pattern = np.packbits(expected, bitorder="little")
    (call,) = library.calls(node, parameters)
    frame = library.frame()
    gate, scratch = frame.gate(np.zeros(rows * group, bool), pattern), np.zeros(call.scratch, np.int16)
    memory = {"input0": frame.tensor(values), "scratch": frame.pointer(scratch), "gate": frame.address(gate)}
    macs = frame.call(call.function, [frame.constants(call), *(memory[name] for name in call.arguments)])
    assert macs == rows * columns
    assert gate.group in ((0, 1) if is_forced or group == 1 else (group,))
    assert gate.open_count == expected.sum()
    indices, bits = gate.lists
    assert indices[: gate.open_count].tolist() == np.flatnonzero(expected).tolist()
    assert bits.tolist() == np.packbits(expected, bitorder="little").tolist()


def test_channel_whose_logit_is_zero_stays_closed(library):
    parameters = {
        "weights": np.zeros((3, 2), np.int8),
        "bias": np.array([-1, 0, 1], np.int32),
        "input_offset": 5,
    }
    (call,) = library.calls(node_of("channel_gate", 1), parameters)
    frame = library.frame()
    gate, scratch = frame.gate(np.zeros(3, bool)), np.zeros(call.scratch, np.int16)
    memory = {"input0": frame.tensor(np.ones(2, np.int8)), "scratch": frame.pointer(scratch)}
    memory["gate"] = frame.address(gate)
    frame.call(call.function, [frame.constants(call), *(memory[name] for name in call.arguments)])
    assert gate.lists[1].tolist() == [0b100]


@THOROUGH
@given(SEEDS, SIZES, st.integers(1, 9), st.integers(1, 20))
def test_ring_push(library, seed, channels, slots, pushes):
    rng = np.random.default_rng(seed)
    ring = Ring(slots, channels, 3, np.int8)
    memory, following = np.full((slots, channels), 3, np.int8), np.zeros(1, np.uint16)
    for _ in range(pushes):
        value = frames(rng, channels)
        ring.push(value)
        frame = library.frame()
        arguments = [frame.tensor(value), channels, slots, frame.tensor(memory), frame.pointer(following)]
        frame.call("slimse_ring_push_s8", arguments)
        np.testing.assert_array_equal(memory, ring.frames)
        assert following[0] == ring.next
