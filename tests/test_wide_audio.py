"""int16 features and masks: C against the specification, on emulated cores too, and both against the exact values."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from audio_device import (
    CORES,
    WIDE_FEATURE,
    WIDE_MASK,
    Compiled,
    Setting,
    arm_checksum,
    assert_same,
    extremes,
    host_checksum,
)

from slimse_mcu import frontend, spectral
from slimse_mcu.errors import ModelError
from slimse_mcu.graph import FrontEnd, Quantization

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")
needs_arm = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None,
    reason="the toolchain or the emulator is missing",
)


def wide(kind: str, given: Quantization = WIDE_FEATURE, **settings: float) -> Setting:
    front = FrontEnd(features=kind, mask=kind, **settings)  # type: ignore[arg-type]
    return Setting(front, WIDE_MASK, given)


@needs_gcc
@pytest.mark.parametrize("kind", spectral.FEATURES)
@pytest.mark.parametrize(("fft", "exponent", "epsilon"), [(64, 0.05, 0.0), (512, 0.3, 1e-9), (2048, 1.0, 1e-2)])
def test_c_equals_the_specification(kind: str, fft: int, exponent: float, epsilon: float, tmp_path: Path) -> None:
    setting = wide(kind, fft=fft, hop=fft // 2, exponent=exponent, epsilon=epsilon)
    library = Compiled(tmp_path, setting, "-O2", "-fsanitize=undefined", "-fno-sanitize-recover")
    rng = np.random.default_rng(fft)
    for pcm in extremes(setting.front.hop).values():
        mask = rng.integers(-32768, 32768, (3, setting.front.outputs)).astype(np.int16)
        assert_same(library.run(pcm, mask), setting.run(pcm, mask))


@needs_gcc
@pytest.mark.parametrize("side", ["features", "mask"])
def test_one_side_may_be_wide_alone(side: str, tmp_path: Path) -> None:
    feature = WIDE_FEATURE if side == "features" else Quantization(4e-3, -128)
    gains = WIDE_MASK if side == "mask" else Quantization(1 / 256, -128)
    setting = Setting(FrontEnd(), gains, feature)
    library = Compiled(tmp_path, setting, "-O2")
    rng = np.random.default_rng(3)
    pcm = rng.integers(-32768, 32768, (9, 256)).astype(np.int16)
    mask = rng.integers(gains.lowest, gains.highest + 1, (9, 257)).astype(gains.dtype)
    assert_same(library.run(pcm, mask), setting.run(pcm, mask))


@needs_arm
@pytest.mark.parametrize("kind", spectral.FEATURES)
@pytest.mark.parametrize("core", [name for name in CORES if name != "m0plus"])
def test_arm_gives_the_same_bits(core: str, kind: str, tmp_path: Path) -> None:
    setting = wide(kind)
    assert arm_checksum(tmp_path / "arm", CORES[core], setting) == host_checksum(tmp_path / "host", setting)


def noise() -> np.ndarray:
    """Noise of four levels, then silence."""
    rng = np.random.default_rng(4)
    parts = [rng.normal(0, level, 256 * 40) for level in (0.3, 10, 300, 9000)]
    return np.append(np.concatenate(parts).round().clip(-32768, 32767), np.zeros(1024)).astype(np.int16)


@pytest.mark.parametrize("epsilon", [1e-9, 1e-3, 0.0])
@pytest.mark.parametrize("exponent", [0.3, 0.5, 1.0, 0.05])
@pytest.mark.parametrize("kind", spectral.FEATURES)
def test_features_are_the_rounded_compression(kind: str, exponent: float, epsilon: float) -> None:
    """Within three quarters of a step where the float32 transform is exact enough."""
    setting, pcm = wide(kind, exponent=exponent, epsilon=epsilon), noise()
    front = setting.front
    real, spectrum = frontend.float_analyse(front, pcm)
    feature = Quantization(float(np.float32(np.abs(real).max() / 32767)), 0, bits=16)
    got = wide(kind, feature, exponent=exponent, epsilon=epsilon).features(pcm)
    assert got.dtype == np.int16
    heard = np.repeat(np.abs(spectrum) > 1e-2, 2 if kind == "complex" else 1, axis=1)
    wanted = real.astype(np.float64) / feature.scale
    assert np.abs(got - wanted)[heard].max() < 0.75
    assert np.abs(got - wanted).max() < 2.0


def test_silence_has_the_feature_of_epsilon() -> None:
    got = wide("magnitude").features(np.zeros(512, np.int16))
    assert np.all(got == round(1e-9**0.3 / WIDE_FEATURE.scale))


def test_features_beyond_the_range_saturate() -> None:
    coarse = Quantization(1e-7, 0, bits=16)
    pcm = np.random.default_rng(6).integers(-32768, 32768, 2560).astype(np.int16)
    got = wide("complex", coarse).features(pcm)
    assert set(np.unique(got)) >= {-32768, 32767}


def test_a_wide_mask_that_reaches_too_far_is_refused() -> None:
    with pytest.raises(ModelError, match="reaches a gain"):
        frontend.audio_path(FrontEnd(), WIDE_FEATURE, Quantization(1e3, 0, bits=16))
