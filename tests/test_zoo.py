"""The bundled checkpoints and clips."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import needs_arm, needs_qemu

from slimse_mcu import compile_model, zoo
from slimse_mcu.board import board
from slimse_mcu.cli import run
from slimse_mcu.data import open_test_set
from slimse_mcu.errors import ModelError
from slimse_mcu.evaluation.evaluate import Evaluation, Settings, Subject, evaluate
from slimse_mcu.evaluation.summary import ModelResult

CLIPS = Path(__file__).parent / "data"
GATED, SLIMMABLE = "convfsenet-dyncp25", "dsn-mgt"


def test_entries_are_found_by_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "model.keras").touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(zoo, "_ROOT", tmp_path)
    assert zoo.entries() == ("new",)
    assert zoo.path("new") == tmp_path / "new" / "model.keras"
    with pytest.raises(ModelError, match="no card"):
        zoo.card("new")
    with pytest.raises(ModelError, match="calibration clip is missing"):
        zoo.calibration_clip()


@pytest.mark.parametrize("name", ["nothing", "../zoo/convfsenet-static", ""])
def test_unknown_name_is_refused_and_the_known_ones_are_named(name: str):
    with pytest.raises(ModelError, match="convfsenet-dyncp25"):
        zoo.path(name)


def test_every_recipe_but_starting_points_has_its_checkpoint():
    configs = Path(zoo.__file__).parents[1] / "training" / "configs"
    assert set(zoo.entries()) == {path.stem for path in configs.glob("*.toml") if not path.stem.endswith("-start")}


@pytest.mark.parametrize("name", zoo.entries())
def test_every_entry_is_small_and_its_card_is_of_this_checkpoint(name: str):
    data = zoo.path(name).read_bytes()
    assert len(data) < 2_000_000
    with zipfile.ZipFile(zoo.path(name)) as archive:
        assert {"config.json", "model.weights.h5"} <= set(archive.namelist())
    card = zoo.card(name)
    assert card.startswith(f"# {name}\n")
    assert hashlib.sha256(data).hexdigest() in card
    sections = [line for line in card.splitlines() if line.startswith("## ")]
    assert sections == ["## What it is", "## Data", "## Recipe", "## Measured", "## Published"]
    assert (zoo.path(name).parent / "curves.png").stat().st_size > 1000
    assert f"zoo/{name}/card.md" in (CLIPS.parents[1] / "docs" / "zoo.md").read_text()


def test_calibration_clip_is_noisy_speech_of_half_a_minute_at_varied_levels():
    audio, rate = soundfile.read(zoo.calibration_clip(), dtype="int16")
    assert rate == 16000
    assert audio.ndim == 1
    assert 25 * rate < len(audio) < 35 * rate
    level_db = 10 * np.log10(np.mean(np.square(audio[: 30 * rate].reshape(10, -1), dtype=np.float64), axis=1))
    assert np.ptp(level_db) > 10


def test_held_out_clips_are_aligned_pairs():
    names = sorted(path.name for path in (CLIPS / "noisy").glob("*.wav"))
    assert len(names) >= 6
    for name in names:
        (noisy, rate), (clean, clean_rate) = (
            soundfile.read(CLIPS / folder / name, dtype="int16") for folder in ("noisy", "clean")
        )
        assert rate == clean_rate == 16000
        assert noisy.shape == clean.shape
        assert 3 * rate <= len(noisy) <= 5 * rate
        assert np.corrcoef(noisy, clean)[0, 1] > 0.3


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> Evaluation:
    """The gated and the slimmable checkpoint on the held-out clips, whose ratios rise from 0 to 15 dB.

    On this computer, and on the virtual M4 where that can be built and run.
    """
    pytest.importorskip("pesq")
    subjects = [Subject(name, compile_model(zoo.path(name))) for name in (GATED, SLIMMABLE)]
    target = board("virtual-m4")
    has_target = all(map(shutil.which, (target.compiler, "qemu-system-arm")))
    settings = Settings(opinion=False, target=target if has_target else None)
    return evaluate(subjects, open_test_set(CLIPS, "pairs"), settings, cache=tmp_path_factory.mktemp("evaluation"))


def assert_enhances(result: ModelResult, **least: float) -> None:
    """The int8 model computes the same everywhere, and adds at least so much to the noisy clips' mean scores."""
    assert not result.differing_frames
    scores = result.overall.scores
    for name, gain in least.items():
        assert scores["int8"][name].mean - scores["noisy"][name].mean >= gain, name


@pytest.mark.slow
def test_gated_checkpoint_enhances_the_held_out_clips(judged):
    result = judged.models[0]
    assert_enhances(result, pesq_wb=0.35, si_sdr_db=5.0)
    load = result.overall.loads["int8"]
    assert 0.22 <= load.opened.mean <= 0.27
    assert load.saved >= 0.55


@pytest.mark.slow
def test_slimmable_checkpoint_enhances_and_opens_more_for_noisier_clips(judged):
    result = judged.models[1]
    assert_enhances(result, pesq_wb=0.43, si_sdr_db=5.5)
    assert result.costs["int8"]["pesq_wb"].mean >= -0.03
    assert result.facts.macs_all_open <= 560_000
    assert 0.65 <= 1 - result.overall.loads["int8"].saved <= 0.75
    shares = []
    for recording in judged.recordings:
        work = recording.models[SLIMMABLE]["int8"].total
        shares.append(sum(work.opened.values()) / work.frames / len(work.opened))
    assert min(shares[:3]) > max(shares[3:]) + 0.03
    assert shares[-1] == min(shares)


@pytest.mark.slow
@needs_arm
@needs_qemu
@pytest.mark.parametrize("name", [GATED, SLIMMABLE])
def test_saved_macs_are_saved_instructions_on_the_virtual_m4(tmp_path, short_clip, name):
    command = ["measure", f"zoo:{name}", "--board", "virtual-m4", "--audio", str(short_clip), "--audit-frames", "10"]
    assert run([*command, "--out", str(tmp_path / "out"), "--json"]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["bit_exact"]["first_divergence"] is None
    assert report["eta"] >= 0.75
