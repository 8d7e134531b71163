"""The report: stable keys, honest nulls, a page that stands alone."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slimse_mcu.decisions import Decisions
from slimse_mcu.fidelity import Drift, QuantizationErrors, StateError, TensorError
from slimse_mcu.flips import FlipAudit, GateFlips, Margins
from slimse_mcu.harness.link import LinkErrors
from slimse_mcu.harness.quality import Scores, averages
from slimse_mcu.report import (
    COUNT_TOTAL,
    BitExact,
    Deadline,
    FileReport,
    LinkUse,
    Memory,
    Report,
    Spread,
    gate_use,
)
from slimse_mcu.report_page import html_text, page
from slimse_mcu.report_pictures import power_db
from slimse_mcu.run import Run
from slimse_mcu.screen import print_report
from slimse_mcu.streaming import GateLayout

HOP = 256
KEYS = {
    "board": None,
    "counter": None,
    "provenance": None,
    "frames": None,
    "files": None,
    "macs": {"all_open", "mean", "p50", "p95", "p99", "max", "saved_ratio"},
    "count": {"all_open", "mean", "p50", "p95", "p99", "max", "saved_ratio", "per_mac"},
    "count_total": {"mean", "p50", "p95", "p99", "max"},
    "eta": None,
    "gates": None,
    "memory": {"flash_weights", "flash_code", "ram_arena", "ram_state", "ram_total", "stack_peak"},
    "deadline": {
        "hop_ms",
        "clock_hz",
        "load_mean",
        "load_p50",
        "load_p95",
        "load_p99",
        "load_max",
        "misses",
        "worst_frame",
        "worst_case",
    },
    "limit": None,
    "link": {"errors", "sent_bytes", "received_bytes", "baud", "real_time"},
    "quality": {"noisy", "float", "device"},
    "bit_exact": {"reference", "frames_compared", "first_divergence"},
    "quantization": {"frames", "output", "output_sqnr_db", "tensors", "states", "gate_flips", "drift"},
    "flips": {
        "frames",
        "decisions",
        "opened",
        "closed",
        "share",
        "gates",
        "macs",
        "margins",
        "audited_frames",
        "apart",
        "output_sqnr_db",
        "quality",
        "per_file",
        "cost",
    },
    "sensitivity": None,
    "warnings": None,
}


def recording(name: str, seed: int, frames: int = 188, *, audio: bool = True, gates: int = 9) -> FileReport:
    """A made-up recording whose gates follow the loudness of syllables."""
    rng = np.random.default_rng(seed)
    loud = np.maximum(0, np.sin(np.arange(frames) / 9 + seed)) ** 2
    openness = {f"s{n // 3}b{n % 3}_gate": 0.05 + 0.4 * loud * rng.random() for n in range(gates)}
    patterns = {key: rng.random((frames, 64)) < p[:, None] * np.linspace(1.6, 0.4, 64) for key, p in openness.items()}
    opened = sum((one.sum(axis=1) for one in patterns.values()), np.zeros(frames, np.int64))
    macs = (180_000 + 800 * opened).astype(np.int64)
    n = np.arange(frames * HOP)
    voice = sum(np.sin(2 * np.pi * 140 * k * n / 16000) / k for k in range(1, 30))
    clean = 3500 * np.repeat(loud, HOP) * voice
    noise = rng.normal(0, 900, len(n))
    signals = {
        "noisy": clean + noise,
        "float": clean + noise / 5,
        "device": clean + noise / 4,
        "clean": clean,
    }
    scores = {
        "noisy": Scores(1.3 + 0.1 * seed, 0.81, 5.0),
        "float": Scores(2.1, 0.9, 12.5),
        "device": Scores(2.0, 0.89, 12.1),
    }
    layout = GateLayout({key: 8 * n for n, key in enumerate(patterns)}, dict.fromkeys(patterns, 64), 72)
    run = Run(
        gates=layout.pack(patterns) if patterns else np.zeros((frames, 72), np.uint8),
        macs=macs,
        count=macs * 3 + 20000,
        count_total=macs * 3 + 90000,
        output=np.zeros((frames, HOP), np.int16),
    )
    if not audio:
        return FileReport(name, (), run, {}, {}, Decisions(layout))
    pcm = {key: value.clip(-32768, 32767).astype(np.int16) for key, value in signals.items()}
    return FileReport(name, ("resampled from 48000 Hz to 16000 Hz",), run, pcm, scores, Decisions(layout))


def errors() -> QuantizationErrors:
    """What a made-up model loses: a mask, and a state that saturates and drifts."""
    tensors = (
        TensorError("features", 0.0, 4.9, 0.0192, -128, np.inf, 0.0, 0),
        TensorError("mask", 0.0, 1.0, 1 / 256, -128, 29.4, 0.0002, 12),
    )
    states = (StateError("gru_hidden", 24, 1.0, 0.9312, 33.3, 0.001, 31),)
    drift = Drift(9000, {"mask": 29.9, "gru_hidden": 34.0}, {"mask": 29.8, "gru_hidden": 31.0})
    return QuantizationErrors("mask", tensors, states, {"s0b0_gate": 0.0123}, 308, drift)


def audit() -> FlipAudit:
    """What a made-up model decides otherwise in int8."""
    edges = tuple(np.geomspace(1e-4, 1e3, 225).tolist())
    kept, flipped = np.zeros((2, 224), int)
    kept[90:160], flipped[60:100] = 40, 2
    gate = GateFlips(
        2880, 60, 20, 1234.0, Margins(0.1, 0.8, 2.0, 9.5), Margins(0.001, 0.02, 0.1, 0.3), 1440, 22, 0.05, 0.01
    )
    still = GateFlips(2880, 0, 0, 0.0, gate.kept, None, 1440, 0, 0.01, 0.0)
    runs = {"float": Scores(2.1, 0.9, 12.5), "float_int8_gates": Scores(2.094, 0.9, 12.4)}
    runs |= {"int8": Scores(2.08, 0.89, 12.1), "int8_float_gates": Scores(2.09, 0.9, 12.3)}
    macs, sqnr = {"float": 200_000.0, "int8": 201_234.0}, {"float": np.inf, "float_int8_gates": 26.0}
    sqnr |= {"int8": 24.0, "int8_float_gates": 30.0}
    counts = tuple(kept.tolist()), tuple(flipped.tolist())
    return FlipAudit(308, {"s0b0_gate": gate, "s0b1_gate": still}, macs, edges, *counts, 150, sqnr, {"p226 one": runs})


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take most of the time; tests of words do without."""
    monkeypatch.setattr("slimse_mcu.report_page.timeline", lambda *arguments: b"")
    monkeypatch.setattr("slimse_mcu.report_page.histogram", lambda *arguments: b"")


