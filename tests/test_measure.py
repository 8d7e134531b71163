"""Measuring: comparison with the specification, what is written, and what is left when something fails."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import DATA, needs_arm, needs_qemu
from keras_file import save
from networks import Network

from slimse_mcu import compile_model, frontend
from slimse_mcu.board import board
from slimse_mcu.errors import AudioError, LinkError, SlimseError
from slimse_mcu.frontend import float_analyse
from slimse_mcu.harness.audio import Clip, Pair, read_pairs
from slimse_mcu.harness.features import Features, read_features
from slimse_mcu.harness.link import LinkErrors
from slimse_mcu.harness.quality import si_sdr_db
from slimse_mcu.harness.session import FrameResult, Session
from slimse_mcu.measure import STAGES, first_divergence, measure
from slimse_mcu.ops.arithmetic import quantize_values
from slimse_mcu.run import Run
from slimse_mcu.side_by_side import quantization_errors
from slimse_mcu.streaming import run_float, run_int8
from slimse_mcu.twin import Twin

HOP = 256


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take most of the time; tests of numbers do without."""
    monkeypatch.setattr("slimse_mcu.report_page.timeline", lambda *arguments: b"")
    monkeypatch.setattr("slimse_mcu.report_page.histogram", lambda *arguments: b"")


class TwinSession:
    """A stand-in for a session: the board is the NumPy specification, with one wrong frame on request."""

    def __init__(self, compiled: Any, *, counter: str = "instructions") -> None:
        self.compiled = compiled
        graph = compiled.graph
        self.info = types.SimpleNamespace(
            board="twin",
            counter=counter,
            hop=HOP if graph.frontend else 0,
            input_size=graph.tensors[graph.input].size,
            output_size=graph.tensors[graph.output].size,
            gate_bytes=compiled.plan.gates.size,
        )
        self.errors = LinkErrors(silences=2)
        self.traffic = (0, 0)
        self.spoil: dict[str, int] = {}
        self.fail_at: int | None = None
        self.runs = 0

    def configure(self, mode: str, *, gates: str, limit: int | None = None) -> None:
        self.mode, self.gates = mode, gates

    def reset(self) -> None:
        self.runs += 1

    def status(self) -> Any:
        return types.SimpleNamespace(stack_peak_bytes=1234)

    def frames(self, inputs: Iterable[np.ndarray]) -> Iterator[FrameResult]:
        quantized, plan = self.compiled.quantized, self.compiled.plan
        frames = np.stack(list(inputs))
        forced = plan.gates.constant(True) if self.gates == "open" else None
        if self.mode == "pcm":
            graph = quantized.graph
            both = quantized.quantization[graph.input], quantized.quantization[graph.output]
            path = frontend.audio_path(graph.frontend, *both)
            state = path.start()
            features, spectrum = path.analyse(state, frames.reshape(-1))
            trace = run_int8(quantized, features, forced=forced)
            output = path.synthesise(state, trace.output, spectrum).reshape(frames.shape)
        else:
            trace = run_int8(quantized, frames, forced=forced)
            output = trace.output
        for n in range(len(frames)):
            if self.fail_at == n:
                raise LinkError("The board is gone.", hint="Start it again.")
            one, gates, macs = output[n].copy(), trace.gates[n].copy(), int(trace.macs[n])
            if self.runs == 1 and self.spoil.get("output") == n:
                one[7] += 1
            if self.runs == 1 and self.spoil.get("gates") == n:
                gates[0] ^= 1
            if self.runs == 1 and self.spoil.get("macs") == n:
                macs += 5
            count = 0 if self.info.counter == "none" else 4 * macs + 100
            yield FrameResult(n, one, gates, macs, count, count and count + 1000)


IMAGE = types.SimpleNamespace(flash_weights_bytes=1000, flash_code_bytes=2000, ram_total_bytes=9000, stack_bytes=4096)


