"""Reading, pairing and writing audio files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from slimse_mcu.errors import AudioError
from slimse_mcu.harness import audio

RATE = 16000


def noise(samples: int = 4000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-20000, 20000, samples).astype(np.int16)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_int16_mono_at_the_models_rate_is_untouched(tmp_path: Path, suffix: str) -> None:
    pcm = np.concatenate([noise(), np.array([-32768, 32767, 0], np.int16)])
    soundfile.write(tmp_path / f"a{suffix}", pcm, RATE)
    clip = audio.read_audio(tmp_path / f"a{suffix}", RATE)
    np.testing.assert_array_equal(clip.samples, pcm)
    assert (clip.name, clip.notes, clip.samples.dtype) == ("a", (), np.int16)


@pytest.mark.parametrize(("rate", "channels"), [(48000, 2), (8000, 1), (44100, 6)])
def test_any_rate_and_channel_count_is_converted_and_said(tmp_path: Path, rate: int, channels: int) -> None:
    time = np.arange(rate) / rate
    tone = 0.5 * np.sin(2 * np.pi * 440 * time)
    soundfile.write(tmp_path / "a.wav", np.repeat(tone[:, None], channels, axis=1), rate, subtype="PCM_24")
    clip = audio.read_audio(tmp_path / "a.wav", RATE)
    wanted = 16384 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    assert len(clip.samples) == RATE
    assert np.abs(clip.samples - wanted)[500:-500].max() < 20
    notes = " ".join(clip.notes)
    assert f"from {rate} Hz to 16000 Hz" in notes
    assert (f"{channels} channels" in notes) == (channels > 1)


def test_too_loud_float_audio_is_clipped_and_said(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([1.5, -2.0, 0.25]), RATE, subtype="FLOAT")
    clip = audio.read_audio(tmp_path / "a.wav", RATE)
    assert clip.samples.tolist() == [32767, -32768, 8192]
    assert clip.notes == ("2 samples beyond full scale clipped",)


def test_unusable_files_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not audio")
    (tmp_path / "nothing.wav").write_bytes(b"")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.int16), RATE)
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "slow.wav", noise(10), 100)
    soundfile.write(tmp_path / "truncated.flac", noise(40000), RATE)
    whole = (tmp_path / "truncated.flac").read_bytes()
    (tmp_path / "truncated.flac").write_bytes(whole[:30])
    for name, words in [
        ("text.wav", "cannot be read"),
        ("nothing.wav", "cannot be read"),
        ("empty.wav", "no samples"),
        ("nan.wav", "not finite"),
        ("slow.wav", "100 Hz"),
        ("truncated.flac", "cannot be read"),
        ("absent.wav", "no audio file"),
    ]:
        with pytest.raises(AudioError, match=words) as caught:
            audio.read_audio(tmp_path / name, RATE)
        assert name in str(caught.value)
        assert caught.value.hint
        assert "\n" not in str(caught.value)


def test_a_header_that_claims_the_moon_is_refused_before_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "a.wav", noise(1000), RATE)
    monkeypatch.setattr(audio, "_MOST_VALUES", 999)
    with pytest.raises(AudioError, match="more than fit"):
        audio.read_audio(tmp_path / "a.wav", RATE)


def test_folder_is_read_in_order_and_paired_by_name(tmp_path: Path) -> None:
    for folder in ("noisy", "clean"):
        (tmp_path / folder).mkdir()
    for n, name in enumerate(["b.wav", "a.WAV", "c.flac"]):
        suffix = "WAV" if name.lower().endswith("wav") else "FLAC"
        soundfile.write(tmp_path / "noisy" / name, noise(seed=n), RATE, format=suffix)
        soundfile.write(tmp_path / "clean" / f"{name[0]}.wav", noise(seed=n + 10), RATE)
    (tmp_path / "noisy" / "readme.txt").write_text("no audio")
    pairs = audio.read_pairs(tmp_path / "noisy", tmp_path / "clean", RATE)
    assert [pair.noisy.name for pair in pairs] == ["a", "b", "c"]
    np.testing.assert_array_equal(pairs[1].noisy.samples, noise(seed=0))
    np.testing.assert_array_equal(pairs[1].clean.samples, noise(seed=10))
    alone = audio.read_pairs(tmp_path / "noisy", None, RATE)
    assert [pair.clean for pair in alone] == [None, None, None]
    one = audio.read_pairs(tmp_path / "noisy" / "b.wav", tmp_path / "clean" / "c.wav", RATE)
    np.testing.assert_array_equal(one[0].clean.samples, noise(seed=12))


def test_pairs_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    for folder in ("noisy", "clean", "empty"):
        (tmp_path / folder).mkdir()
    soundfile.write(tmp_path / "noisy" / "a.wav", noise(), RATE)
    soundfile.write(tmp_path / "clean" / "b.wav", noise(), RATE)
    with pytest.raises(AudioError, match=r"a\.wav has no reference"):
        audio.read_pairs(tmp_path / "noisy", tmp_path / "clean", RATE)
    soundfile.write(tmp_path / "clean" / "a.wav", noise(3999), RATE)
    with pytest.raises(AudioError, match="4000 samples and its reference"):
        audio.read_pairs(tmp_path / "noisy", tmp_path / "clean", RATE)
    with pytest.raises(AudioError, match=r"no \.wav"):
        audio.read_pairs(tmp_path / "empty", None, RATE)
    with pytest.raises(AudioError, match="no audio file or folder"):
        audio.read_pairs(tmp_path / "absent", None, RATE)
    soundfile.write(tmp_path / "noisy" / "a.flac", noise(), RATE)
    with pytest.raises(AudioError, match="both as WAV and as FLAC"):
        audio.read_pairs(tmp_path / "noisy", None, RATE)


def test_resampled_pairs_may_differ_by_a_few_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "noisy.wav", noise(16000), 16000)
    soundfile.write(tmp_path / "clean.wav", noise(44099), 44100)
    pair = audio.read_pairs(tmp_path / "noisy.wav", tmp_path / "clean.wav", RATE)[0]
    assert len(pair.noisy.samples) == len(pair.clean.samples)


def test_writing_is_whole_repeatable_and_leaves_nothing_else(tmp_path: Path) -> None:
    audio.write(tmp_path / "a.wav", noise(), RATE)
    audio.write(tmp_path / "b.wav", noise(), RATE)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    np.testing.assert_array_equal(audio.read_audio(tmp_path / "a.wav", RATE).samples, noise())
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.wav", "b.wav"]
    with pytest.raises(AudioError, match="cannot be written"):
        audio.write(tmp_path / "absent" / "a.wav", noise(), RATE)