def report(files: tuple[FileReport, ...] | None = None, **changes: Any) -> Report:
    files = files or (recording("p226 one", 1), recording("p232 two", 2, 120))
    macs = np.concatenate([one.run.macs for one in files])
    count = macs * 3 + 20000
    base = Report(
        board="virtual-m4",
        board_title="Virtual Cortex-M4 (QEMU mps2-an386)",
        board_flash_bytes=4 << 20,
        board_ram_bytes=4 << 20,
        counter="instructions",
        provenance={
            "model_name": "dyncp",
            "model_hash": "ab" * 32,
            "all_open_frames": 64,
            "compiler": {"name": "gcc"},
        },
        macs=Spread.of(macs, 640_800.0),
        count=Spread.of(count, 640_800.0 * 3 + 20000),
        count_total={name: float(getattr(Spread.of(count + 70000, None), name)) for name in COUNT_TOTAL},
        gates=gate_use(files),
        memory=Memory(672_000, 41_000, 1_800, 27_000, 40_000, 1_432),
        deadline=Deadline(16.0, 25_000_000, None, None, None),
        link=LinkUse(LinkErrors(), 523.0, 560.0, None, None),
        quality=averages([one.scores for one in files if one.scores]),
        bit_exact=BitExact("numpy", len(macs), None),
        quantization=errors(),
        flips=audit(),
        files=files,
        sample_rate_hz=16000,
    )
    return dataclasses.replace(base, **changes)


def test_json_has_exactly_the_stable_keys() -> None:
    data = json.loads(report().json_text())
    assert list(data) == list(KEYS)
    for key, inner in KEYS.items():
        if inner is not None:
            assert set(data[key]) == inner, key
    scores = {"pesq_wb", "stoi", "si_sdr_db", "dnsmos_ovrl", "dnsmos_sig", "dnsmos_bak", "per_file"}
    assert all(set(one) == scores for one in data["quality"].values())
    assert all(set(one) == {"open_ratio", "per_file"} for one in data["gates"].values())
    assert data["frames"] == 308
    assert data["files"] == 2
    assert set(data["gates"]["s0b0_gate"]["per_file"]) == {"p226 one", "p232 two"}