def clip(frames: int = 12, seed: int = 0) -> Pair:
    """A recording of whole frames and a bit."""
    rng = np.random.default_rng(seed)
    noisy = rng.normal(0, 3000, frames * HOP + 17).astype(np.int16)
    clean = (noisy // 2).astype(np.int16)
    return Pair(Clip(f"clip{seed}", noisy, 16000, ("mixed down from 2 channels",)), Clip("x", clean, 16000))


def measured(session: Any, out: Path, recordings: Any = None, *, on: str = "virtual-m4", **options: Any) -> Any:
    plan = session.compiled.plan
    return measure(session, plan, IMAGE, board(on), recordings or [clip()], out, **options)


@pytest.fixture
def twin(tiny_compiled: Any, no_pictures: None) -> TwinSession:
    return TwinSession(tiny_compiled)


def test_report_and_audio_are_written(twin: TwinSession, tmp_path: Path) -> None:
    stages: dict[str, tuple[int, int]] = {}
    recordings = [clip(12, 0), clip(5, 1)]
    report = measured(
        twin,
        tmp_path / "out",
        recordings,
        all_open_frames=6,
        progress=lambda stage, done, total: stages.update({stage: (done, total)}),
    )
    data = json.loads((tmp_path / "out/report.json").read_text())
    assert data == json.loads(report.json_text())
    assert data["frames"] == 14 + 7  # the last samples, and one hop to flush the delay
    assert data["bit_exact"] == {"reference": "numpy", "frames_compared": 27, "first_divergence": None}
    assert data["count_total"]["mean"] == pytest.approx(data["count"]["mean"] + 1000)
    assert data["macs"]["all_open"] == twin.compiled.plan.macs_all_open
    assert data["memory"]["stack_peak"] == 1234
    assert data["deadline"]["load_mean"] is None
    assert data["provenance"]["all_open_frames"] == 6
    assert data["provenance"]["notes"] == {
        "clip0": "mixed down from 2 channels",
        "clip1": "mixed down from 2 channels",
    }
    assert set(stages) == set(STAGES)
    assert all(done == total for done, total in stages.values())
    for one in recordings:
        written, rate = soundfile.read(tmp_path / f"out/audio/{one.noisy.name}.wav", dtype="int16")
        assert rate == 16000
        assert len(written) == len(one.noisy.samples)
    assert "<html" in (tmp_path / "out/report.html").read_text()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out"]


def test_board_audio_is_aligned_with_the_input(twin: TwinSession, tmp_path: Path) -> None:
    """An untrained mask is about one half everywhere, so that input and output correlate at delay 0."""
    report = measured(twin, tmp_path / "out")
    sound = report.files[0].audio
    noisy, device, real = (sound[name].astype(float) for name in ("noisy", "device", "float"))
    assert len(noisy) == len(device) == len(real)
    here = noisy @ device
    assert here > 5 * max(abs(noisy[HOP:] @ device[:-HOP]), abs(noisy[:-HOP] @ device[HOP:]))
    assert np.corrcoef(device, real)[0, 1] > 0.99


@pytest.mark.parametrize("what", ["output", "gates", "macs"])
def test_first_divergence_is_named(twin: TwinSession, tmp_path: Path, what: str) -> None:
    twin.spoil = {what: 9}
    exact = measured(twin, tmp_path / "out").bit_exact
    found = exact.first_divergence
    assert found is not None
    assert (found["file"], found["frame"], found["what"]) == ("clip0", 9, what)
    assert found["device"] != found["reference"]
    assert json.loads((tmp_path / "out/report.json").read_text())["bit_exact"]["first_divergence"] == found
    assert "Not bit-exact" in (tmp_path / "out/report.html").read_text()


def test_macs_that_do_not_fit_the_gates_are_found(tiny_compiled: Any) -> None:
    """Board and specification may agree on a number that the plan's table does not give for these gates."""
    quantized = tiny_compiled.quantized
    trace = run_int8(quantized, np.zeros((4, 257), np.int8))
    run = Run(trace.gates, trace.macs + 1, None, None, trace.output)
    found = first_divergence(quantized, run, run)
    assert found is not None
    assert found["what"] == "macs against the plan's table"
    assert found["device"] == found["reference"] + 1


def test_a_line_has_a_speed(tiny_compiled: Any, no_pictures: None, tmp_path: Path) -> None:
    session = TwinSession(tiny_compiled, counter="cycles")
    session.traffic = (28 * 335, 28 * 368)  # bytes of 14 frames, and of as many with all gates open
    target = dataclasses.replace(board("netduinoplus2"), emulator="", counter="cycles", baud=921_600)
    report = measure(session, tiny_compiled.plan, IMAGE, target, [clip()], tmp_path / "out")
    assert (report.link.sent_bytes, report.link.received_bytes) == (335, 368)
    assert report.link.real_time == pytest.approx(92_160 / 368 / 62.5)
    told = json.loads((tmp_path / "out/report.json").read_text())["link"]
    assert told["errors"]["silences"] == 2
    assert told["baud"] == 921_600


def test_earlier_of_two_differences_comes_first(tiny_compiled: Any) -> None:
    quantized = tiny_compiled.quantized
    trace = run_int8(quantized, np.zeros((6, 257), np.int8))
    wanted = Run(trace.gates, trace.macs, None, None, trace.output)
    output, macs = trace.output.copy(), trace.macs.copy()
    output[4, 3] ^= 1
    macs[2] += 1
    found = first_divergence(quantized, Run(trace.gates, macs, None, None, output), wanted)
    assert found is not None
    assert (found["frame"], found["what"]) == (2, "macs")


def test_a_failure_leaves_what_was_measured(twin: TwinSession, tmp_path: Path) -> None:
    twin.fail_at = 5
    out = tmp_path / "deep" / "out"
    with pytest.raises(LinkError, match=r"The board is gone\. The 5 frames measured so far are kept in .*partial"):
        measured(twin, out)
    assert [one.name for one in out.iterdir()] == ["partial"]
    told = json.loads((out / "partial/partial.json").read_text())
    assert told["error"] == "The board is gone."
    assert told["recordings"] == {"clip0": {"frames": 14, "measured": 5}}
    assert told["provenance"]["model_hash"] == twin.compiled.quantized.provenance.model_hash
    kept = np.load(out / "partial/clip0.npz")
    samples, rate = soundfile.read(out / "partial/clip0.wav", dtype="int16")
    twin.fail_at = None
    report = measured(twin, out)
    np.testing.assert_array_equal(kept["output"], report.files[0].run.output[:5])
    np.testing.assert_array_equal(kept["gates"], report.files[0].run.gates[:5])
    np.testing.assert_array_equal(samples, kept["output"].reshape(-1))
    assert rate == 16000
    assert not (out / "partial").exists()


def test_a_failure_before_the_first_frame_leaves_nothing_behind(twin: TwinSession, tmp_path: Path) -> None:
    twin.fail_at = 0
    with pytest.raises(LinkError, match=r"The board is gone\. Start"):
        measured(twin, tmp_path / "deep" / "out")
    assert list((tmp_path / "deep").iterdir()) == []


def test_ctrl_c_leaves_nothing_behind_and_an_earlier_report_alone(twin: TwinSession, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    earlier = '{"bit_exact": {}, "provenance": {}}'
    (out / "report.json").write_text(earlier)

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "float model":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(twin, out, progress=interrupt)
    assert [one.name for one in tmp_path.iterdir()] == ["out"]
    assert [one.name for one in out.iterdir()] == ["report.json"]
    assert (out / "report.json").read_text() == earlier


def test_measuring_again_replaces_only_its_own(twin: TwinSession, tmp_path: Path) -> None:
    out = tmp_path / "out"
    measured(twin, out, [clip(3, 5)])
    (out / "mine.txt").write_text("stays")
    twin.runs = 0
    measured(twin, out, [clip(3, 6)])
    assert sorted(one.name for one in out.iterdir()) == ["audio", "mine.txt", "report.html", "report.json"]
    assert [one.name for one in (out / "audio").iterdir()] == ["clip6.wav"]


@pytest.mark.parametrize("mine", ["audio/mine.wav", "outputs/mine.npy", "report.html", "report.json"])
def test_what_slimse_did_not_write_is_never_replaced(twin: TwinSession, tmp_path: Path, mine: str) -> None:
    (tmp_path / mine).parent.mkdir(exist_ok=True)
    (tmp_path / mine).write_text("[1]")
    with pytest.raises(SlimseError, match="did not write"):
        measured(twin, tmp_path)
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [tmp_path / mine]
    assert (tmp_path / mine).read_text() == "[1]"


def test_a_file_in_place_of_the_folder_is_refused(twin: TwinSession, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(SlimseError, match="expected a folder"):
        measured(twin, tmp_path / "out")
    with pytest.raises(SlimseError, match="cannot be written"):
        measured(twin, tmp_path / "out" / "below")


def test_the_current_folder_may_receive_the_report(
    twin: TwinSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    measured(twin, Path())
    assert sorted(one.name for one in tmp_path.iterdir()) == ["audio", "report.html", "report.json"]


@pytest.mark.parametrize("what", ["hop", "input_size", "output_size", "gate_bytes"])
def test_a_board_that_lies_about_its_sizes_is_refused(twin: TwinSession, tmp_path: Path, what: str) -> None:
    setattr(twin.info, what, getattr(twin.info, what) + 1)
    with pytest.raises(LinkError, match="the plan has") as caught:
        measured(twin, tmp_path / "out")
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_pictures")
def test_cycles_give_a_load_and_instructions_do_not(tiny_compiled: Any, tmp_path: Path) -> None:
    session = TwinSession(tiny_compiled, counter="cycles")
    target = dataclasses.replace(board("virtual-m4"), counter="cycles", clock_hz=4_000_000)
    report = measure(session, tiny_compiled.plan, IMAGE, target, [clip()], tmp_path / "out")
    assert report.count_total is not None
    assert report.deadline.load_mean == pytest.approx(report.count_total["mean"] / 64_000)
    assert report.deadline.misses == int(sum(np.sum(one.run.count_total > 64_000) for one in report.files))


@pytest.mark.usefixtures("no_pictures")
def test_a_board_that_counts_nothing_says_so(tiny_compiled: Any, tmp_path: Path) -> None:
    report = measured(TwinSession(tiny_compiled, counter="none"), tmp_path / "out", on="host")
    assert report.count is None
    assert report.eta is None
    assert report.counter == "none"


def test_without_reference_there_is_no_quality(twin: TwinSession, tmp_path: Path) -> None:
    report = measured(twin, tmp_path / "out", [Pair(clip().noisy, None)])
    assert report.quality["device"].pesq_wb is None
    assert "no clean reference" in (tmp_path / "out/report.html").read_text()


# ---- a policy -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def policy_compiled(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Magnitudes -> a static third and two components, the second held while closed -> GRU -> mask."""
    network = Network(257, seed=6)
    front = {"sample_rate_hz": 16000, "fft": 512, "hop": 256}
    x = network.add("slimse>SpectralFrontEnd", front, [network.input], 257)
    policy = network.policy(network.dense(x, 6, "tanh"), ["low", "high"], hidden=4)
    parts = network.gate_parts(network.dense(x, 24, "relu"), policy, [None, 0, 1], ["zero", "zero", "hold"])
    mixed = network.dense(parts, 10)
    weights = [network.normal(10, 24), network.normal(8, 24), network.rng.normal(0, 0.3, (2, 24))]
    config = {"units": 8, "return_sequences": True, "reset_after": True}
    network.output = network.dense(network.add("GRU", config, [mixed], 8, weights, name="gru"), 257, "sigmoid")
    return compile_model(save(network, tmp_path_factory.mktemp("policy") / "policy.keras"))


@pytest.mark.usefixtures("no_pictures")
def test_components_are_reported_one_by_one(policy_compiled: Any, tmp_path: Path) -> None:
    report = measured(TwinSession(policy_compiled), tmp_path / "out", [clip(12, 0), clip(5, 1)])
    data = json.loads((tmp_path / "out/report.json").read_text())
    assert list(data["gates"]) == ["low", "high"]
    bits = [[one.decisions.layout.unpack(one.run.gates, "policy_3")[:, n] for one in report.files] for n in (0, 1)]
    for name, found in zip(("low", "high"), bits, strict=True):
        assert data["gates"][name]["open_ratio"] == pytest.approx(np.concatenate(found).mean())
        assert data["gates"][name]["per_file"] == {"clip0": found[0].mean(), "clip1": found[1].mean()}
        assert report.gates[name].macs == 8 * 257 + (8 * 10 if name == "low" else 0)  # held values are read on
    opened = policy_compiled.plan.macs_all_open
    assert data["macs"]["all_open"] == opened  # forced open, the policy's decisions do not count
    assert data["bit_exact"]["first_divergence"] is None


@pytest.mark.usefixtures("no_pictures")
def test_what_quantization_costs_is_measured_on_the_same_recordings(policy_compiled: Any, tmp_path: Path) -> None:
    recordings = [clip(12, 0), clip(5, 1)]
    found = measured(TwinSession(policy_compiled), tmp_path / "out", recordings).quantization
    assert found is not None
    assert found.frames == 14 + 7
    assert {one.tensor for one in found.tensors} == set(policy_compiled.graph.tensors)
    assert found.output_sqnr_db > 15.0
    (state,) = found.states
    assert state.state == "gru_hidden"
    assert 0.0 < state.max_abs <= state.limit == 1.0
    assert set(found.gate_flips) == {"low", "high"}
    twin = Twin.of(policy_compiled.quantized)
    real = [float_analyse(policy_compiled.graph.frontend, twin.frames(one).reshape(-1))[0] for one in recordings]
    again = quantization_errors(policy_compiled.quantized, real)
    assert again.states[0].sqnr_db == pytest.approx(state.sqnr_db, abs=1.0)  # its features are rounded differently


@pytest.mark.usefixtures("no_pictures")
def test_decisions_are_audited_and_both_ways_scored(policy_compiled: Any, tmp_path: Path) -> None:
    recordings = [clip(60, 0), clip(60, 1)]
    told: dict[str, tuple[int, int]] = {}
    report = measured(
        TwinSession(policy_compiled),
        tmp_path / "out",
        recordings,
        progress=lambda stage, done, total: told.update({stage: (done, total)}),
    )
    found = report.flips
    assert found is not None
    assert found.frames == found.audited_frames == report.frames
    assert set(told) == set(STAGES)
    assert all(done == total for done, total in told.values())
    twin = Twin.of(policy_compiled.quantized)
    for one, recording in zip(report.files, recordings, strict=True):
        scores = found.per_file[one.name]
        assert scores["int8"].si_sdr_db == one.scores["device"].si_sdr_db
        assert scores["float"].stoi == one.scores["float"].stoi
        assert scores["int8"].dnsmos_ovrl is None
        frames = twin.frames(recording)
        real = run_float(policy_compiled.graph, float_analyse(policy_compiled.graph.frontend, frames.reshape(-1))[0])
        swapped = twin.specification(frames, real.gates, lambda done: None).output.reshape(-1)
        samples = recording.clean.samples
        wanted = si_sdr_db(samples, swapped[HOP : HOP + len(samples)])
        assert scores["int8_float_gates"].si_sdr_db == pytest.approx(wanted)
    data = json.loads((tmp_path / "out/report.json").read_text())["flips"]
    assert set(data["gates"]) == {"low", "high"}
    assert set(data["cost"]["si_sdr_db"]) == {"int8", "float"}


@pytest.mark.usefixtures("no_pictures")
def test_an_audit_that_ends_within_a_recording_scores_that_much(policy_compiled: Any, tmp_path: Path) -> None:
    recordings = [clip(60, 0), clip(60, 1), clip(60, 2)]
    report = measured(TwinSession(policy_compiled), tmp_path / "out", recordings, audit_frames=62 + 45)
    found = report.flips
    assert found is not None
    assert [one.run.frames for one in report.files] == [62] * 3
    assert (found.frames, found.audited_frames) == (186, 107)
    assert set(found.per_file) == {"clip0", "clip1"}
    whole, part = found.per_file["clip0"], found.per_file["clip1"]
    assert whole["int8"].si_sdr_db == report.files[0].scores["device"].si_sdr_db
    length = 44 * HOP
    sound, clean = report.files[1].audio["device"], report.files[1].audio["clean"]
    assert part["int8"].si_sdr_db == pytest.approx(si_sdr_db(clean[:length], sound[:length]))
    none = measured(TwinSession(policy_compiled), tmp_path / "none", recordings[:1], audit_frames=0).flips
    assert none is not None
    assert none.frames == 62
    assert (none.audited_frames, dict(none.per_file), none.apart) == (0, {}, None)


# ---- features -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain_compiled(plain_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("features") / "calibration.npy"
    np.save(path, np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32))
    return compile_model(plain_model, calibration=path)


def test_features_in_outputs_out(plain_compiled: Any, tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=(20, 12)).astype(np.float32)
    graph = plain_compiled.graph
    integers = quantize_values(values, plain_compiled.quantized.quantization[graph.input])
    recordings = [Features("float", values), Features("int8", integers)]
    report = measured(TwinSession(plain_compiled), tmp_path / "out", recordings)
    assert report.bit_exact.first_divergence is None
    assert report.sample_rate_hz is None
    assert report.deadline.hop_ms is None
    first, second = (np.load(tmp_path / f"out/outputs/{name}.npy") for name in ("float", "int8"))
    assert first.dtype == np.int8
    np.testing.assert_array_equal(first, second)
    assert "Features were sent" in (tmp_path / "out/report.html").read_text()


def test_feature_files(tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", np.ones((3, 4)))
    np.save(tmp_path / "a.npy", np.ones((2, 4), np.int8))
    found = read_features(tmp_path, 4)
    assert [(one.name, one.values.dtype, len(one.values)) for one in found] == [
        ("a", np.int8, 2),
        ("b", np.float32, 3),
    ]
    np.save(tmp_path / "nan.npy", np.full((3, 4), np.nan))
    np.save(tmp_path / "object.npy", np.array([{}]), allow_pickle=True)
    np.save(tmp_path / "flat.npy", np.ones(4))
    np.save(tmp_path / "empty.npy", np.ones((0, 4)))
    (tmp_path / "text.npy").write_text("no")
    for name, words in [
        ("nan", "not finite"),
        ("object", "cannot be read"),
        ("flat", "no table"),
        ("empty", "shape"),
        ("text", "cannot be read"),
        ("absent", "no feature file"),
    ]:
        with pytest.raises(AudioError, match=words) as caught:
            read_features(tmp_path / f"{name}.npy", 4)
        assert caught.value.hint
    with pytest.raises(AudioError, match="shape"):
        read_features(tmp_path / "a.npy", 5)


# ---- real firmware --------------------------------------------------------------------------------------


def real(build_tiny: Any, tiny_compiled: Any, name: str, short_clip: Path, out: Path, **options: Any) -> Any:
    image, target = build_tiny(name), board(name)
    recordings = read_pairs(short_clip, None, 16000)
    with Session(target, image) as session:
        return measure(session, tiny_compiled.plan, image, target, recordings, out, **options)


def test_host_board_equals_the_specification(
    build_tiny: Any, tiny_compiled: Any, short_clip: Path, tmp_path: Path
) -> None:
    report = real(build_tiny, tiny_compiled, "host", short_clip, tmp_path / "out")
    assert report.bit_exact.first_divergence is None
    assert report.bit_exact.frames_compared > 100


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("name", ["host", pytest.param("virtual-m4", marks=[needs_arm, needs_qemu])])
def test_a_limit_is_obeyed_and_no_frame_is_beyond_what_the_plan_tells(
    build_tiny: Any, tiny_compiled: Any, short_clip: Path, tmp_path: Path, name: str
) -> None:
    free = real(build_tiny, tiny_compiled, name, short_clip, tmp_path / "free")
    limited = real(build_tiny, tiny_compiled, name, short_clip, tmp_path / "limited", limit=3)
    layout = tiny_compiled.plan.gates
    for report, most in ((free, 32), (limited, 3)):
        assert report.bit_exact.first_divergence is None
        worst = report.deadline.worst_case
        assert report.macs.max <= worst.macs <= tiny_compiled.plan.macs_all_open
        assert worst.exceeded == 0
        opened = [layout.unpack(one.run.gates, gate).sum(axis=1) for one in report.files for gate in layout.channels]
        assert max(int(one.max()) for one in opened) <= most
    assert limited.to_json()["limit"] == 3
    assert limited.macs.mean < free.macs.mean, "the limit has closed something"
    assert limited.macs.all_open == free.macs.all_open, "what is forced is not limited"


@pytest.mark.usefixtures("no_pictures")
@needs_arm
@needs_qemu
@pytest.mark.parametrize("name", ["virtual-m4", "virtual-m3"])
def test_virtual_boards_write_the_same_audio_as_the_host(
    build_tiny: Any, tiny_compiled: Any, short_clip: Path, tmp_path: Path, name: str
) -> None:
    report = real(build_tiny, tiny_compiled, name, short_clip, tmp_path / "board")
    assert report.bit_exact.first_divergence is None
    assert report.counter == "instructions"
    assert report.count is not None
    assert report.count_total["mean"] > report.count.mean > report.macs.mean
    assert report.memory.stack_peak
    real(build_tiny, tiny_compiled, "host", short_clip, tmp_path / "host")
    ours, theirs = (tmp_path / side / "audio/short.wav" for side in ("board", "host"))
    assert ours.read_bytes() == theirs.read_bytes()


def test_committed_clips_can_be_paired() -> None:
    pairs = read_pairs(DATA / "noisy", DATA / "clean", 16000)
    assert pairs
    assert all(not pair.noisy.notes for pair in pairs)
