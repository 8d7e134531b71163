"""Mixtures: ratios and levels are what they say, each depends on its number only, broken files are passed over."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_trees import RATE_HZ, put, put_broken, put_pair, tone
from hypothesis import given, settings
from hypothesis import strategies as st

from slimse_mcu.data import Mixer, Mixing, Mixture, active_rms, open_sources
from slimse_mcu.errors import SlimseError

PLAIN = Mixing(clean=0.0, speechless=0.0, silent=0.0, two_noises=0.0, tilt_db=0.0)
SECONDS = 2.0


def decibel(ratio: float) -> float:
    return float(20 * np.log10(ratio))


def level_db(audio: np.ndarray) -> float:
    return decibel(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Five recordings of speech (well, tones) and of noise, 3 s each."""
    root = tmp_path_factory.mktemp("mixing")
    for number in range(5):
        put(root / "clean" / f"{number}.wav", tone(3.0, 200.0 + 100 * number, seed=number))
        noise = np.random.default_rng(100 + number).standard_normal(3 * RATE_HZ)
        put(root / "noise" / f"{number}.flac", 0.05 * noise)
    return root


def mixer(folder: Path, mixing: Mixing = PLAIN, *, seed: int = 1, seconds: float = SECONDS, **how) -> Mixer:
    return Mixer(open_sources(folder, **how), mixing, seconds=seconds, seed=seed)


def same(one: Mixture, other: Mixture) -> bool:
    return (
        np.array_equal(one.speech, other.speech)
        and np.array_equal(one.noise, other.noise)
        and (one.gain, one.snr_db) == (other.gain, other.snr_db)
    )


def test_a_mixture_depends_on_its_number_and_the_seed_only(folder: Path):
    one, again = mixer(folder, Mixing()), mixer(folder, Mixing())
    backwards = [again.mixture(index) for index in reversed(range(12))][::-1]
    for index, expected in enumerate(backwards):
        assert same(one.mixture(index), expected)
    assert not same(one.mixture(0), one.mixture(1))
    assert not same(one.mixture(0), mixer(folder, Mixing(), seed=2).mixture(0))


def test_threads_and_other_processes_get_the_same(folder: Path):
    shared = mixer(folder, Mixing())
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(shared.mixture, [index % 10 for index in range(40)]))
    travelled = pickle.loads(pickle.dumps(shared))
    for index in range(10):
        assert all(same(one, together[index]) for one in together[index::10])
        assert same(travelled.mixture(index), together[index])


def test_memory_and_disk_give_the_same(folder: Path):
    kept, read = mixer(folder), mixer(folder, memory_bytes=0)
    assert kept.sources.speech.in_memory
    assert not read.sources.speech.in_memory
    assert kept.fingerprint == read.fingerprint
    for index in range(5):
        a, b = kept.mixture(index), read.mixture(index)
        np.testing.assert_allclose(a.speech, b.speech, atol=1e-4)
        np.testing.assert_allclose(a.noise, b.noise, atol=1e-4)


def test_what_is_in_memory_is_decoded_once(folder: Path, monkeypatch: pytest.MonkeyPatch):
    source = mixer(folder)
    opened = []
    original = soundfile.SoundFile

    def counting(path, *args, **kwargs):
        opened.append(path)
        return original(path, *args, **kwargs)

    monkeypatch.setattr(soundfile, "SoundFile", counting)
    for index in range(60):
        source.mixture(index)
    assert len(opened) == len(set(opened))


def test_of_a_long_file_only_the_needed_part_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    for role in ("clean", "noise"):
        for number in range(2):
            put(tmp_path / role / f"{number}.wav", 0.1 * rng.standard_normal(40 * 48000), rate_hz=48000)
    source = mixer(tmp_path, memory_bytes=0)
    seconds = []
    original = soundfile.SoundFile.read

    def counting(self, frames=-1, *args, **kwargs):
        seconds.append(frames / self.samplerate)
        return original(self, frames, *args, **kwargs)

    monkeypatch.setattr(soundfile.SoundFile, "read", counting)
    firsts = {source.mixture(index).speech[0] for index in range(6)}
    assert len(firsts) == 6
    assert max(seconds) == pytest.approx(SECONDS)


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.5, 40.0])
def test_the_ratio_is_of_active_speech_and_the_level_is_nominal(folder: Path, snr_db: float):
    mixing = Mixing(snr_db=(snr_db, snr_db), level_db=(0.0, 0.0), clean=0.0, speechless=0.0, silent=0.0, two_noises=0.5)
    source = mixer(folder, mixing)
    for index in range(6):
        one = source.mixture(index)
        assert one.snr_db == snr_db
        assert one.speech.dtype == one.noise.dtype == np.float32
        assert one.speech.shape == one.noise.shape == (2 * RATE_HZ,)
        assert decibel(active_rms(one.speech)) == pytest.approx(-26.0, abs=0.01)
        assert level_db(one.noise) == pytest.approx(-26.0 - snr_db, abs=0.01)
        assert one.gain == 1.0