def test_numbers_follow_from_the_frames() -> None:
    one = report()
    data = one.to_json()
    macs = np.concatenate([file.run.macs for file in one.files])
    assert data["macs"]["mean"] == macs.mean()
    assert data["macs"]["p95"] in macs
    assert data["macs"]["saved_ratio"] == pytest.approx(1 - macs.mean() / 640_800)
    assert data["count"]["per_mac"] == pytest.approx((3 * macs + 20000).mean() / macs.mean())
    assert data["eta"] == pytest.approx(data["count"]["saved_ratio"] / data["macs"]["saved_ratio"])
    patterns = np.concatenate([file.patterns()["s1b2_gate"] for file in one.files])
    assert data["gates"]["s1b2_gate"]["open_ratio"] == pytest.approx(patterns.mean())


def with_policy(file: FileReport) -> FileReport:
    """The recording with two policies beside its channel gates; one component is always open, one is named twice."""
    names = {"policy": ("head1", "groups"), "second": ("groups", "s0b0_gate")}
    bits = {gate: np.arange(2) <= np.arange(file.run.frames)[:, None] % 4 for gate in names}
    before = file.decisions.layout
    offsets = {**before.offsets, "policy": 72, "second": 73}
    layout = GateLayout(offsets, {**before.channels, "policy": 2, "second": 2}, 74)
    run = dataclasses.replace(file.run, gates=layout.pack({**file.patterns(), **bits}))
    return dataclasses.replace(file, run=run, decisions=Decisions(layout, names))


def test_every_component_of_a_policy_has_its_share() -> None:
    files = (with_policy(recording("one", 1, 40)), with_policy(recording("two", 2, 20)))
    one = report(files, gates=gate_use(files, {"head1": 1200}))
    gates = one.to_json()["gates"]
    assert list(gates)[9:] == ["head1", "groups", "second.groups", "second.s0b0_gate"]
    assert gates["head1"] == {"open_ratio": 1.0, "per_file": {"one": 1.0, "two": 1.0}}
    assert gates["groups"]["open_ratio"] == pytest.approx(0.75)
    assert "policy" not in gates
    content = page(one)
    assert [bar.label for bar in content["components"]] == list(gates)[9:]
    assert content["components"][0].detail == "1.2 k MACs"
    assert len(content["gates"]) == 9
    assert "Components:" in html_text(one)


def test_terminal_shows_a_row_per_component(capsys: pytest.CaptureFixture[str]) -> None:
    files = (with_policy(recording("one", 1, 40)),)
    print_report(report(files, gates=gate_use(files, {"head1": 1200})), Path("report.html"))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["head1", "100.0", "%", "1", "200"] in rows
    assert ["second.groups", "100.0", "%", "-"] in rows
    assert any(row[:1] == ["gates:"] and "576" in row for row in rows)
    said = "int8 against float: SQNR 29.4 dB at mask, least 29.4 dB; 31 state values saturated"
    assert any(" ".join(row) == said for row in rows)


@pytest.mark.usefixtures("no_pictures")
def test_page_shows_states_saturation_and_drift() -> None:
    one = report()
    content = page(one)
    assert content["states"].rows == (("gru_hidden", "24", "0.9312 of 1", "31 (0.10%)", "33.3"),)
    assert content["tensors"].rows[1][-2:] == ("12 (0.02%)", "29.4")
    assert "at the output: 29.4 dB" in content["quantization_note"]
    assert "1 tensor of 2 has values beyond the range, most mask" in content["quantization_note"]
    assert "gru_hidden has an SQNR of 34.0 dB in the first minute and 31.0 dB in the last" in content["drift"]
    data = one.to_json()["quantization"]
    assert data["tensors"][0]["sqnr_db"] is None
    assert data["drift"]["worst_db"] == pytest.approx(3.0)
    assert "gru_hidden" in html_text(one)


