"""The audio front and back end: C equals the NumPy specification bit for bit, and both are right."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audio_device import (
    COMPLEX,
    CORES,
    FEATURE,
    FFTS,
    FRONTS,
    MASK,
    TURN,
    Compiled,
    Setting,
    arm_checksum,
    assert_same,
    check_with_sanitizers,
    extremes,
    host_checksum,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from slimse_mcu import frontend as fe
from slimse_mcu import spectral
from slimse_mcu.dsp.features_f32 import MagnitudeFeatures
from slimse_mcu.errors import ModelError
from slimse_mcu.graph import FrontEnd, Quantization


@pytest.fixture(scope="module", params=["-O2", "-O3", "complex"])
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    folder = tmp_path_factory.mktemp("audio")
    if request.param == "complex":
        return Compiled(folder, Setting(COMPLEX, TURN), "-O3")
    return Compiled(folder, Setting(), request.param)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_c_equals_the_specification(compiled: Compiled, data: st.DataObject) -> None:
    samples = st.one_of(st.sampled_from([-32768, -1, 0, 1, 32767]), st.integers(-32768, 32767))
    frames = data.draw(st.integers(1, 4))
    pcm = data.draw(arrays(np.int16, (frames, 256), elements=samples))
    mask = data.draw(arrays(np.int8, (frames, compiled.setting.front.outputs)))
    assert_same(compiled.run(pcm, mask), compiled.setting.run(pcm, mask))


@pytest.mark.parametrize("kind", spectral.FEATURES)
@pytest.mark.parametrize("fft", FFTS)
def test_extremes_of_every_length(fft: int, kind: str, tmp_path: Path) -> None:
    setting = Setting(FrontEnd(fft=fft, hop=fft // 2, exponent=0.5, features=kind, mask=kind))
    library = Compiled(tmp_path, setting, "-O2", "-fsanitize=undefined", "-fno-sanitize-recover")
    rng = np.random.default_rng(fft)
    for pcm in extremes(setting.front.hop).values():
        mask = rng.integers(-128, 128, (3, setting.front.outputs)).astype(np.int8)
        assert_same(library.run(pcm, mask), setting.run(pcm, mask))


def test_all_mask_values_and_saturation(tmp_path: Path) -> None:
    loud = Setting(gains=Quantization(scale=0.02, zero_point=-100))
    library = Compiled(tmp_path, loud, "-O2")
    pcm = np.random.default_rng(2).integers(-32768, 32768, (40, 256)).astype(np.int16)
    mask = (np.arange(40 * 257).reshape(40, 257) % 256 - 128).astype(np.int8)
    got = library.run(pcm, mask)
    assert_same(got, loud.run(pcm, mask))
    assert got[2].max() == 32767
    assert got[2].min() == -32768


@pytest.mark.parametrize("front", FRONTS, ids=spectral.FEATURES)
def test_sanitizers_find_nothing(front: FrontEnd, tmp_path: Path) -> None:
    check_with_sanitizers(tmp_path, Setting(front))


def test_unit_mask_gives_the_input_back_one_hop_later() -> None:
    unit = Quantization(scale=1 / 128, zero_point=0)
    pcm = np.random.default_rng(3).integers(-20000, 20000, (50, 256)).astype(np.int16)
    mask = np.full((50, 257), 127, np.int8)
    exact = Quantization(scale=float(np.float32(1 / 127)), zero_point=0)
    for mask_quantization, gain in ((exact, 1.0), (unit, 127 / 128)):
        out = Setting(gains=mask_quantization).run(pcm, mask)[2].reshape(-1)
        error = out[256:] - gain * pcm.reshape(-1)[:-256]
        assert np.abs(error).max() <= 0.51
        assert 10 * np.log10(np.mean((gain * pcm.astype(float)) ** 2) / (np.mean(error**2) + 1e-9)) > 80


@pytest.mark.parametrize("exponent", [0.3, 0.5, 1.0, 0.1])
def test_features_are_the_rounded_compression(exponent: float) -> None:
    front = FrontEnd(exponent=exponent)
    top = (256 + 1e-9) ** exponent
    feature = Quantization(scale=float(np.float32(top / 255)), zero_point=-128)
    rng = np.random.default_rng(4)
    noise = np.concatenate([rng.normal(0, level, 256 * 40) for level in (0.3, 10, 300, 9000)])
    pcm = noise.round().clip(-32768, 32767).astype(np.int16)
    got = Setting(front, given=feature).features(pcm)
    wanted = fe.float_analyse(front, pcm)[0].astype(np.float64) / feature.scale + feature.zero_point
    # Exactly rounded, but for the float32 error of the transform.
    assert np.abs(got - wanted).max() < 0.5 + 2e-3


def test_compression_steps_are_exact_in_float64() -> None:
    """Each threshold is the power at which the float64 feature crosses from one integer to the next."""
    front = FrontEnd()
    bits = MagnitudeFeatures.of(front, FEATURE).steps.thresholds
    power = bits[bits < 0xFFFFFFFF].view(np.float32).astype(np.float64)
    assert len(power) == 255
    magnitude = np.sqrt(power / 4) / 32768
    crossing = (magnitude + 1e-9) ** 0.3 / FEATURE.scale + FEATURE.zero_point
    np.testing.assert_allclose(crossing[1:], np.arange(-126, 128) - 0.5, rtol=0, atol=1e-5)
    assert power[0] > 0
    assert np.all(np.diff(power) > 0)


def test_silence_has_the_feature_of_epsilon() -> None:
    fine = Quantization(scale=1e-4, zero_point=-128)
    got = Setting(FrontEnd(), given=fine).features(np.zeros(512, np.int16))
    assert np.all(got == -128 + round(1e-9**0.3 / 1e-4))


# ---- complex features and masks ------------------------------------------------------------------------------


@pytest.mark.parametrize("epsilon", [1e-9, 1e-3, 0.0])
@pytest.mark.parametrize("exponent", [0.3, 0.5, 1.0, 0.05])
def test_complex_features_are_the_rounded_compression(exponent: float, epsilon: float) -> None:
    front = FrontEnd(exponent=exponent, epsilon=epsilon, features="complex")
    feature = Quantization(scale=float(np.float32(100**exponent / 127)), zero_point=-9)
    rng = np.random.default_rng(4)
    noise = np.concatenate([rng.normal(0, level, 256 * 40) for level in (0.3, 10, 300, 9000)])
    pcm = np.append(noise.round().clip(-32768, 32767), np.zeros(1024)).astype(np.int16)
    got = Setting(front, given=feature).features(pcm)
    real, spectrum = fe.float_analyse(front, pcm)
    wanted = (real.astype(np.float64) / feature.scale + feature.zero_point).clip(-128, 127)
    heard = np.repeat(np.abs(spectrum) > 1e-5, 2, axis=1)  # below, the float32 transform's own error
    assert np.abs(got - wanted)[heard].max() < 0.52
    np.testing.assert_array_equal(got[-2:], feature.zero_point)  # silence is exactly 0
    np.testing.assert_array_equal(got[:, [1, -1]], feature.zero_point)  # bins 0 and hop are real


def test_complex_features_have_magnitude_and_phase_of_the_bin() -> None:
    rng = np.random.default_rng(5)
    pcm = rng.normal(0, 3000, 256 * 20).astype(np.int16)
    real, spectrum = fe.float_analyse(COMPLEX, pcm)
    both = real[:, 0::2] + 1j * real[:, 1::2]
    np.testing.assert_allclose(np.abs(both), np.abs(spectrum) ** 0.3, rtol=1e-5)
    np.testing.assert_allclose(np.angle(both * spectrum.conj()), 0.0, atol=1e-6)


@pytest.mark.parametrize("zero_point", [-128, 127])
def test_complex_features_saturate(zero_point: int) -> None:
    feature = Quantization(scale=1e-3, zero_point=zero_point)
    pcm = np.random.default_rng(6).integers(-32768, 32768, 2560).astype(np.int16)
    got = Setting(COMPLEX, given=feature).features(pcm)
    assert set(np.unique(got)) >= {-128 if zero_point > 0 else zero_point, 127 if zero_point < 0 else zero_point}


def test_complex_mask_turns_the_spectrum() -> None:
    """A gain of i turns each bin by a quarter; the two real bins keep the real part only."""
    front = FrontEnd(mask="complex")
    quarter = Quantization(scale=float(np.float32(1 / 127)), zero_point=0)
    pcm = np.random.default_rng(7).normal(0, 3000, (20, 256)).astype(np.int16)
    mask = np.tile(np.array([0, 127], np.int8), (20, 257))
    out = Setting(front, quarter).run(pcm, mask)[2]
    _, spectrum = fe.float_analyse(front, pcm.reshape(-1))
    wanted = fe.float_synthesise(FrontEnd(), np.ones((20, 257)), spectrum * 1j)
    assert np.abs(out.reshape(-1) - 32768 * wanted).max() < 0.51


def test_complex_mask_without_imaginary_part_is_a_magnitude_mask() -> None:
    pcm = np.random.default_rng(8).integers(-9000, 9000, (9, 256)).astype(np.int16)
    gains = np.random.default_rng(9).integers(-128, 128, (9, 257)).astype(np.int8)
    both = np.stack([gains, np.full_like(gains, MASK.zero_point)], axis=-1).reshape(9, -1)
    real = Setting().run(pcm, gains)[2]
    np.testing.assert_array_equal(Setting(FrontEnd(mask="complex")).run(pcm, both)[2], real)


@pytest.mark.parametrize("exponent", [0.3, 1.0])
def test_keras_layer_computes_the_features_of_the_float_twin(exponent: float) -> None:
    pytest.importorskip("keras")
    from slimse_mcu.models import SpectralFrontEnd

    pcm = np.append(np.random.default_rng(10).normal(0, 3000, 256 * 9), np.zeros(512)).astype(np.int16)
    for kind in spectral.FEATURES:
        front = FrontEnd(exponent=exponent, epsilon=1e-4, features=kind)
        real, spectrum = fe.float_analyse(front, pcm)
        seen = np.stack([spectrum.real, spectrum.imag], axis=-1) if kind == "complex" else np.abs(spectrum)
        layer = SpectralFrontEnd(exponent=exponent, epsilon=1e-4, features=kind)
        got = np.asarray(layer(seen[None].astype(np.float32)))
        assert got.shape == (1, *seen.shape)
        np.testing.assert_allclose(got.reshape(real.shape), real, rtol=1e-4, atol=1e-6)
        assert SpectralFrontEnd.from_config(layer.get_config()).get_config() == layer.get_config()


def test_frame_by_frame_equals_all_at_once() -> None:
    path = Setting().path
    rng = np.random.default_rng(5)
    pcm = rng.integers(-32768, 32768, 256 * 9).astype(np.int16)
    mask = rng.integers(-128, 128, (9, 257)).astype(np.int8)
    whole, parts = path.start(), path.start()
    features, spectrum = path.analyse(whole, pcm)
    out = path.synthesise(whole, mask, spectrum)
    for n in range(9):
        one, spectrum_one = path.analyse(parts, pcm[256 * n : 256 * (n + 1)])
        samples = path.synthesise(parts, mask[n : n + 1], spectrum_one)
        np.testing.assert_array_equal(one[0], features[n])
        np.testing.assert_array_equal(samples, out[256 * n : 256 * (n + 1)])


@pytest.mark.parametrize("front", FRONTS, ids=spectral.FEATURES)
def test_float_twin_agrees_with_the_device(front: FrontEnd) -> None:
    rng = np.random.default_rng(6)
    pcm = rng.integers(-9000, 9000, 256 * 30).astype(np.int16)
    mask = rng.integers(-128, 128, (30, front.outputs)).astype(np.int8)
    device = Setting(front).run(pcm.reshape(30, 256), mask)[2].reshape(-1)
    _, spectrum = fe.float_analyse(front, pcm)
    audio = fe.float_synthesise(front, (mask.astype(float) + 128) / 256, spectrum)
    assert np.abs(audio * 32768 - device).max() < 0.51


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fft": 500, "hop": 250}, "power of two"),
        ({"fft": 4096, "hop": 2048}, "64 to 2048"),
        ({"hop": 128}, "half the fft"),
        ({"window": "hamming"}, "sqrt_hann"),
        ({"mask": "phase"}, "'magnitude' or 'complex'"),
        ({"features": "real"}, "'magnitude' or 'complex'"),
        ({"exponent": 0.0}, "exponent"),
        ({"epsilon": float("nan")}, "epsilon"),
        ({"sample_rate_hz": 0}, "rate"),
        ({"sample_rate_hz": 10**9}, "rate"),  # calibration audio would be resampled to it
    ],
)
def test_unsupported_front_ends_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        fe.audio_path(FrontEnd(**changes), FEATURE, MASK)


def test_absurd_mask_is_refused() -> None:
    with pytest.raises(ModelError, match="gain"):
        fe.audio_path(FrontEnd(), FEATURE, Quantization(scale=1e30, zero_point=0))


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize("front", FRONTS, ids=spectral.FEATURES)
@pytest.mark.parametrize("core", [name for name in CORES if name != "m0plus"])
def test_arm_gives_the_same_bits(core: str, front: FrontEnd, tmp_path: Path) -> None:
    setting = Setting(front)
    assert arm_checksum(tmp_path / "arm", CORES[core], setting) == host_checksum(tmp_path / "host", setting)
