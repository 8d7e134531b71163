"""Synthetic data, losses and the training task."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from slimse_mcu.errors import SlimseError  # noqa: E402
from slimse_mcu.models import conv_fsenet  # noqa: E402
from slimse_mcu.training.accelerate import training_twin  # noqa: E402
from slimse_mcu.training.clips import calibration_audio, held_out_clips  # noqa: E402
from slimse_mcu.training.compact import rounded, save_compact  # noqa: E402
from slimse_mcu.training.corpus import Corpus, Mixing, Mixtures  # noqa: E402
from slimse_mcu.training.gating import Gating, gate_layers  # noqa: E402
from slimse_mcu.training.losses import compressed_spectral_loss  # noqa: E402
from slimse_mcu.training.noise import KINDS, make_noise  # noqa: E402
from slimse_mcu.training.spectra import BINS, istft, stft  # noqa: E402
from slimse_mcu.training.speech import active_rms, plan_utterances, synthesize  # noqa: E402
from slimse_mcu.training.task import EnhancementTask  # noqa: E402
from slimse_mcu.training.train_zoo import RECIPES, Recipe, train  # noqa: E402

needs_voices = pytest.mark.skipif(
    not (shutil.which("espeak-ng") and shutil.which("flite")), reason="espeak-ng and flite are not installed"
)


def random_corpus(seed: int = 0, frames: int = 400) -> Corpus:
    rng = np.random.default_rng(seed)
    audio = rng.normal(0, 0.05, (2, frames * 256)).astype(np.float32)
    envelope = np.repeat(rng.random(frames // 10), 2560).astype(np.float32)
    speech = stft(audio[0] * envelope)
    speech[:, 80:] *= 0.01  # something to learn: what lies above is noise
    return Corpus(speech, stft(audio[1]))


def test_transform_and_its_inverse_give_the_audio_back():
    audio = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    again = istft(stft(audio))
    np.testing.assert_allclose(again[:-256], audio[: len(again) - 256], atol=1e-5)


def test_first_frame_covers_silence_and_the_first_hop():
    audio = np.random.default_rng(1).normal(size=1024)
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512))
    spectra = stft(audio)
    assert spectra.shape == (4, BINS)
    np.testing.assert_allclose(spectra[0], np.fft.rfft(window * np.r_[np.zeros(256), audio[:256]]), atol=1e-4)
    np.testing.assert_allclose(spectra[2], np.fft.rfft(window * audio[256:768]), atol=1e-4)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_noise_is_seeded_finite_and_of_one_level(kind: str):
    speech = [np.random.default_rng(i).normal(0, 0.05, 9000).astype(np.float32) for i in range(3)]
    one, same, other = (make_noise(kind, 32000, speech, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.dtype == np.float32
    assert np.isfinite(one).all()
    assert np.sqrt(np.mean(np.square(one))) == pytest.approx(10 ** (-26 / 20), rel=1e-3)


def test_training_and_test_share_neither_voice_nor_sentence():
    train, test = (plan_utterances(split, 800, 1) for split in ("train", "test"))
    assert not {u.voice.split("+")[-1] for u in train} & {u.voice.split("+")[-1] for u in test}
    assert not {u.text for u in train} & {u.text for u in test}


@needs_voices
def test_synthesis_is_repeatable_and_level():
    planned = plan_utterances("test", 4, 5)
    one, same = synthesize(planned), synthesize(planned)
    for a, b in zip(one, same, strict=True):
        np.testing.assert_array_equal(a, b)
        assert active_rms(a) == pytest.approx(10 ** (-26 / 20), rel=1e-2)
        assert 0.5 * 16000 < len(a) < 15 * 16000


@needs_voices
def test_held_out_clips_have_their_ratio_and_length():
    for clip in held_out_clips(3, seed=9):
        assert 3 * 16000 <= len(clip.noisy) <= 5 * 16000
        noise = clip.noisy.astype(np.float32) - clip.clean
        ratio_db = 20 * np.log10(active_rms(clip.clean.astype(np.float32)) / np.sqrt(np.mean(noise**2)))
        assert ratio_db == pytest.approx(clip.snr_db, abs=0.5)


@needs_voices
def test_calibration_audio_is_about_half_a_minute():
    assert 25 * 16000 <= len(calibration_audio()) <= 35 * 16000


def test_batches_depend_on_seed_and_number_only():
    def batch(seed: int, index: int):
        return Mixtures(random_corpus(), Mixing(), batch=2, frames=20, steps=5, seed=seed)[index][0]

    assert batch(1, 3)["speech"].shape == (2, 20, BINS, 2)
    for key, value in batch(1, 3).items():
        np.testing.assert_array_equal(value, batch(1, 3)[key])
        assert not np.array_equal(value, batch(1, 4)[key])
        assert not np.array_equal(value, batch(2, 3)[key])


def test_loss_equals_its_definition_and_is_least_for_the_right_mask():
    rng = np.random.default_rng(2)
    noisy, clean = rng.normal(size=(2, 3, 4, 5, 2)).astype(np.float32)
    mask = rng.uniform(0.1, 1, (3, 4, 5)).astype(np.float32)
    y, s = mask * (noisy[..., 0] + 1j * noisy[..., 1]), clean[..., 0] + 1j * clean[..., 1]

    def compress(z: np.ndarray) -> np.ndarray:
        return (np.abs(z) + 1e-4) ** 0.3 * np.exp(1j * np.angle(z))

    cy, cs = compress(y), compress(s)
    expected = np.mean(0.7 * (abs(cy) - abs(cs)) ** 2 + 0.3 * abs(cy - cs) ** 2)
    assert float(compressed_spectral_loss(noisy, clean, mask)) == pytest.approx(expected, rel=1e-4)
    assert float(compressed_spectral_loss(noisy, noisy, np.ones_like(mask))) == pytest.approx(0.0, abs=1e-6)


def test_training_twin_computes_the_same_and_gives_its_weights_back():
    model = conv_fsenet(bottleneck=8, hidden=12, stacks=1, dilations=(1, 3), kernel=4, gating_width=4)
    twin = training_twin(model)
    x = np.abs(np.random.default_rng(3).normal(size=(2, 25, 257))).astype(np.float32)
    np.testing.assert_allclose(model.predict(x, verbose=0), twin.predict(x, verbose=0), atol=1e-5)
    assert [w.shape for w in model.get_weights()] == [w.shape for w in twin.get_weights()]


def test_a_few_steps_lower_the_loss_and_lead_the_open_ratio_to_its_target():
    model = conv_fsenet(bottleneck=16, hidden=32, stacks=1, dilations=(1, 2), gating_width=8)
    task = EnhancementTask(training_twin(model), Gating(target=0.25, start=0.5, ramp_steps=20, weight=20.0))
    task.compile(optimizer=keras.optimizers.Adam(1e-2), jit_compile=False)
    losses, ratios = [], []

    def note(batch: int, logs: dict[str, float]) -> None:
        losses.append(logs["spectral"])
        ratios.append(logs["open_ratio"])
        task.reset_metrics()

    watch = keras.callbacks.LambdaCallback(on_train_batch_end=note)
    mixing = Mixing(snr_db=(5.0, 5.0), two_noises=0.0, speechless=0.0, tilt_db=0.0)
    mixtures = Mixtures(random_corpus(), mixing, batch=4, frames=60, steps=80, seed=1)
    task.fit(mixtures, verbose=0, shuffle=False, callbacks=[watch])
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:5])
    assert np.mean(ratios[-10:]) == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("gates", [True, False])
def test_training_writes_a_model_that_loads_and_its_history(tmp_path: Path, gates: bool):
    network = {"bottleneck": 8, "hidden": 12, "stacks": 1, "dilations": (1,), "gates": gates}
    gating = Gating(ramp_steps=10) if gates else None
    recipe = Recipe(network=network, gating=gating, steps=100, batch=2, frames=10)
    result = train(recipe, random_corpus(), seed=1, name="tiny-model", save_to=tmp_path / "out" / "model.keras")
    model = keras.models.load_model(tmp_path / "out" / "model.keras")
    assert model.name == "tiny_model"
    assert result["history"][-1]["step"] == 100
    assert json.loads((tmp_path / "out" / "history.json").read_text()) == result


def test_compact_file_loads_to_the_same_weights(tmp_path: Path):
    model = conv_fsenet(bottleneck=32, hidden=64, stacks=1, dilations=(1, 2))
    model.set_weights([rounded(weight) for weight in model.get_weights()])
    model.save(tmp_path / "plain.keras")
    save_compact(model, tmp_path / "compact.keras")
    again = keras.models.load_model(tmp_path / "compact.keras")
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (tmp_path / "compact.keras").stat().st_size < 0.7 * (tmp_path / "plain.keras").stat().st_size
    assert not list(tmp_path.glob(".*"))


def test_rounding_keeps_what_float16_cannot_hold():
    weights = np.array([1e-7, 1e6, 0.1, -3.0], np.float32)
    kept = rounded(weights)
    np.testing.assert_array_equal(kept[[0, 1, 3]], weights[[0, 1, 3]])
    assert kept[2] == np.float16(0.1)


def test_mixtures_carry_the_opinion_of_the_input_that_the_model_hears():
    heard = []

    def opinion(audio: np.ndarray) -> float:
        heard.append(audio)
        return float(len(heard))

    mixtures = Mixtures(random_corpus(), Mixing(), batch=2, frames=20, steps=1, seed=3, opinion=opinion)
    inputs, _ = mixtures[0]
    np.testing.assert_array_equal(inputs["ovrl"][:, 0, 0], [1.0, 2.0])
    assert [audio.shape for audio in heard] == [(20 * 256,)] * 2
    spectra = (inputs["speech"] + inputs["noise"])[1] * inputs["gain"][1, ..., None]
    np.testing.assert_allclose(heard[1], istft(spectra[..., 0] + 1j * spectra[..., 1]) * 32768, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("name", ["dsn-mgt", "dsn-static"])
def test_recipe_of_the_slimmable_network_trains_and_loads(tmp_path: Path, name: str):
    sizes = {"bands": 16, "encoder": 4, "channels": 12}
    recipe = replace(RECIPES[name], network={**RECIPES[name].network, **sizes}, steps=100, batch=2, frames=8)
    result = train(recipe, random_corpus(), seed=1, name=name, save_to=tmp_path / "model.keras")
    assert result["history"][-1]["step"] == 100
    model = keras.models.load_model(tmp_path / "model.keras")
    assert model.name == name.replace("-", "_")
    assert bool(gate_layers(model)) == (name == "dsn-mgt")


def test_training_by_opinion_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("slimse_mcu.training.train_zoo.dnsmos", lambda audio: (None, None, None))
    network = {"bands": 8, "encoder": 2, "channels": 6}
    recipe = replace(RECIPES["dsn-mgt"], network=network, opinion=True, steps=1, batch=1)
    with pytest.raises(SlimseError, match="DNS-MOS cannot score"):
        train(recipe, random_corpus(), seed=1, name="x", save_to=tmp_path / "model.keras")
