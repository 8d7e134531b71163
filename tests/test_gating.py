"""How training leads the share of open gates: targets by clip and by kind of frame, and how the policy cools."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from slimse_mcu.models import Policy, conv_fsenet, dsn_ftf  # noqa: E402
from slimse_mcu.training.gating import FrameKinds, Gating, MetricGuidance, gate_layers  # noqa: E402
from slimse_mcu.training.spectra import BINS, stft  # noqa: E402
from slimse_mcu.training.task import EnhancementTask  # noqa: E402


def clips_at(*ratios_db: float, frames: int = 10, gain: float = 1.0) -> dict[str, np.ndarray]:
    """A batch of clips of noise in noise; a ratio of -inf is a clip without speech."""
    rng = np.random.default_rng(6)
    speech, noise = rng.normal(size=(2, len(ratios_db), frames, BINS, 2)).astype(np.float32)
    gains = 10 ** (np.array(ratios_db, np.float32)[:, None, None, None] / 20)
    return {"speech": speech * gains, "noise": noise, "gain": np.full((len(ratios_db), 1, 1), gain, np.float32)}


def evenly(*shares: float, frames: int = 10) -> np.ndarray:
    """The same share in all frames of a clip, ``[batch, time]``."""
    return np.repeat(np.array(shares, np.float32)[:, None], frames, axis=1)


def test_target_share_falls_with_the_signal_to_noise_ratio_of_each_clip():
    guidance = MetricGuidance(least=0.2, most=0.8, easy_db=20.0, hard_db=-5.0)
    target = np.asarray(guidance.target(clips_at(-np.inf, -10.0, -5.0, 7.5, 20.0, 30.0)))
    np.testing.assert_allclose(target, [0.8, 0.8, 0.8, 0.5, 0.2, 0.2], atol=5e-3)


def test_opinion_of_the_noisy_input_takes_the_place_of_the_ratio():
    guidance = MetricGuidance(least=0.2, most=0.8, easy_ovrl=3.0, hard_ovrl=1.0)
    inputs = {**clips_at(30.0, 30.0, 30.0), "ovrl": np.array([0.9, 2.0, 4.0], np.float32)[:, None, None]}
    np.testing.assert_allclose(guidance.target(inputs), [0.8, 0.5, 0.2], atol=1e-6)


def test_guidance_asks_more_of_all_clips_at_first_and_cools_down():
    guidance = MetricGuidance(start=0.9, ramp_steps=100, warm=2.0, cold=0.5, cool_steps=200, fade_steps=400)
    inputs = clips_at(-5.0, 20.0)
    assert float(guidance.loss(evenly(0.9, 0.9), inputs, 0.0)) == pytest.approx(0.0, abs=1e-6)
    assert float(guidance.loss(evenly(0.8, 0.2), inputs, 100.0)) == pytest.approx(0.0, abs=1e-4)
    assert float(guidance.loss(evenly(0.5, 0.5), inputs, 500.0)) == pytest.approx(0.09, abs=1e-3)
    temperatures, noises = zip(*(guidance.annealing(np.float32(step)) for step in (0, 100, 200, 999)), strict=True)
    np.testing.assert_allclose(temperatures, [2.0, 1.0, 0.5, 0.5], rtol=1e-5)
    np.testing.assert_allclose(noises, [1.0, 0.75, 0.5, 0.0], rtol=1e-5)
    assert MetricGuidance().annealing(np.float32(5000))[1] == 1.0


def speech_then_pause_then_silence() -> dict[str, np.ndarray]:
    """One clip: 20 frames of a loud tone in noise, 20 of noise alone, 20 of next to nothing."""
    rng = np.random.default_rng(1)
    time = np.arange(60 * 256)
    speech = np.where(time < 20 * 256, 0.1 * np.sin(0.3 * time), 0.0).astype(np.float32)
    noise = rng.normal(0.0, np.where(time < 40 * 256, 0.01, 1e-5)).astype(np.float32)
    parts = {"speech": stft(speech), "noise": stft(noise)}
    batch = {name: np.stack([one.real, one.imag], axis=-1)[None].astype(np.float32) for name, one in parts.items()}
    return {**batch, "gain": np.ones((1, 1, 1), np.float32)}


def test_every_frame_is_of_one_kind_and_of_the_right_one():
    kinds = FrameKinds.of(speech_then_pause_then_silence())
    speech, pause, quiet = (np.asarray(kind)[0] for kind in (kinds.speech, kinds.pause, kinds.quiet))
    np.testing.assert_array_equal(speech + pause + quiet, 1.0)
    assert speech[1:20].all()
    assert pause[21:40].all()
    assert quiet[41:].all()


def test_a_quieter_input_is_silence_where_a_louder_one_is_a_pause():
    inputs = clips_at(-np.inf, gain=1e-2)
    assert np.asarray(FrameKinds.of({**inputs, "gain": inputs["gain"] * 100.0}).pause).all()
    assert np.asarray(FrameKinds.of({**inputs, "gain": inputs["gain"] * 1e-3}).quiet).all()


def test_guidance_asks_less_in_pauses_and_nothing_in_silence():
    guidance = MetricGuidance(least=0.2, most=0.8, easy_db=40.0, hard_db=39.0, pause=0.5, ramp_steps=0)
    share = np.repeat([0.8, 0.4, 0.0], 20)[None].astype(np.float32)
    inputs = speech_then_pause_then_silence()
    edges = float(guidance.loss(share, inputs, 10.0))  # a frame in which the pause begins belongs to the speech
    assert edges < 2e-3
    assert float(guidance.loss(share[:, ::-1], inputs, 10.0)) > 0.2
    assert float(guidance.loss(np.full_like(share, 0.4), inputs, 10.0)) > 0.05


def test_one_target_binds_the_mean_of_all_frames_only():
    guidance = Gating(target=0.25, start=0.5, ramp_steps=10)
    uneven = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]], np.float32)
    assert float(guidance.loss(uneven, {}, 10.0)) == pytest.approx(0.0, abs=1e-7)
    assert float(guidance.loss(uneven, {}, 0.0)) == pytest.approx(0.0625)


def test_one_target_may_give_pauses_less_and_speech_what_that_saves():
    guidance = Gating(target=0.2, pause=0.5, ramp_steps=0)
    inputs = speech_then_pause_then_silence()  # a third of the frames each: 0.4, 0.2 and 0
    share = np.repeat([0.4, 0.2, 0.0], 20)[None].astype(np.float32)
    assert float(guidance.loss(share, inputs, 1.0)) < 1e-3
    assert float(guidance.loss(share[:, ::-1], inputs, 1.0)) > 0.05
    assert float(guidance.loss(np.full_like(share, 0.2), inputs, 1.0)) > 0.02


def small_dsn(**options):
    return dsn_ftf(bands=16, encoder=4, channels=12, key_dim=4, policy_features=8, policy_hidden=6, **options)


@pytest.mark.parametrize("guidance", [MetricGuidance(warm=3.0), Gating(warm=3.0, cold=0.5, cool_steps=10)])
def test_gates_of_both_kinds_are_led_and_the_policy_cools(guidance):
    network = small_dsn()
    task = EnhancementTask(network, guidance)
    task.compile(optimizer=keras.optimizers.Adam(1e-3), jit_compile=False)
    (policy,) = gate_layers(network)
    assert isinstance(policy, Policy)
    assert [float(one) for one in policy.annealed()] == pytest.approx([3.0, 1.0])
    assert len(gate_layers(conv_fsenet(bottleneck=2, hidden=2, stacks=1, dilations=(1, 2)))) == 2


@pytest.mark.slow
def test_a_few_steps_teach_the_policy_to_open_more_for_noisier_clips():
    guidance = MetricGuidance(
        least=0.1, most=0.9, easy_db=15.0, hard_db=0.0, start=0.5, ramp_steps=10, weight=30.0, warm=0.5
    )
    task = EnhancementTask(small_dsn(), guidance)
    task.compile(optimizer=keras.optimizers.Adam(1e-2), jit_compile=False)
    task.optimizer.build(task.trainable_variables)  # or the graph would be traced once with and once without it
    ratios = np.random.default_rng(2).uniform(-5.0, 20.0, (60, 8))
    for step in range(400):
        task.train_on_batch(clips_at(*ratios[step % len(ratios)], frames=5), np.zeros((8, 1), np.float32))
    inputs = clips_at(*np.linspace(-5.0, 20.0, 32), frames=5)
    share, target = np.asarray(task(inputs)["share"]).mean(axis=1), np.asarray(guidance.target(inputs))
    assert np.corrcoef(share, target)[0, 1] > 0.7
    assert share.mean() == pytest.approx(target.mean(), abs=0.2)
