"""The bundled checkpoints and clips."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from slimse_mcu import zoo
from slimse_mcu.errors import ModelError

CLIPS = Path(__file__).parent / "data"


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


@pytest.mark.parametrize("name", zoo.entries())
def test_every_entry_is_small_and_has_a_card(name: str):
    assert zoo.path(name).stat().st_size < 2_000_000
    assert zoo.card(name).startswith(f"# {name}\n")
    with zipfile.ZipFile(zoo.path(name)) as archive:
        assert {"config.json", "model.weights.h5"} <= set(archive.namelist())


def test_dynamic_and_static_checkpoints_are_there():
    assert {"convfsenet-dyncp25", "convfsenet-static"} <= set(zoo.entries())


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