def test_pauses_do_not_count_as_speech_level(tmp_path: Path):
    speech = np.concatenate([tone(1.0), np.zeros(3 * RATE_HZ)])
    put(tmp_path / "clean" / "a.wav", speech)
    put(tmp_path / "clean" / "b.wav", speech)
    put(tmp_path / "noise" / "a.wav", np.random.default_rng(0).standard_normal(64000) * 0.05)
    put(tmp_path / "noise" / "b.wav", np.random.default_rng(1).standard_normal(64000) * 0.05)
    one = mixer(tmp_path, seconds=4.0).mixture(0)
    assert decibel(active_rms(one.speech)) == pytest.approx(-26.0, abs=0.01)
    assert level_db(one.speech) < -30


def test_levels_spread_over_their_range_and_never_leave_full_scale(folder: Path):
    mixing = Mixing(level_db=(-18.0, 30.0), snr_db=(-15.0, 20.0))
    source = mixer(folder, mixing)
    drawn = [source.mixture(index) for index in range(60)]
    assert max(np.max(np.abs(one.gain * (one.speech + one.noise))) for one in drawn) < 1.0
    gains = [decibel(one.gain) for one in drawn]
    assert min(gains) < -10
    assert max(gains) > 8


def test_kinds_of_mixtures_come_in_their_shares(folder: Path):
    mixing = Mixing(clean=0.2, speechless=0.2, silent=0.2)
    drawn = [mixer(folder, mixing).mixture(index) for index in range(200)]
    without = [one for one in drawn if not one.speech.any()]
    assert all(one.snr_db == -np.inf for one in without)
    silent = [one for one in without if level_db(one.noise) < -55]
    clean = [one for one in drawn if one.snr_db >= 30]
    for group, count in ((without, 80), (silent, 40), (clean, 40)):
        assert count - 25 < len(group) < count + 25
    assert all(-80.1 < level_db(one.noise) < -59.9 for one in silent)
    ratios = [one.snr_db for one in drawn if -np.inf < one.snr_db < 30]
    assert -5.0 <= min(ratios) < -2
    assert 17 < max(ratios) <= 20.0


def test_the_equaliser_tilts_the_spectrum_and_nothing_else(folder: Path):
    flat = mixer(folder, PLAIN)
    tilted = mixer(folder, Mixing(clean=0, speechless=0, silent=0, two_noises=0, tilt_db=12.0))
    changes = []
    for index in range(12):
        noise = [one.mixture(index).noise for one in (flat, tilted)]
        low, high = zip(*[_bands(one) for one in noise], strict=True)
        changes.append(decibel(low[1] / low[0]) - decibel(high[1] / high[0]))
    assert max(changes) > 5
    assert min(changes) < -5


def _bands(audio: np.ndarray) -> tuple[float, float]:
    spectrum = np.abs(np.fft.rfft(audio))
    quarter = len(spectrum) // 4
    return float(np.mean(spectrum[:quarter])), float(np.mean(spectrum[-quarter:]))


def test_short_speech_is_followed_by_more_after_a_pause_and_short_noise_by_more_without(tmp_path: Path):
    for number in range(6):
        put(tmp_path / "clean" / f"{number}.wav", tone(0.7, seed=number))
        put(tmp_path / "noise" / f"{number}.wav", 0.05 * np.random.default_rng(number).standard_normal(8000))
    source = mixer(tmp_path, seconds=4.0)
    spoken = []
    for index in range(10):
        one = source.mixture(index)
        assert not np.any(np.all(one.noise[: 62 * 1000].reshape(-1, 1000) == 0, axis=1))
        spoken.append(float(np.mean(one.speech != 0)))
    assert 0.3 < np.mean(spoken) < 0.95


