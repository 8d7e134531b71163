"""Spectra, batches, losses, and that training learns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from training_data import tiny_config, tiny_data  # noqa: E402

from slimse_mcu.data import Mixer, Mixing, Mixture  # noqa: E402
from slimse_mcu.errors import ModelError, SlimseError  # noqa: E402
from slimse_mcu.models import ChannelGate, GateChannels, Policy, conv_fsenet, dsn_ftf  # noqa: E402
from slimse_mcu.training import train as training  # noqa: E402
from slimse_mcu.training.accelerate import training_twin  # noqa: E402
from slimse_mcu.training.batches import Batches, pooled  # noqa: E402
from slimse_mcu.training.compact import rounded, save_compact  # noqa: E402
from slimse_mcu.training.gated_twice import gated_twice  # noqa: E402
from slimse_mcu.training.losses import compressed_spectral_loss  # noqa: E402
from slimse_mcu.training.schedule import WarmupCosine  # noqa: E402
from slimse_mcu.training.spectra import BINS, istft, stft  # noqa: E402
from slimse_mcu.training.start import take_over  # noqa: E402
from slimse_mcu.training.train import train  # noqa: E402
from slimse_mcu.training.validation import draw_validation  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_data(tmp_path_factory.mktemp("corpus"))


def test_transform_and_its_inverse_give_the_audio_back():
    audio = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    again = istft(stft(audio))
    np.testing.assert_allclose(again[:-256], audio[: len(again) - 256], atol=1e-5)


def test_first_frame_covers_silence_and_the_first_hop():
    audio = np.random.default_rng(1).normal(size=1024).astype(np.float32)
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512))
    spectra = stft(audio)
    assert spectra.shape == (4, BINS)
    assert spectra.dtype == np.complex64
    np.testing.assert_allclose(spectra[0], np.fft.rfft(window * np.r_[np.zeros(256), audio[:256]]), atol=1e-4)
    np.testing.assert_allclose(spectra[2], np.fft.rfft(window * audio[256:768]), atol=1e-4)


class Numbered:
    """Mixtures that say which one they are: by their gain, and by their ratio."""

    fingerprint = "numbered"

    def mixture(self, index: int) -> Mixture:
        rng = np.random.default_rng(index)
        speech, noise = rng.normal(size=(2, 1024)).astype(np.float32)
        return Mixture(speech, noise, float(index), float("-inf") if index == 3 else float(index))


def numbers(batches: Batches) -> list[list[int]]:
    return [batches[i][0]["gain"].ravel().astype(int).tolist() for i in range(len(batches))]


def test_batches_hold_the_spectra_of_the_mixtures_in_order():
    batches = Batches(Numbered(), batch=3, first=1, last=3, seed=1)
    assert numbers(batches) == [[3, 4, 5], [6, 7, 8]]
    inputs, nothing = batches[0]
    assert nothing.shape == (3, 1)
    assert {key: (value.shape, value.dtype) for key, value in inputs.items()} == {
        "speech": ((3, 4, BINS, 2), np.float32),
        "noise": ((3, 4, BINS, 2), np.float32),
        "gain": ((3, 1, 1), np.float32),
        "snr_db": ((3, 1, 1), np.float32),
    }
    expected = stft(Numbered().mixture(4).speech)
    np.testing.assert_array_equal(inputs["speech"][1], np.stack([expected.real, expected.imag], axis=-1))
    assert inputs["snr_db"].ravel().tolist() == [-100.0, 4.0, 5.0]  # infinity would make NaN of a loss


def test_every_round_of_a_pool_has_each_mixture_once_in_another_order():
    rounds = [[pooled(5, 10, draw) for draw in range(10 * turn, 10 * turn + 10)] for turn in range(3)]
    assert all(sorted(one) == list(range(10)) for one in rounds)
    assert rounds[0] != rounds[1] != rounds[2]
    assert [pooled(5, 10, draw) for draw in range(10)] == rounds[0]
    assert [pooled(6, 10, draw) for draw in range(10)] != rounds[0]
    assert pooled(5, 0, 123) == 123


def test_batches_of_a_pool_carry_the_score_of_their_mixture():
    batches = Batches(Numbered(), batch=4, last=5, seed=2, pool=6, ovrl=np.arange(10, 16, dtype=np.float32))
    for inputs, _ in (batches[i] for i in range(5)):
        np.testing.assert_array_equal(inputs["ovrl"], inputs["gain"] + 10)


def test_slices_are_parts_of_the_same_batches():
    batches = Batches(Numbered(), batch=4, first=2, last=5, seed=1)
    for number, whole in enumerate(numbers(batches)):
        parts = [batches.slice(number, part, 2)[0]["gain"].ravel().tolist() for part in range(2)]
        assert parts[0] + parts[1] == whole


def test_validation_draws_the_same_audible_clips_every_time(data):
    clips = draw_validation(data.valid, Mixing(silent=0.5, speechless=0.4), 4, 1.0)
    again = draw_validation(data.valid, Mixing(silent=0.5, speechless=0.4), 4, 1.0)
    np.testing.assert_array_equal(clips.noisy, again.noisy)
    assert all(np.abs(one).max() > 1000 for one in clips.references)

    def perfect(noisy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ratio = clips.clean[..., 0] + 1j * clips.clean[..., 1]
        ratio = ratio / (noisy[..., 0] + 1j * noisy[..., 1] + 1e-9)
        return np.stack([ratio.real, ratio.imag], axis=-1).astype(np.float32), np.full(noisy.shape[:2], 0.25)

    best = clips.scores(perfect)
    worst = clips.scores(lambda noisy: (np.ones(noisy.shape[:3], np.float32), np.ones(noisy.shape[:2])))
    assert best["val_spectral"] < 1e-3 < worst["val_spectral"]
    assert best["val_open_ratio"] == 0.25
    if "pesq" in best:
        assert best["pesq"] > 4.0 > worst["pesq"]


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


def test_a_closed_channel_is_told_what_opening_it_would_change():
    """The gradient of a gate is the difference between open and closed, whichever of the two it is now."""
    rng = np.random.default_rng(5)
    x = tf.constant(np.abs(rng.normal(size=(1, 9, 257))), tf.float32)
    decided = tf.constant(rng.integers(0, 2, (1, 9, 64)), tf.float32)
    opened = tf.concat([decided[:, :-1], tf.ones((1, 1, 64))], axis=1)
    network = training_twin(conv_fsenet(bottleneck=8, hidden=64, stacks=1, dilations=(1, 2), gating_width=4, seed=1))
    for name in ("s0b0", "s0b1"):
        gate, behind = (network.get_layer(f"{name}_{kind}").output for kind in ("gate", "depthwise_gated"))
        block = keras.Model([network.input, gate], behind)
        with tf.GradientTape() as tape:
            tape.watch(decided)
            total = tf.reduce_sum(block([x, decided])[:, -1])
        slope = tape.gradient(total, decided)[0, -1]
        shown = block([x, opened])[0, -1]
        assert np.count_nonzero(shown[decided[0, -1] == 0.0]) > 2
        np.testing.assert_allclose(slope, shown, atol=1e-6)
        assert not np.allclose(shown, block([x, tf.ones((1, 9, 64))])[0, -1])  # the past stays as it was gated


def test_only_what_is_gated_twice_by_the_same_gate_reads_its_present_ungated():
    x, gate, other = (keras.Input((None, 4), name=name) for name in ("x", "gate", "other"))

    def network(first: Any, second: Any, between: Any = None) -> keras.Model:
        y = x if first is None else GateChannels(name="before")([x, first])
        y = keras.layers.DepthwiseConv1D(3, use_bias=False, name="depthwise")(keras.layers.ZeroPadding1D((2, 0))(y))
        branch = between(y) if between is not None else y
        y = branch if second is None else GateChannels(name="behind")([branch, second])
        return keras.Model([x, gate, other], [y, branch] if between is not None else y)

    assert gated_twice(network(gate, gate)) == {"depthwise": "before"}
    assert gated_twice(network(gate, gate, keras.layers.ReLU())) == {}  # another output reads it ungated
    assert gated_twice(network(gate, other)) == {}
    assert gated_twice(network(gate, None)) == {}
    assert gated_twice(network(None, gate)) == {}


def test_training_learns_leads_the_open_ratio_and_writes_a_model_that_compiles(tmp_path: Path, data):
    config = tiny_config(
        network={"bottleneck": 16, "hidden": 32, "dilations": [1]},
        training={"steps": 120, "steps_per_epoch": 40, "batch": 4, "seconds": 0.8},
        mixing={"snr_db": [5.0, 5.0], "clean": 0.0, "speechless": 0.0, "silent": 0.0},
        guidance={"target": 0.25, "start": 0.5, "ramp_steps": 20, "weight": 20.0},
    )
    result = train(config, data, tmp_path / "out")
    assert result.finished
    first, last = result.history[0], result.history[-1]
    assert last["spectral"] < 0.9 * first["spectral"]
    assert last["open_ratio"] == pytest.approx(0.25, abs=0.05)
    assert last["val_spectral"] < first["val_spectral"]
    model = keras.models.load_model(tmp_path / "out" / "model.keras")
    assert model.name == "tiny"
    assert any(isinstance(layer, ChannelGate) for layer in model.layers)
    written = json.loads((tmp_path / "out" / "history.json").read_text())
    assert (written["finished"], written["step"], written["epochs"]) == (True, 120, list(result.history))
    assert not list((tmp_path / "out").rglob(".*"))


@pytest.mark.parametrize("warmup", [0, 1, 30])
def test_learning_rate_is_that_of_keras(warmup: int):
    expected = keras.optimizers.schedules.CosineDecay(0.0, 100 - warmup, warmup_target=2e-3, warmup_steps=warmup)
    if not warmup:
        expected = keras.optimizers.schedules.CosineDecay(2e-3, 100)
    rates = WarmupCosine(2e-3, 100, warmup)
    np.testing.assert_allclose([rates(step) for step in range(103)], [expected(step) for step in range(103)], atol=1e-9)


def test_curves_are_there_for_tensorboard(tmp_path: Path, data):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(tiny_config(training={"steps": 50, "steps_per_epoch": 50}), data, tmp_path / "out")
    events = EventAccumulator(str(tmp_path / "out" / "log"))
    events.Reload()
    curves = {"train/spectral", "train/open_ratio", "train/learning_rate", "validation/spectral"}
    assert curves <= set(events.Tags()["tensors"])
    assert [event.step for event in events.Tensors("validation/spectral")] == [50]


def test_a_model_that_does_not_compile_is_an_error_at_once(tmp_path: Path, data, monkeypatch):
    def refuse(path: Path) -> None:
        raise ModelError(f"{path.name} holds a layer that is not known.")

    monkeypatch.setattr(training, "load", refuse)
    with pytest.raises(ModelError, match="not known"):
        train(tiny_config(training={"steps": 1, "eager": True}), data, tmp_path / "out")


def test_early_stopping_ends_with_the_best_weights(tmp_path: Path, data, monkeypatch):
    losses = iter([0.5, 0.3, 0.4, 0.35, 0.2])
    kept = []

    def scores(self, enhance):
        mask, _ = enhance(self.noisy)
        kept.append(mask)
        return {"val_spectral": next(losses), "val_open_ratio": 1.0}

    monkeypatch.setattr("slimse_mcu.training.validation.Validation.scores", scores)
    config = tiny_config(
        gates=False,
        training={"steps": 100, "steps_per_epoch": 1, "learning_rate": 0.1, "eager": True},
        early_stopping={"monitor": "spectral", "patience": 2},
    )
    result = train(config, data, tmp_path / "out")
    assert (result.step, result.finished) == (4, True)
    model = keras.models.load_model(tmp_path / "out" / "model.keras", compile=False)
    clips = draw_validation(data.valid, config.mixing, 1, 0.5)
    mask = model.predict(np.sqrt(np.square(clips.noisy).sum(axis=-1)), verbose=0)
    np.testing.assert_allclose(mask, kept[1], atol=2e-3)
    assert np.abs(mask - kept[3]).max() > 1e-2


def test_gated_network_takes_all_but_its_gates_over(tmp_path: Path):
    for build, sizes in (
        (conv_fsenet, {"bottleneck": 8, "hidden": 12, "stacks": 1, "dilations": (1, 2), "gating_width": 4}),
        (dsn_ftf, {"bands": 8, "encoder": 4, "channels": 6, "key_dim": 2, "policy_features": 4, "policy_hidden": 4}),
    ):
        start, gated = build(**sizes, gates=False, seed=1), build(**sizes, gates=True, seed=2)
        start.save(tmp_path / "start.keras")
        new = take_over(gated, tmp_path / "start.keras")
        names = {layer.name for layer in start.layers}
        assert new == tuple(layer.name for layer in gated.layers if layer.weights and layer.name not in names)
        assert any(isinstance(gated.get_layer(name), ChannelGate | Policy) for name in new)
        for layer in start.layers:
            for a, b in zip(layer.get_weights(), gated.get_layer(layer.name).get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)


def test_starting_point_of_other_sizes_is_refused(tmp_path: Path):
    sizes = {"hidden": 12, "stacks": 1, "dilations": (1,)}
    conv_fsenet(**sizes, bottleneck=8, gates=False).save(tmp_path / "start.keras")
    with pytest.raises(SlimseError, match=r"its layer encode has the shapes \[\(257, 8\)\], not \[\(257, 6\)\]"):
        take_over(conv_fsenet(**sizes, bottleneck=6), tmp_path / "start.keras")
    with pytest.raises(SlimseError, match="its layer s1b0_expand is missing"):
        take_over(conv_fsenet(**{**sizes, "stacks": 2}, bottleneck=8), tmp_path / "start.keras")
    (tmp_path / "broken.keras").write_bytes(b"no zip archive")
    with pytest.raises(SlimseError, match="no Keras model"):
        take_over(conv_fsenet(**sizes, bottleneck=8), tmp_path / "broken.keras")


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


def test_batches_of_a_mixer_depend_on_its_seed_and_their_number_only(data):
    def batch(seed: int, index: int) -> dict[str, np.ndarray]:
        mixer = Mixer(data.sources, Mixing(), seconds=0.3, seed=seed)
        return Batches(mixer, batch=2, last=5, seed=seed)[index][0]

    for key, value in batch(1, 3).items():
        np.testing.assert_array_equal(value, batch(1, 3)[key])
        assert not np.array_equal(value, batch(1, 4)[key])
        assert not np.array_equal(value, batch(2, 3)[key])