def test_page_shows_decisions_that_differ_and_what_they_cost(capsys: pytest.CaptureFixture[str]) -> None:
    one = report(unseen="All of the calibration leaves closed: head1.")
    data = json.loads(one.json_text())["flips"]
    assert (data["opened"], data["closed"], data["decisions"]) == (60, 20, 5760)
    assert data["share"] == pytest.approx(80 / 5760)
    assert data["apart"] == pytest.approx(22 / 2880)
    assert data["gates"]["s0b1_gate"]["flipped"] is None
    assert data["output_sqnr_db"]["float"] is None
    assert data["cost"]["pesq_wb"] == {"int8": pytest.approx(0.01), "float": pytest.approx(0.006)}
    content = page(one)["flips"]
    assert [row[-1] for row in content["runs"].rows] == ["\N{EN DASH}", "26.0", "24.0", "30.0"]
    assert content["runs"].rows[3][1] == "2.0900"
    assert "the first 150 frames" in content["runs_note"]
    assert content["gates"].rows[0][1:6] == ("2,880", "2.78%", "60", "20", "+1,234")
    assert "1.39% of 5,760 decisions differ" in content["text"]
    assert "6.0 dB of SQNR and 0.010 PESQ" in content["text"]
    text = html_text(one)
    assert "Decisions: int8 against float" in text
    assert "leaves closed: head1" in text
    print_report(one, Path("report.html"))
    said = " ".join(capsys.readouterr().out.split())
    assert "decisions: 1.39%" in said
    assert "warning: All of the calibration leaves closed: head1." in said


def test_what_was_not_measured_is_null() -> None:
    files = (recording("features", 3, 20, audio=False, gates=0),)
    silent = report(
        files,
        counter="none",
        count=None,
        count_total=None,
        macs=Spread.of(files[0].run.macs, None),
        memory=Memory(None, None, None, None, None, None),
        deadline=Deadline(None, 0, None, None, None),
        sample_rate_hz=None,
        quantization=None,
        flips=None,
    )
    data = json.loads(silent.json_text())
    assert data["eta"] is None
    assert data["flips"] is None
    assert data["warnings"] == []
    assert data["quantization"] is None
    assert set(data["count"].values()) == {None}
    assert data["count_total"] == dict.fromkeys(("mean", "p50", "p95", "p99", "max"))
    assert data["gates"] == {}
    assert data["macs"]["saved_ratio"] is None
    assert data["quality"]["device"]["pesq_wb"] is None
    text = html_text(silent)
    assert "not measured" in text
    assert "features were sent" in text.lower()


def test_a_model_that_saves_nothing_has_no_eta() -> None:
    macs = np.full(10, 1000, np.int64)
    assert report(macs=Spread.of(macs, 1000.0)).eta is None


def test_page_stands_alone_and_escapes_what_comes_from_outside() -> None:
    files = (recording("<script>alert(1)</script>", 1),)
    text = html_text(report(files))
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r'(?:src|href)="(?!data:)', text)
    assert "http" not in text
    assert text.count("data:image/png") == 3
    assert text.count("data:audio/wav") == 4


@pytest.mark.usefixtures("no_pictures")
def test_page_says_that_instructions_are_not_cycles() -> None:
    content = page(report())
    assert "not cycles" in content["work_note"]
    assert "not measured" in content["deadline"]
    assert "%" not in content["deadline"]
    cycles = page(report(counter="cycles", deadline=Deadline(16.0, 168_000_000, 0.25, 0.5, 0)))
    assert "25.0% in the mean" in cycles["deadline"]
    assert "emulated" not in cycles["work_note"]


@pytest.mark.usefixtures("no_pictures")
def test_page_names_the_first_divergence() -> None:
    where = {"file": "p226 one", "frame": 17, "what": "gates", "device": 3, "reference": 2}
    content = page(report(bit_exact=BitExact("numpy", 308, where)))
    assert content["verdict_class"] == "bad"
    assert "frame 17" in content["verdict"]


def test_page_is_repeatable() -> None:
    short = (recording("one", 1, 20),)
    assert html_text(report(short)) == html_text(report(short))


def test_spectrogram_is_calibrated() -> None:
    n = np.arange(16000)
    full_scale = (32767 * np.sin(2 * np.pi * 1000 * n / 16000)).astype(np.int16)
    image = power_db(full_scale)
    assert image[32, 20:-20].max() == pytest.approx(0.0, abs=0.1)
    assert np.all(power_db(np.zeros(1000, np.int16)) == pytest.approx(-80.0))
