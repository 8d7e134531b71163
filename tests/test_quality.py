"""Quality scores: right on known signals, None where they cannot be had."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest

from slimse_mcu.harness import quality
from slimse_mcu.harness.quality import Scores

RATE = 16000


def speechlike(seconds: float = 3.0, seed: int = 0) -> np.ndarray:
    """Noise bursts with the rhythm of syllables, in int16 units."""
    rng = np.random.default_rng(seed)
    n = np.arange(int(seconds * RATE))
    voice = sum(np.sin(2 * np.pi * 140 * k * n / RATE) / k for k in range(1, 20))
    envelope = np.maximum(0, np.sin(2 * np.pi * 2 * n / RATE)) ** 2
    return 6000 * envelope * (voice + 0.3 * rng.normal(size=len(n)))


def noisy_at(clean: np.ndarray, snr_db: float) -> np.ndarray:
    noise = np.random.default_rng(9).normal(size=len(clean))
    return clean + noise * np.sqrt(np.mean(clean**2) / 10 ** (snr_db / 10))


def test_si_sdr_of_a_known_mixture() -> None:
    clean = speechlike()
    clean -= clean.mean()
    noise = np.random.default_rng(1).normal(size=len(clean))
    noise -= noise.mean()
    noise -= (noise @ clean) / (clean @ clean) * clean  # orthogonal, so that the ratio is exact
    noise *= np.sqrt((clean @ clean) / (noise @ noise) / 10)
    assert quality.si_sdr_db(clean, clean + noise) == pytest.approx(10.0)
    assert quality.si_sdr_db(clean, 0.1 * (clean + noise) + 55) == pytest.approx(10.0)
    assert quality.si_sdr_db(clean, clean) == pytest.approx(quality.SI_SDR_LIMIT_DB)
    assert quality.si_sdr_db(clean, noise) == pytest.approx(-quality.SI_SDR_LIMIT_DB)
    assert quality.si_sdr_db(0 * clean, clean) is None
    assert quality.si_sdr_db(clean, 0 * clean) is None


def test_less_noise_scores_better() -> None:
    clean = speechlike()
    ladder = [quality.score(clean, noisy_at(clean, snr), RATE) for snr in (0.0, 10.0, 20.0)]
    for metric in ("pesq_wb", "stoi", "si_sdr_db"):
        values = [getattr(one, metric) for one in ladder]
        assert None not in values
        assert values == sorted(values), metric
    same = quality.score(clean, clean, RATE)
    assert same.pesq_wb == pytest.approx(4.64, abs=0.01)
    assert same.stoi == pytest.approx(1.0, abs=1e-6)


def test_scale_of_int16_and_float_is_the_same() -> None:
    clean = speechlike().round()
    noisy = noisy_at(clean, 5.0).round().clip(-32768, 32767)
    wide = quality.score(clean, noisy, RATE)
    assert quality.score(clean.astype(np.int16), noisy.astype(np.int16), RATE) == wide


@pytest.mark.parametrize("seconds", [0.0001, 0.2, 0.6])
def test_too_short_recordings_have_no_made_up_score(seconds: float) -> None:
    clean = speechlike(seconds)
    scores = quality.score(clean, noisy_at(clean, 5), RATE)
    assert scores.stoi is None or 0 < scores.stoi <= 1
    if seconds < 0.5:
        assert scores.pesq_wb is None
        assert scores.stoi is None


def test_silence_has_no_made_up_score() -> None:
    clean, silence = speechlike(), np.zeros(3 * RATE)
    nothing = Scores()
    for one, other in ((silence, clean), (clean, silence), (silence, silence)):
        assert quality.score(one, other, RATE, opinion=False) == nothing


def test_dnsmos_is_the_package_s_own_number() -> None:
    package = pytest.importorskip("speechmos.dnsmos")
    noisy = np.clip(noisy_at(speechlike(), 5.0), -32768, 32767)
    ours = quality.dnsmos(noisy)
    assert isinstance(package.dnsmos.p808_onnx_sess, quality._NoSecondOpinion), "the package runs its own networks"
    package.dnsmos = None  # it makes its own again
    theirs = package.run(noisy / 32768.0, RATE)
    package.dnsmos = None
    assert ours == pytest.approx([theirs[f"{name}_mos"] for name in ("ovrl", "sig", "bak")], abs=1e-4)
    assert quality.dnsmos(noisy) == ours
    assert quality.score(None, noisy, RATE) == Scores(dnsmos_ovrl=ours[0], dnsmos_sig=ours[1], dnsmos_bak=ours[2])
    assert quality.score(None, noisy, RATE, opinion=False) == Scores()


def test_long_recordings_are_scored_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "_PIECE_S", 2)
    lengths = []

    def fake(rate: int, one: Any, other: Any, mode: str) -> float:
        lengths.append(len(one))
        return 2.0

    package = types.SimpleNamespace(pesq=fake, PesqError=RuntimeError)
    monkeypatch.setattr(quality, "_optional", lambda name: package)
    clean = speechlike(5.0)
    assert quality.pesq_wb(clean, clean) == 2.0
    assert lengths == [26667, 26667, 26666]


def test_other_rates_are_resampled() -> None:
    clean = speechlike()
    half = clean[::2]  # 8 kHz, aliased, good enough to be scored against itself
    assert quality.score(half, half, 8000).pesq_wb == pytest.approx(4.64, abs=0.01)


def test_missing_packages_leave_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "_optional", lambda name: None)
    clean = speechlike()
    scores = quality.score(clean, noisy_at(clean, 5), RATE)
    assert scores.pesq_wb is None
    assert scores.stoi is None
    assert scores.si_sdr_db is not None
    assert not quality.has_dnsmos()


def test_dnsmos_is_asked_with_audio_within_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(samples: Any, rate: int) -> dict[str, float]:
        assert np.abs(samples).max() <= 1.0
        assert rate == RATE
        return {"ovrl_mos": 2.0, "sig_mos": 3.0, "bak_mos": np.float32(4.0), "p808_mos": 1.0}

    real = quality._optional
    fake = types.SimpleNamespace(run=run)
    monkeypatch.setattr(quality, "_optional", lambda name: fake if "dnsmos" in name else real(name))
    scores = quality.score(None, 3 * speechlike(), RATE)
    assert scores == Scores(dnsmos_ovrl=2.0, dnsmos_sig=3.0, dnsmos_bak=4.0)


def test_many_recordings_are_scored_in_order() -> None:
    clean = speechlike(1.5)
    jobs = [(clean, noisy_at(clean, snr)) for snr in (0.0, 16.0)]
    seen = []
    scores = quality.score_all(jobs, RATE, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]
    assert scores == [quality.score(*job, RATE) for job in jobs]


def test_means_count_only_files_that_all_signals_have() -> None:
    rows = [
        {"noisy": Scores(pesq_wb=1.0, stoi=0.5), "device": Scores(pesq_wb=2.0, stoi=0.7)},
        {"noisy": Scores(pesq_wb=3.0, stoi=0.9), "device": Scores(pesq_wb=None, stoi=0.9)},
    ]
    means = quality.averages(rows)
    assert means["noisy"].pesq_wb == 1.0
    assert means["device"].pesq_wb == 2.0
    assert means["noisy"].stoi == pytest.approx(0.7)
    assert means["device"].si_sdr_db is None
    assert quality.averages([]) == {}
