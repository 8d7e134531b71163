"""``slimse diff``: kernels that are wrong on purpose are found where they go wrong, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import DATA, needs_arm, needs_qemu
from networks import Network, Value
from numpy.typing import NDArray

from slimse_mcu import cli, compile_model
from slimse_mcu.board import board
from slimse_mcu.build import build
from slimse_mcu.diff import Comparison, diff
from slimse_mcu.emit import Project, emit
from slimse_mcu.errors import LinkError
from slimse_mcu.harness.audio import Pair, read_pairs
from slimse_mcu.harness.features import Features
from slimse_mcu.harness.locate import Difference, GateBit
from slimse_mcu.harness.session import Session
from slimse_mcu.plan import Plan, plan
from slimse_mcu.quantize import quantize
from slimse_mcu.streaming import Trace, run_int8
from slimse_mcu.twin import Twin

FRAMES = 150
#: Two stretches are sound before anything goes wrong.
SOUND = 130


@dataclass(frozen=True)
class Case:
    """A model, what it is fed, what the specification makes of it, and how it is built and compared."""

    plan: Plan
    project: Project
    recordings: list[Any]
    sent: NDArray[Any]
    trace: Trace
    folder: Path

    def compare(self, *, on: str = "host", project: Project | None = None, **options: Any) -> Comparison:
        target = board(on)
        with Session(target, build(project or self.project, target, self.folder / on)) as session:
            return diff(session, self.plan, self.recordings, **{"frames": FRAMES, **options})

    def with_code(self, file: str, before: str, code: str) -> Project:
        """The project with C code put in front of the last occurrence of ``before``."""
        head, found, tail = self.project.files[file].rpartition(before)
        assert found, f"{file} holds no {before!r}"
        return replace(self.project, files={**self.project.files, file: head + code + "\n" + found + tail})

    def only_in(self, layer: str) -> str:
        """A C condition that holds in one dense or gating layer."""
        fields = next(step for step in self.plan.steps if step.node.name == layer).calls[0].fields
        key = next(name for name in fields if name.endswith("weights"))
        return " && ".join(f"layer->{key}[{n}] == {value}" for n, value in enumerate(fields[key].values.flat[:5]))


@pytest.fixture(scope="module")
def tiny(tiny_model, tmp_path_factory) -> Case:
    compiled = compile_model(tiny_model, instrumented=True)
    twin = Twin.of(compiled.quantized)
    recordings = read_pairs(DATA / "noisy" / "clip03.wav", None, 16000)
    sent = twin.frames(recordings[0])[:FRAMES]
    features, _ = twin.tables.analyse(twin.tables.start(), sent.reshape(-1))
    trace = run_int8(compiled.quantized, features, record=True)
    folder = tmp_path_factory.mktemp("diff")
    return Case(compiled.plan, compiled.project, recordings, sent, trace, folder)


def case(network: Network, output: Value, folder: Path) -> Case:
    """A network fed with noise."""
    graph = network.graph(output)
    values = np.random.default_rng(1).normal(size=(FRAMES, graph.tensors[graph.input].size)).astype(np.float32)
    planned = plan(quantize(graph, [values]), board("host"), instrumented=True)
    recordings = [Features("noise", values)]
    sent = Twin.of(planned.quantized).frames(recordings[0])
    trace = run_int8(planned.quantized, sent, record=True)
    return Case(planned, emit(planned), recordings, sent, trace, folder)


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory) -> Case:
    """A dense layer, a GRU, a dense layer; features in."""
    network = Network(6, seed=4)
    x = network.dense(network.input, 8, "relu", name="before")
    weights = [network.normal(8, 15, fan_in=8), network.normal(5, 15, fan_in=5), network.rng.normal(0, 0.3, (2, 15))]
    config = {"units": 5, "return_sequences": True, "reset_after": True}
    x = network.add("GRU", config, [x], 5, weights, name="memory")
    return case(network, network.dense(x, 4, name="after"), tmp_path_factory.mktemp("recurrent"))


def late(values: NDArray[Any], name: str = "input") -> tuple[int, str]:
    """A frame behind two sound stretches, and a C condition on the array ``name`` that holds there and never before."""
    for k, column in enumerate(values.T):
        seen, frames = np.unique(column, return_index=True)
        found = [(int(frame), f"{name}[{k}] == {value}") for frame, value in zip(frames, seen, strict=True)]
        found = [one for one in found if SOUND < one[0] < len(values) - 1]
        if found:
            return found[0]
    raise AssertionError("nothing new happens late")


def first(found: Comparison) -> Difference:
    """What went wrong first."""
    assert found.divergence is not None
    return found.divergence.differences[0]


@pytest.mark.parametrize("gates", ["model", "open", "closed"])
def test_a_sound_board_is_equal(tiny, gates):
    told = {}
    found = tiny.compare(gates=gates, progress=lambda stage, done, total: told.update({stage: (done, total)}))
    assert found.divergence is None
    assert found.frames == FRAMES
    assert told == {"compared": (FRAMES, FRAMES)}


def test_one_wrong_channel_of_one_layer(tiny):
    frame, new = late(tiny.trace.tensors["s0b0_depthwise"])
    condition = f"{tiny.only_in('s0b0_project')} && {new}"
    wrong = tiny.with_code("kernels/slimse_dense_s8.c", "    return ", f"    if ({condition}) output[5] ^= 1;")
    found = tiny.compare(project=wrong)
    one = first(found)
    right = int(tiny.trace.tensors["s0b0_project"][frame][5])
    assert found.divergence.frame == frame
    assert found.divergence.recording == "clip03"
    assert (one.kind, one.layer, one.name, one.index) == ("tensor", "s0b0_project", "s0b0_project", 5)
    assert (one.device, one.reference) == (right ^ 1, right)
    assert (one.different, one.elements) == (1, 16)
    assert one.kernels == ("slimse_dense_s8",)
    order = [step.node.name for step in tiny.plan.steps]
    layers = [order.index(other.layer) for other in found.divergence.differences]
    assert layers == sorted(layers)
    assert layers[0] == order.index("s0b0_project")


def test_a_ring_that_is_wrong_behind_a_right_output(tiny):
    frame, new = late(tiny.trace.tensors["s0b1_expand"], "frame")
    condition = f"channels == 32U && slots == 4U && {new}"
    wrong = tiny.with_code(
        "kernels/slimse_ring_push_s8.c", "    *next =", f"    if ({condition}) ring[*next * channels + 7U] ^= 1;"
    )
    found = tiny.compare(project=wrong)
    one = first(found)
    assert found.divergence.frame == frame
    assert (one.kind, one.layer, one.name) == ("state", "s0b1_depthwise", "s0b1_depthwise_past")
    assert one.axes == {"slot": frame % 4, "channel": 7}
    assert one.index == frame % 4 * 32 + 7
    assert one.reference == tiny.trace.tensors["s0b1_expand"][frame][7]
    assert one.device == one.reference ^ 1


@pytest.mark.parametrize("on", ["host", pytest.param("virtual-m4", marks=[needs_arm, needs_qemu])])
def test_a_hidden_state_that_is_wrong_behind_a_right_output(recurrent, on):
    assert recurrent.compare(on=on).divergence is None
    frame, new = late(recurrent.trace.tensors["before"])
    wrong = recurrent.with_code("kernels/slimse_gru_s8.c", "    return ", f"    if ({new}) hidden[3] ^= 1;")
    found = recurrent.compare(on=on, project=wrong)
    one = first(found)
    assert found.divergence.frame == frame
    assert found.divergence.recording == "noise"
    assert len(found.divergence.differences) == 1
    assert (one.kind, one.layer, one.index) == ("state", "memory", 3)
    assert one.device == one.reference ^ 1
    assert -32768 <= one.reference < 32768


@pytest.fixture(scope="module")
def parted(tmp_path_factory) -> Case:
    """A dense layer over three positions with a static part, one that holds and one that is zero; features in."""
    network = Network(12, seed=8)
    x = network.dense(network.input, 12, "relu", name="front")
    policy = network.policy(x, ["low", "high"])
    y = network.dense(network.reshape(x, 3, 4), 6, name="wide")
    y = network.gate_parts(y, policy, [None, 0, 1], ["zero", "hold", "zero"])
    return case(network, network.dense(network.reshape(y, 0, 18), 5, name="after"), tmp_path_factory.mktemp("parted"))


def test_a_closed_part_that_is_not_zero(parted):
    assert parted.compare().divergence is None
    wrong = parted.with_code(
        "kernels/slimse_zero_s8.c",
        "        output += layer->output_pitch;",
        "        if (position == 1U) output[1] ^= 1;",
    )
    found = parted.compare(project=wrong)
    one = first(found)
    (gate,) = parted.plan.gates.offsets
    is_high = parted.plan.gates.unpack(parted.trace.gates, gate)[:, 1]
    assert is_high.any()
    assert found.divergence.frame == int(np.argmin(is_high))
    assert (one.kind, one.layer, one.index) == ("tensor", "wide", 1 * 6 + 5)
    assert one.axes == {"position": 1, "channel": 5}
    assert one.gate == GateBit(gate, 1, "high", False)
    assert "slimse_zero_s8" in one.kernels


def test_the_state_of_a_group_that_a_component_opens(tmp_path):
    network = Network(12, seed=5)
    policy = network.policy(network.input, ["low", "high"])
    x = network.reshape(network.dense(network.input, 12, "relu", name="front"), 3, 4)
    config = {"units": 4, "groups": 2, "axis": "time", "components": [0, 1], "on_skip": "hold"}
    weights = [network.normal(1, 2, 2, 6), network.normal(1, 2, 2, 6), network.normal(1, 2, 2, 6)]
    x = network.add("slimse>GroupedGRU", config, [x, policy], 4, weights, name="memory")
    grouped = case(network, network.dense(network.reshape(x, 0, 12), 5), tmp_path)
    assert grouped.compare().divergence is None
    wrong = grouped.with_code("kernels/slimse_gru_s8.c", "    return ", "    if (input[0] > -100) hidden[5] ^= 1;")
    found = grouped.compare(project=wrong)
    one = first(found)
    (gate,) = grouped.plan.gates.offsets
    front, bits = grouped.trace.tensors["front"], grouped.plan.gates.unpack(grouped.trace.gates, gate)
    frames = [np.flatnonzero(bits[:, part] & (front[:, 2 * part] > -100)) for part in (0, 1)]
    frame, part = min((int(each[0]), part) for part, each in enumerate(frames) if len(each))
    assert found.divergence.frame == frame
    assert (one.kind, one.layer) == ("state", "memory")
    assert one.axes == {"part": part, "position": 2, "unit": 1}
    assert one.gate == GateBit(gate, part, ("low", "high")[part], True)


def test_a_flipped_gate(tiny):
    frame, new = late(tiny.trace.tensors["s0b0_gate_hidden"])
    condition = f"{tiny.only_in('s0b0_gate')} && {new}"
    wrong = tiny.with_code(
        "kernels/slimse_channel_gate_s8.c", "    return ", f"    if ({condition}) gate->bits[1] ^= 2U;"
    )
    found = tiny.compare(project=wrong)
    one = first(found)
    is_open = bool(tiny.plan.gates.unpack(tiny.trace.gates[frame], "s0b0_gate")[9])
    assert found.divergence.frame == frame
    assert (one.kind, one.layer, one.name, one.index) == ("gate", "s0b0_gate", "s0b0_gate", 9)
    assert (one.gate.gate, one.gate.bit, one.gate.is_open) == ("s0b0_gate", 9, is_open)
    assert (one.device, one.reference) == (not is_open, is_open)


def test_a_layer_that_counts_its_work_wrong(tiny):
    frame, new = late(tiny.trace.tensors["s0b0_add"])
    condition = f"{tiny.only_in('s0b1_expand')} && {new}"
    wrong = tiny.with_code("kernels/slimse_dense_s8.c", "    return ", f"    if ({condition}) return 7U;")
    found = tiny.compare(project=wrong)
    (one,) = found.divergence.differences
    assert found.divergence.frame == frame
    assert (one.kind, one.layer, one.device) == ("macs", "s0b1_expand", 7)
    assert one.reference % 16 == 0


def test_what_reaches_nothing_is_found_too(tiny):
    """A closed channel that is not zero: no later layer reads it."""
    code = "    if (rows != NULL && (rows->bits[0] & 1U) == 0U) output[0] ^= 1;"
    wrong = tiny.with_code("kernels/slimse_depthwise_conv1d_s8.c", "    return ", code)
    found = tiny.compare(project=wrong)
    (one,) = found.divergence.differences
    closed = [~tiny.plan.gates.unpack(tiny.trace.gates, f"s0b{n}_gate")[:, 0] for n in (0, 1)]
    assert found.divergence.frame == min(int(np.argmax(bits)) for bits in closed if bits.any())
    assert one.name in ("s0b0_depthwise", "s0b1_depthwise")
    assert (one.index, one.gate.bit, one.gate.is_open) == (0, 0, False)


@pytest.mark.parametrize(
    ("before", "code", "expected"),
    [
        ("}\n\nvoid model_audio_synthesise", "    if ({condition}) features[9] ^= 1;", ("features", "front_end", 9)),
        ("    slimse_stft_synthesise", "    if ({condition}) a->spectrum[1].im += 1.0F;", ("audio", "back_end", None)),
    ],
)
def test_the_audio_front_and_back_end(tiny, before, code, expected):
    frame, new = late(tiny.sent, "a->history")
    # Behind the analysis, the history holds the frame's audio.
    wrong = tiny.with_code("model_audio.c", before, code.format(condition=new))
    found = tiny.compare(project=wrong)
    one = first(found)
    kind, layer, index = expected
    assert found.divergence.frame == frame
    assert (one.kind, one.layer) == (kind, layer)
    assert index is None or one.index == index


def test_a_difference_that_does_not_come_back(tiny):
    code = "    static unsigned calls;\n    if (++calls == 900U) output[1] ^= 64;"
    found = tiny.compare(project=tiny.with_code("kernels/slimse_dense_s8.c", "    return ", code))
    assert found.divergence is not None
    assert found.divergence.differences == ()
    assert found.divergence.frame == 899 // 8


def test_the_second_of_two_recordings_differs(tiny):
    frame, new = late(tiny.trace.tensors["encode"])
    wrong = tiny.with_code(
        "kernels/slimse_dense_s8.c",
        "    return ",
        f"    if ({tiny.only_in('s0b0_expand')} && {new}) output[0] ^= 1;",
    )
    whole = tiny.recordings[0].noisy
    short = Pair(replace(whole, name="short", samples=whole.samples[: 9 * 256]), None)
    found = replace(tiny, recordings=[short, *tiny.recordings]).compare(project=wrong)
    assert found.divergence.recording == "clip03"
    assert found.divergence.frame == frame
    assert (found.recordings, found.frames) == (2, 10 + frame)


def test_layers_that_run_every_second_frame(tmp_path):
    network = Network(6, seed=2)
    x = network.dense(network.input, 7, "relu")
    x = network.close(x, network.decide(network.input, 7))
    x = network.conv(network.conv(x, 5, 3, stride=2), 4, 2)
    strided = case(network, network.dense(x, 3), tmp_path)
    for gates in ("model", "closed"):
        assert strided.compare(gates=gates).divergence is None


def test_firmware_that_keeps_no_tensors_is_refused(tiny_compiled, build_tiny):
    with Session(board("host"), build_tiny("host")) as session, pytest.raises(LinkError, match="not instrumented"):
        diff(session, tiny_compiled.plan, [])


# ---- the command ---------------------------------------------------------------------------------------------


@pytest.fixture
def slimse_diff(capsys, tiny_model, short_clip) -> Callable[..., tuple[int, str, str]]:
    """Run ``slimse diff`` on the tiny model and a second of audio: exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        given = ("--audio", short_clip) if "--audio" not in arguments and "--features" not in arguments else ()
        code = cli.run([str(one) for one in ("diff", tiny_model, "--board", "host", *given, *arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def wrong_kernel(monkeypatch, tiny) -> None:
    """Everything that is built has a wrong dense kernel."""
    condition = tiny.only_in("s0b0_project")
    wrong = tiny.with_code("kernels/slimse_dense_s8.c", "    return ", f"    if ({condition}) output[5] ^= 1;")

    def build_wrong(project: Project, *arguments: Any, **options: Any) -> Any:
        name = "kernels/slimse_dense_s8.c"
        return build(replace(project, files={**project.files, name: wrong.files[name]}), *arguments, **options)

    monkeypatch.setattr("slimse_mcu.build.build", build_wrong)


def test_the_command_says_that_all_is_equal(slimse_diff):
    code, out, err = slimse_diff("--frames", 20, "--gates", "open")
    assert code == 0, err
    assert "equal: " in out
    assert "20 frames of 1 recording on the board host, gates forced open" in out


def test_the_command_names_the_place(slimse_diff, wrong_kernel):
    code, out, err = slimse_diff()
    assert code == 1, err
    assert "DIFFERENT, first in frame 0 (0.000 s) of short on the board host" in out
    assert "layer s0b0_project: dense 32 -> 16, by slimse_dense_s8" in out
    assert "s0b0_project[5]" in out


def test_the_command_prints_json(slimse_diff, wrong_kernel):
    code, out, err = slimse_diff("--json")
    found = json.loads(out)
    assert (code, err) == (1, "")
    assert (found["equal"], found["board"], found["frames"]) == (False, "host", 0)
    one = found["divergence"]["differences"][0]
    assert (one["kind"], one["layer"], one["name"], one["index"]) == ("tensor", "s0b0_project", "s0b0_project", 5)
    assert one["device"] == one["reference"] ^ 1
    code, out, _ = slimse_diff("--json", "--features-only", "--features", "nothing.npy")
    assert code == 2


def test_the_command_takes_features(slimse_diff, tmp_path):
    np.save(tmp_path / "features.npy", np.random.default_rng(0).normal(0.3, 0.2, (30, 257)).astype(np.float32))
    code, out, err = slimse_diff("--features", tmp_path / "features.npy")
    assert code == 0, err
    assert "30 frames of 1 recording" in out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--features", "x.npy", "--audio", "x.wav"), "either --audio or --features"),
        (("--audio", "nothing.wav"), "nothing.wav"),
        (("--frames", "0"), "--frames"),
        (("--gates", "ajar"), "ajar"),
    ],
)
def test_the_command_refuses_in_one_line(slimse_diff, arguments, expected):
    code, out, err = slimse_diff(*arguments)
    assert (code, out) == (2, "")
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert expected in errors[0]
