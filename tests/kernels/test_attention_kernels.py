"""The kernels of attention and softmax alone against their NumPy specifications, parameters over their whole range."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kernels.machines import Machine
from kernels.test_kernels import CANARY, SEEDS, THOROUGH, frames, node_of, pytestmark, ring_of
from slimse_mcu import assets
from slimse_mcu.graph import Component, Node, Part, Quantization
from slimse_mcu.ops import operators
from slimse_mcu.ops.attention import EXP_TABLE
from slimse_mcu.ops.attention_layers import MAX_KEYS
from slimse_mcu.ops.op import QuantizeContext, Ring, is_wide
from slimse_mcu.ops.softmax import exp_table

__all__ = ["pytestmark"]


def run_calls(
    library: Machine, node: Node, parameters: dict[str, Any], inputs, rings: dict[str, Ring], size: int
) -> tuple[NDArray[Any], int]:
    """Carry a node's calls out; the output and the MACs."""
    output = np.full(size + 8, CANARY, np.int16 if is_wide(parameters) else np.int8)
    macs = 0
    for call in library.calls(node, parameters):
        room = max(operators()[node.op].scratch_elements(node), call.scratch)
        scratch = np.full(room + 8, CANARY, np.int16)
        frame = library.frame()
        arguments: list[int | None] = [frame.constants(call)]
        for name in call.arguments:
            if name.startswith("ring"):
                ring = rings.get(name)
                arguments += [None if ring is None else frame.tensor(ring.frames), 0]
            elif name == "scratch":
                arguments.append(frame.pointer(scratch))
            elif name == "output":
                arguments.append(frame.tensor(output))
            else:
                arguments.append(frame.tensor(np.array(inputs[int(name.removeprefix("input"))])))
        result = frame.call(call.function, arguments)
        macs += result if call.counts_macs else 0
        assert np.all(scratch[-8:] == CANARY), "wrote behind its working memory"
    assert np.all(output[size:] == CANARY), "wrote behind its output"
    return output[:size], macs


def attention_parameters(rng: np.random.Generator, key_size: int) -> dict[str, Any]:
    """As quantization yields them for any scales, more often such that the weights are spread."""
    node = attention_node(1, (key_size, 1), 1, keys=1, past=0, along_time=False)
    scale = 10.0 ** rng.uniform(-2.5, -0.5) if rng.random() < 0.7 else 10.0 ** rng.uniform(-9, 9)
    one = Quantization(scale, int(rng.integers(-128, 128)))
    return operators()[node.op].quantize(node, QuantizeContext([one, one, one], one))


def check_attention(library, node: Node, parameters: dict[str, Any], inputs, rings: dict[str, Ring]) -> None:
    operator = operators()[node.op]
    expected = operator.step_integer(node, parameters, inputs, tuple(rings.values()))
    output, macs = run_calls(library, node, parameters, inputs, rings, expected.size)
    np.testing.assert_array_equal(output, expected)
    assert macs == operator.macs(node).all_open


def attention_node(heads: int, sizes: tuple[int, int], positions: int, **attributes: Any) -> Node:
    own = {"heads": heads, "key_size": sizes[0], "value_size": sizes[1], "positions": positions, **attributes}
    return node_of("attention", 3, **own, channels=heads * sizes[1])


SIZE = st.sampled_from([1, 2, 3, 4, 5, 8, 9, 16])


@THOROUGH
@given(SEEDS, st.integers(1, 4), SIZE, SIZE, st.integers(1, 12), st.integers(1, 20))
def test_attention_along_frequency(library, seed, heads, key_size, value_size, positions, keys):
    rng = np.random.default_rng(seed)
    node = attention_node(heads, (key_size, value_size), positions, keys=keys, past=0, along_time=False)
    sizes = positions * heads * key_size, keys * heads * key_size, keys * heads * value_size
    check_attention(library, node, attention_parameters(rng, key_size), [frames(rng, size) for size in sizes], {})


@THOROUGH
@given(SEEDS, st.integers(1, 4), SIZE, SIZE, st.integers(1, 6), st.integers(1, 20))
def test_attention_along_time(library, seed, heads, key_size, value_size, positions, window):
    rng = np.random.default_rng(seed)
    node = attention_node(heads, (key_size, value_size), positions, keys=1, past=window - 1, along_time=True)
    sizes = [positions * heads * size for size in (key_size, key_size, value_size)]
    rings = {f"ring{index}": ring_of(rng, window - 1, sizes[index]) for index in (1, 2) if window > 1}
    check_attention(library, node, attention_parameters(rng, key_size), [frames(rng, size) for size in sizes], rings)


