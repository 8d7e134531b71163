"""The generated C as a firmware engineer uses it: streams, state, forced gates, hooks and self-description."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from native import WARNINGS, write_project
from networks import Jitter, Network, quantized_features, random_quantization
from numpy.typing import NDArray
from on_board import run_on_board

from slimse_mcu.board import board
from slimse_mcu.emit import emit
from slimse_mcu.graph import Graph
from slimse_mcu.plan import Plan, plan
from slimse_mcu.streaming import run_int8

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")

MARK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint16, ctypes.c_uint32)


class GateInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("channels", ctypes.c_uint16), ("offset", ctypes.c_uint16)]


class BufferInfo(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("offset", ctypes.c_uint32),
        ("bytes", ctypes.c_uint32),
        ("kind", ctypes.c_uint8),
    ]


class LayerInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p)]


class ModelInfo(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("tool_version", ctypes.c_char_p),
        ("model_hash", ctypes.c_char_p),
        ("calibration_hash", ctypes.c_char_p),
        ("model_bytes", ctypes.c_uint32),
        ("input_size", ctypes.c_uint16),
        ("output_size", ctypes.c_uint16),
        ("gate_count", ctypes.c_uint16),
        ("gate_bytes", ctypes.c_uint16),
        ("buffer_count", ctypes.c_uint16),
        ("layer_count", ctypes.c_uint16),
        ("gates", ctypes.POINTER(GateInfo)),
        ("buffers", ctypes.POINTER(BufferInfo)),
        ("layers", ctypes.POINTER(LayerInfo)),
        ("sample_rate_hz", ctypes.c_uint32),
        ("hop", ctypes.c_uint16),
        ("fft", ctypes.c_uint16),
        ("instrumented", ctypes.c_uint8),
    ]


class Library:
    """A generated model as a shared library."""

    def __init__(self, planned: Plan, folder: Path) -> None:
        self.plan = planned
        write_project(emit(planned), folder)
        sources = [str(path) for path in sorted(folder.rglob("*.c"))]
        includes = [f"-I{folder}", f"-I{folder}/kernels", f"-I{folder}/dsp"]
        target = folder / "model.so"
        subprocess.run(
            ["gcc", *WARNINGS, "-O1", "-fPIC", "-shared", *includes, *sources, "-o", str(target)], check=True
        )
        self.c = ctypes.CDLL(str(target))
        pointer = ctypes.c_void_p
        self.c.model_reset.argtypes = self.c.model_gates.argtypes = [pointer]
        self.c.model_frame.argtypes = [pointer, pointer, pointer]
        self.c.model_force_gates.argtypes = [pointer, pointer]
        self.c.model_snapshot.argtypes = self.c.model_restore.argtypes = [pointer, pointer]
        self.c.model_gates.restype = ctypes.POINTER(ctypes.c_uint8)
        self.info = ModelInfo.in_dll(self.c, "model_info")


class Stream:
    """One ``model_t``."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.memory = (ctypes.c_uint8 * library.plan.model_bytes)(*([0xA5] * library.plan.model_bytes))
        self.reset()

    def reset(self) -> None:
        self.library.c.model_reset(self.memory)

    def frame(self, features: NDArray[np.int8]) -> tuple[NDArray[np.int8], int]:
        info = self.library.info
        values = np.ascontiguousarray(features)
        output = np.zeros(info.output_size, np.int8)
        macs = self.library.c.model_frame(self.memory, values.ctypes.data, output.ctypes.data)
        return output, macs

    def frames(self, features: NDArray[np.int8]) -> NDArray[np.int8]:
        return np.stack([self.frame(one)[0] for one in features])

    def force(self, pattern: NDArray[np.uint8] | None) -> None:
        self.library.c.model_force_gates(self.memory, None if pattern is None else pattern.ctypes.data)

    def gates(self) -> NDArray[np.uint8]:
        return np.array(self.library.c.model_gates(self.memory)[: self.library.info.gate_bytes], np.uint8)

    def bytes_at(self, offset: int, count: int) -> NDArray[np.uint8]:
        return np.array(self.memory[offset : offset + count], np.uint8)


def gated_graph() -> Graph:
    network = Network(7, seed=5)
    x = network.conv(network.input, 9, 3, 2, activation="relu")
    gate = network.decide(x, 11, 4)
    hidden = network.close(network.activation(network.dense(x, 11), "prelu"), gate)
    hidden = network.close(network.depthwise(hidden, 2, 3), gate)
    x = network.combine("Add", x, network.dense(hidden, 9))
    return network.graph(network.activation(network.combine("Concatenate", x, network.input), "tanh"))


