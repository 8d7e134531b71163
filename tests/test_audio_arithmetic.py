"""What the front and back end computes in: chosen by the board or by the user, told everywhere, equal everywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import needs_arm, needs_qemu
from keras_file import save
from networks import Network

from slimse_mcu import compile_model
from slimse_mcu.board import board
from slimse_mcu.build import build
from slimse_mcu.emit import emit
from slimse_mcu.harness.audio import read_pairs
from slimse_mcu.harness.session import Session
from slimse_mcu.measure import measure
from slimse_mcu.plan import plan


@pytest.mark.parametrize(
    ("name", "arithmetic"),
    [("host", "float"), ("virtual-m3", "fixed"), ("virtual-m4", "float"), ("virtual-m55", "float")],
)
def test_a_board_without_fpu_computes_in_integers(name: str, arithmetic: str) -> None:
    assert board(name).audio_arithmetic == arithmetic


def test_flags_say_whether_there_is_an_fpu() -> None:
    m4 = board("virtual-m4")
    without = tuple(flag.replace("=hard", "=soft") for flag in m4.flags)
    assert replace(m4, flags=without).audio_arithmetic == "fixed"
    assert replace(m4, flags=("-mcpu=cortex-m4",)).audio_arithmetic == "fixed"
    assert replace(m4, flags=("-mfloat-abi=softfp",)).audio_arithmetic == "float"


def test_project_and_manifest_say_which(tiny_compiled: object) -> None:
    quantized = tiny_compiled.quantized  # type: ignore[attr-defined]
    for target, given, wanted in (
        (None, None, "float"),
        (board("virtual-m3"), None, "fixed"),
        (board("virtual-m4"), None, "float"),
        (board("virtual-m3"), "float", "float"),
        (None, "fixed", "fixed"),
    ):
        planned = plan(quantized, target, audio_arithmetic=given)
        project = emit(planned)
        assert (planned.audio_arithmetic, project.manifest["audio_arithmetic"]) == (wanted, wanted)
        other = {"float": "s32", "fixed": "f32"}[wanted]
        assert not [path for path in project.files if path.startswith("dsp/") and f"_{other}" in path]
        assert ("float" in project.files["model_audio.c"]) == (wanted == "float")
        words = {"float": "single precision", "fixed": "integers"}[wanted]
        assert f"computed in\n * {words}." in project.files["model_audio.h"]
        assert emit(planned).files == project.files


def test_a_model_without_front_end_has_none(tmp_path: Path, plain_model: Path) -> None:
    np.save(tmp_path / "features.npy", np.random.default_rng(1).normal(size=(50, 12)).astype(np.float32))
    compiled = compile_model(plain_model, calibration=tmp_path / "features.npy", board=board("virtual-m3"))
    assert compiled.plan.audio_arithmetic is None
    assert compiled.project.manifest["audio_arithmetic"] is None
    assert not [path for path in compiled.project.files if path.startswith("dsp/")]


@needs_arm
@needs_qemu
def test_an_m3_links_no_float_and_equals_the_specification(tiny_model: Path, short_clip: Path, tmp_path: Path) -> None:
    target = board("virtual-m3")
    compiled = compile_model(tiny_model, board=target)
    image = build(compiled.project, target, tmp_path / "build")
    assert not [name for name in image.symbols if name.startswith(("__aeabi_f", "__aeabi_i2f", "__addsf", "__mulsf"))]
    with Session(target, image) as session:
        report = measure(session, compiled.plan, image, target, read_pairs(short_clip, None, 16000), tmp_path / "out")
    assert report.bit_exact.first_divergence is None
    assert report.provenance["audio_arithmetic"] == "fixed"
    assert json.loads((tmp_path / "out" / "report.json").read_text())["provenance"]["audio_arithmetic"] == "fixed"
    assert "fixed" in (tmp_path / "out" / "report.html").read_text()


@needs_arm
@needs_qemu
@pytest.mark.parametrize("name", ["host", "virtual-m4"])
def test_integers_are_equal_where_there_is_an_fpu(name: str, tmp_path: Path, short_clip: Path) -> None:
    front = {"sample_rate_hz": 16000, "fft": 64, "hop": 32, "features": "complex", "mask": "complex"}
    network = Network(1, seed=3)
    network.layers[0].config["batch_shape"] = [None, None, 33, 2]
    x = network.add("slimse>SpectralFrontEnd", front, [network.input], 2)
    x = network.add("Reshape", {"target_shape": [-1, 66]}, [x], 66, positions=0)
    network.output = network.dense(x, 66, "tanh", name="mask")
    target = board(name)
    path = save(network, tmp_path / "turning.keras")
    compiled = compile_model(path, calibration=short_clip, board=target, audio_arithmetic="fixed")
    image = build(compiled.project, target, tmp_path / "build")
    with Session(target, image) as session:
        report = measure(session, compiled.plan, image, target, read_pairs(short_clip, None, 16000), tmp_path / "out")
    assert report.bit_exact.first_divergence is None
    assert report.provenance["audio_arithmetic"] == "fixed"