@pytest.mark.parametrize("limit", [1, 2**21])
@pytest.mark.parametrize(("value", "offset"), [(-128, -127), (127, 128)])
def test_attention_over_the_most_keys_of_the_greatest_values(library, value, offset, limit):
    """Every sum is as far out as it can be; a mean of equal values is that value."""
    node = attention_node(1, (64, 5), 2, keys=MAX_KEYS, past=0, along_time=False)
    parameters = {"query_offset": offset, "limit": limit, "multiplier": (2**31 - 1) // limit, "shift": 15}
    key = np.full(MAX_KEYS * 64, value, np.int8)
    inputs = [np.full(2 * 64, value, np.int8), key, np.full(MAX_KEYS * 5, value, np.int8)]
    check_attention(library, node, parameters, inputs, {})
    key[:64] = -1 - value
    check_attention(library, node, parameters, inputs, {})
    assert np.all(operators()["attention"].step_integer(node, parameters, inputs, ()) == value)


def test_closed_heads_are_left_out(library):
    rng = np.random.default_rng(0)
    parts = (Part(8), Part(4, Component("gate", 0)), Part(4, Component("gate", 1)))
    node = attention_node(4, (3, 4), 5, keys=5, past=0, along_time=False)
    gated = Node(node.name, node.op, node.inputs, node.output, node.attributes, parts=parts)
    parameters, inputs = attention_parameters(rng, 3), [frames(rng, size) for size in (60, 60, 80)]
    calls = operators()["attention"].calls(gated, parameters)
    assert [call.part for call in calls] == [0, 1, 2]
    expected, all_macs = run_calls(library, node, parameters, inputs, {}, 80)
    output, macs = run_calls(library, gated, parameters, inputs, {}, 80)
    np.testing.assert_array_equal(output, expected)
    assert macs == all_macs == 4 * 5 * 5 * 7
    closed = operators()["attention"].macs(gated)
    assert closed.count(_Closed()) == 2 * 5 * 5 * 7


class _Closed:
    def channels(self, gate: str) -> int:
        return 0

    def is_open(self, component: Component) -> int:
        return 0


@pytest.mark.parametrize("scale", [1e-9, 1e-4, 0.01, 0.2, 3.0, 1e9])
def test_exponents_stay_in_the_table_and_in_int32(scale):
    node = attention_node(1, (16, 1), 1, keys=1, past=0, along_time=False)
    one = Quantization(scale, 0)
    own = operators()["attention"].quantize(node, QuantizeContext([one, one, one], one))
    assert 1 <= own["limit"] <= 2 * 255 * 128 * 16
    assert own["limit"] * own["multiplier"] < 2**31
    exponent = (own["limit"] * own["multiplier"]) >> own["shift"]
    assert exponent <= 65535
    assert exponent == pytest.approx(min(65535, scale**2 / 4 * 4096 * own["limit"]), rel=2e-3, abs=1)


def test_exponential_of_the_header_is_the_specifications():
    text = assets.read_text("firmware/kernels/slimse_exp.h")
    numbers = re.search(r"slimse_exp_q15\[257\] = \{([^}]*)\}", text)
    assert [int(number) for number in numbers[1].split(",")[:-1]] == EXP_TABLE.tolist()


@THOROUGH
@given(SEEDS, st.sampled_from([1, 2, 3, 5, 10, 64, 511]), st.integers(1, 4), st.floats(-12, 5))
def test_softmax(library, seed, size, positions, log_scale):
    rng = np.random.default_rng(seed)
    node = node_of("softmax", 1, channels=size)
    node.attributes["positions"] = positions
    spread = int(rng.choice([1, 5, 256]))
    values = np.clip(rng.integers(-128, 128 - spread + 1) + rng.integers(0, spread, positions * size), -128, 127)
    parameters = {"exp": exp_table(float(np.float32(2.0**log_scale)))}
    output, _ = run_calls(library, node, parameters, [values.astype(np.int8)], {}, positions * size)
    expected = operators()["softmax"].step_integer(node, parameters, [values.astype(np.int8)], ())
    np.testing.assert_array_equal(output, expected)