#: For tests of what only an instrumented build has.
instrumented_only = pytest.mark.parametrize("library", [True], indirect=True, ids=["instrumented"])


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "instrumented"])
def library(request, tmp_path_factory) -> Library:
    quantized = random_quantization(gated_graph(), Jitter(1, 0.7))
    planned = plan(quantized, board("host"), instrumented=request.param)
    return Library(planned, tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def features(library) -> NDArray[np.int8]:
    return quantized_features(library.plan.quantized, 17, 3)


def test_two_streams_do_not_disturb_each_other(library, features):
    alone = [Stream(library).frames(features), Stream(library).frames(features[::-1])]
    one, other = Stream(library), Stream(library)
    together = [
        (one.frame(first)[0], other.frame(last)[0]) for first, last in zip(features, features[::-1], strict=True)
    ]
    np.testing.assert_array_equal(np.stack([pair[0] for pair in together]), alone[0])
    np.testing.assert_array_equal(np.stack([pair[1] for pair in together]), alone[1])


def test_restored_state_continues_where_it_was_saved(library, features):
    stream = Stream(library)
    expected = stream.frames(features)
    stream.reset()
    stream.frames(features[:8])
    saved = (ctypes.c_uint8 * library.plan.state_bytes)()
    library.c.model_snapshot(stream.memory, saved)
    stream.frames(features[3:])
    library.c.model_restore(stream.memory, saved)
    np.testing.assert_array_equal(stream.frames(features[8:]), expected[8:])


def test_reset_brings_every_byte_back_and_lets_the_model_decide(library, features):
    stream = Stream(library)
    initial = bytes(stream.memory)
    expected = stream.frames(features)
    stream.force(library.plan.gates.constant(False))
    stream.frames(features)
    stream.reset()
    assert bytes(stream.memory) == initial
    np.testing.assert_array_equal(stream.frames(features), expected)


def test_forced_gates_hold_until_they_are_let_go(library, features):
    stream = Stream(library)
    pattern = library.plan.gates.constant(True)
    pattern[0] ^= 5
    stream.force(pattern)
    pattern_copy, pattern[:] = pattern.copy(), 0  # the model has taken a copy
    trace = run_int8(library.plan.quantized, features[:6], forced=pattern_copy)
    np.testing.assert_array_equal(stream.frames(features[:6]), trace.output)
    np.testing.assert_array_equal(stream.gates(), pattern_copy)
    stream.force(None)
    stream.reset()
    np.testing.assert_array_equal(stream.frames(features), run_int8(library.plan.quantized, features).output)


def test_model_says_what_it_is(library):
    info, planned = library.info, library.plan
    graph, made = planned.quantized.graph, planned.quantized.provenance
    assert (info.name.decode(), info.model_hash.decode()) == (made.model_name, made.model_hash)
    assert info.tool_version.decode() == made.tool_version
    assert info.model_bytes == planned.model_bytes
    assert (info.input_size, info.output_size) == (7, 16)
    assert (info.sample_rate_hz, info.hop, info.fft) == (0, 0, 0)
    assert bool(info.instrumented) == planned.instrumented
    gates = [(gate.name.decode(), gate.channels, gate.offset) for gate in info.gates[: info.gate_count]]
    assert gates == [(name, planned.gates.channels[name], offset) for name, offset in planned.gates.offsets.items()]
    layers = [node.name for node in graph.nodes] if planned.instrumented else []
    assert [layer.name.decode() for layer in info.layers[: info.layer_count]] == layers


def test_states_lie_where_the_model_says(library, features):
    stream = Stream(library)
    stream.frames(features)
    trace = run_int8(library.plan.quantized, features, record=True)
    info, graph = library.info, library.plan.quantized.graph
    buffers = {buffer.name.decode(): buffer for buffer in info.buffers[: info.buffer_count]}
    for state in graph.states:
        ring, following = buffers[state.name], buffers[f"{state.name}_next"]
        assert (ring.kind, following.kind, following.bytes) == (1, 1, 2)
        past = stream.bytes_at(ring.offset, ring.bytes).view(np.int8).reshape(state.slots, state.channels)
        oldest = int(stream.bytes_at(following.offset, 2).view("<u2")[0])
        ordered = np.roll(past, -oldest, axis=0)
        np.testing.assert_array_equal(ordered, trace.tensors[state.tensor][-state.slots :])


@instrumented_only
def test_instrumented_model_keeps_every_tensor(library, features):
    stream = Stream(library)
    info, graph = library.info, library.plan.quantized.graph
    tensors = [buffer for buffer in info.buffers[: info.buffer_count] if buffer.kind == 0]
    assert {buffer.name.decode() for buffer in tensors} == set(graph.tensors) - {graph.input, graph.output}
    trace = run_int8(library.plan.quantized, features, record=True)
    for index, one in enumerate(features):
        stream.frame(one)
        for buffer in tensors:
            value = stream.bytes_at(buffer.offset, buffer.bytes).view(np.int8)
            np.testing.assert_array_equal(value, trace.tensors[buffer.name.decode()][index])


@instrumented_only
def test_instrumented_model_marks_every_layer_with_its_macs(library, features):
    stream, marks = Stream(library), []
    callback = MARK(lambda context, layer, macs: marks.append((context, layer, macs)))
    library.c.model_set_mark.argtypes = [ctypes.c_void_p, MARK, ctypes.c_void_p]
    library.c.model_set_mark(stream.memory, callback, 77)
    _, total = stream.frame(features[0])
    assert [mark[0] for mark in marks] == [77] * library.info.layer_count
    assert [mark[1] for mark in marks] == list(range(library.info.layer_count))
    assert sum(mark[2] for mark in marks) == total
    assert {mark[2] for mark in marks} > {0}


@pytest.mark.parametrize("name", ["host", "virtual-m4", "virtual-m55"])
def test_gated_network_without_front_end_on_a_board_equals_the_specification(tmp_path, name):
    planned = plan(random_quantization(gated_graph(), Jitter(1, 0.7)), board(name))
    run_on_board(planned, name, quantized_features(planned.quantized, 30, 6), tmp_path)
