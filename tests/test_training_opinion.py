"""Scores of mixtures: computed once, kept, continued."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from slimse_mcu.data import Mixture
from slimse_mcu.errors import SlimseError
from slimse_mcu.harness.quality import has_dnsmos
from slimse_mcu.training import opinion
from slimse_mcu.training.opinion import dnsmos_ovrl, ovrl_of_inputs


class Loud:
    """Mixture ``i`` is constantly ``2 * i / 1000`` before its gain of a half."""

    fingerprint = "loud"

    def __init__(self) -> None:
        self.made: list[int] = []

    def mixture(self, index: int) -> Mixture:
        self.made.append(index)
        part = np.full(160, index / 1000, np.float32)
        return Mixture(part, part, 0.5, 0.0)


def mean_of(audio: np.ndarray) -> float:
    """Stands for DNS-MOS; runs in other processes."""
    return float(1000 * audio.mean())


def fragile(audio: np.ndarray) -> float:
    """The same, until it fails as if somebody had pressed Ctrl-C; an environment variable lets it live."""
    if mean_of(audio) > 11.5 and "FRAGILE_NO_MORE" not in os.environ:
        raise InterruptedError
    return mean_of(audio)


def test_scores_are_of_the_input_in_order_and_computed_once(tmp_path: Path):
    told = []
    scores = ovrl_of_inputs(
        Loud(), 9, tmp_path, jobs=2, scorer=mean_of, advance=lambda done, count: told.append((done, count))
    )
    np.testing.assert_allclose(scores, np.arange(9), atol=1e-4)
    assert told == [(done, 9) for done in range(1, 10)]
    again = Loud()
    np.testing.assert_array_equal(ovrl_of_inputs(again, 9, tmp_path, scorer=mean_of), scores)
    np.testing.assert_array_equal(ovrl_of_inputs(again, 4, tmp_path, scorer=mean_of), scores[:4])
    assert again.made == []
    more = ovrl_of_inputs(again, 11, tmp_path, jobs=1, scorer=mean_of)
    assert again.made == [9, 10]
    np.testing.assert_allclose(more, np.arange(11), atol=1e-4)
    assert len(list(tmp_path.iterdir())) == 1


def test_other_mixtures_have_other_scores(tmp_path: Path):
    ovrl_of_inputs(Loud(), 1, tmp_path, jobs=1, scorer=mean_of)
    other = Loud()
    other.fingerprint = "louder"
    ovrl_of_inputs(other, 1, tmp_path, jobs=1, scorer=mean_of)
    assert other.made == [0]
    assert len(list(tmp_path.iterdir())) == 2


def test_what_was_scored_before_an_interruption_stays(tmp_path: Path, monkeypatch):
    with pytest.raises(InterruptedError):
        ovrl_of_inputs(Loud(), 20, tmp_path, jobs=1, scorer=fragile)
    (path,) = tmp_path.iterdir()
    known = ~np.isnan(np.load(path))
    assert 5 < known.sum() <= 12
    monkeypatch.setenv("FRAGILE_NO_MORE", "1")
    rest = Loud()
    np.testing.assert_allclose(ovrl_of_inputs(rest, 20, tmp_path, jobs=1, scorer=fragile), np.arange(20), atol=1e-4)
    assert rest.made == np.flatnonzero(~known).tolist()


def test_damaged_file_is_computed_anew(tmp_path: Path):
    ovrl_of_inputs(Loud(), 3, tmp_path, jobs=1, scorer=mean_of)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for damaged in (b"", whole[:-5], b"\x93NUMPY" + os.urandom(40), whole.replace(b"'<f4'", b"'|O8'")):
        path.write_bytes(damaged)
        np.testing.assert_allclose(ovrl_of_inputs(Loud(), 3, tmp_path, jobs=1, scorer=mean_of), [0, 1, 2], atol=1e-4)


def test_missing_package_is_named_with_the_way_out(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(opinion, "has_dnsmos", lambda: False)
    with pytest.raises(SlimseError, match=r"speechmos is missing.*slimse-mcu\[dnsmos\].*guidance\.metric=snr"):
        ovrl_of_inputs(Loud(), 3, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not has_dnsmos(), reason="speechmos is not installed")
def test_one_window_is_scored_like_the_usual_way(short_clip: Path):
    import soundfile
    from speechmos import dnsmos

    audio, _ = soundfile.read(short_clip, dtype="float32")
    usual = dnsmos.run(np.tile(audio, 16), 16000)["ovrl_mos"]
    assert dnsmos_ovrl(audio) == pytest.approx(usual, abs=0.05)
    assert dnsmos_ovrl(10 * audio) >= 1.0  # beyond full scale