def test_broken_files_are_passed_over_and_listed(tmp_path: Path, folder: Path):
    for role in ("clean", "noise"):
        for name in put_broken(tmp_path / role):
            (tmp_path / role / name).rename(tmp_path / role / f"bad_{name}")
        put(tmp_path / role / "good.flac", tone(3.0))
        put(tmp_path / role / "other.flac", tone(3.0, 900.0))
    source = mixer(tmp_path)
    first = [source.mixture(index) for index in range(20)]
    assert all(np.isfinite(one.speech).all() for one in first)
    names = {one.path.name for one in source.sources.rejected}
    assert {"bad_empty.wav", "bad_silent.wav", "bad_not_finite.wav", "bad_ends_early.flac"} <= names
    assert all(same(mixer(tmp_path).mixture(index), one) for index, one in enumerate(first))


def test_nothing_but_broken_files_is_one_sentence(tmp_path: Path):
    for role in ("clean", "noise"):
        for number in range(2):
            put(tmp_path / role / f"{number}.wav", np.zeros(RATE_HZ))
    with pytest.raises(SlimseError, match=r"in a row.*silent.*slimse data check"):
        mixer(tmp_path).mixture(0)


@pytest.mark.parametrize("memory_bytes", [0, 1 << 30])
def test_pairs_keep_their_noise_and_ratio(tmp_path: Path, memory_bytes: int):
    for name in ("a", "b", "c"):
        put_pair(tmp_path, name, 3.0)
    source = mixer(tmp_path, Mixing(level_db=(0, 0), clean=0, speechless=0, silent=0), memory_bytes=memory_bytes)
    for index in range(5):
        one = source.mixture(index)
        assert decibel(active_rms(one.speech)) == pytest.approx(-26.0, abs=0.01)
        # The noise of a pair is white, 0.02; its tone has another level.
        assert one.snr_db == pytest.approx(decibel(active_rms(one.speech)) - level_db(one.noise), abs=0.01)
        spectrum = np.abs(np.fft.rfft(one.noise))
        assert spectrum.max() < 6 * spectrum.mean()


def test_pairs_can_be_mixed_anew(tmp_path: Path):
    for name in ("a", "b", "c"):
        put_pair(tmp_path, name, 1.0)
    source = mixer(tmp_path, Mixing(remix_pairs=True, snr_db=(3.0, 3.0), clean=0, speechless=0, silent=0))
    assert [source.mixture(index).snr_db for index in range(4)] == [3.0] * 4


def test_short_pairs_fill_a_mixture(tmp_path: Path):
    for name in ("a", "b", "c"):
        put_pair(tmp_path, name, 0.6)
    one = mixer(tmp_path, PLAIN).mixture(1)
    assert not np.any(np.all(one.noise.reshape(-1, 1000) == 0, axis=1))


def test_the_fingerprint_covers_all_that_mixtures_depend_on(folder: Path):
    made = [
        mixer(folder),
        mixer(folder, seed=2),
        mixer(folder, seconds=1.0),
        mixer(folder, Mixing(snr_db=(0.0, 1.0))),
        mixer(folder, Mixing(tilt_db=1.0)),
    ]
    assert len({one.fingerprint for one in made}) == len(made)
    assert mixer(folder).fingerprint == made[0].fingerprint


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"snr_db": (5.0, -5.0)}, "snr_db"),
        ({"level_db": (0.0, float("nan"))}, "level_db"),
        ({"clean": 1.5}, "clean is 1.5"),
        ({"clean": 0.5, "speechless": 0.4, "silent": 0.2}, "more than 1"),
        ({"tilt_db": -1.0}, "tilt_db"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict, says: str):
    with pytest.raises(SlimseError, match=says):
        Mixing(**wrong)


def test_a_mixer_refuses_other_rates_lengths_and_seeds(folder: Path):
    sources = open_sources(folder)
    for wrong in ({"sample_rate_hz": 8000}, {"seconds": 0.0}, {"seconds": float("nan")}, {"seed": -1}):
        with pytest.raises(SlimseError):
            Mixer(sources, PLAIN, **{"seconds": 1.0, "seed": 0, **wrong})


@given(st.integers(0, 2**63), st.integers(0, 2**40))
@settings(max_examples=30)
def test_any_seed_and_number_make_a_finite_mixture(folder: Path, seed: int, index: int):
    one = mixer(folder, Mixing(), seed=seed, seconds=0.5).mixture(index)
    assert np.isfinite(one.speech).all()
    assert np.isfinite(one.noise).all()
    assert 0 < one.gain < 10
