"""int16 features and masks: C against the specification, on emulated cores too, and both against the exact values."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from test_frontend import (
    CORES,
    DRIVER_HEAD,
    Compiled,
    analysed,
    arm_checksum,
    assert_same,
    extremes,
    host_checksum,
    specification,
)

from slimse_mcu import frontend, spectral
from slimse_mcu.graph import FrontEnd, Quantization

GAINS = Quantization(1 / 32768, 0, bits=16)
FINE = Quantization(float(np.float32(8.0 / 32767)), 0, bits=16)
WIDE_DRIVER = (
    DRIVER_HEAD.replace("int8_t features", "int16_t features")
    .replace("int8_t gains", "int16_t gains")
    .replace(
        "gains[n] = (int8_t)((int32_t)(seed >> 24) - 128);", "gains[n] = (int16_t)((int32_t)(seed >> 16) - 32768);"
    )
)
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")
needs_arm = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None,
    reason="the toolchain or the emulator is missing",
)


def front_of(kind: str, **settings: float) -> FrontEnd:
    return FrontEnd(features=kind, mask=kind, **settings)  # type: ignore[arg-type]


@needs_gcc
@pytest.mark.parametrize("kind", spectral.FEATURES)
@pytest.mark.parametrize(("fft", "exponent", "epsilon"), [(64, 0.05, 0.0), (512, 0.3, 1e-9), (2048, 1.0, 1e-2)])
def test_c_equals_the_specification(kind: str, fft: int, exponent: float, epsilon: float, tmp_path: Path) -> None:
    front = front_of(kind, fft=fft, hop=fft // 2, exponent=exponent, epsilon=epsilon)
    library = Compiled(
        tmp_path, front, "-O2", "-fsanitize=undefined", "-fno-sanitize-recover", gains=GAINS, feature=FINE
    )
    rng = np.random.default_rng(fft)
    for pcm in extremes(front.hop).values():
        mask = rng.integers(-32768, 32768, (3, front.outputs)).astype(np.int16)
        assert_same(library.run(pcm, mask), specification(front, pcm, mask, GAINS, FINE))


@needs_gcc
@pytest.mark.parametrize("wide", ["features", "mask"])
def test_one_side_may_be_wide_alone(wide: str, tmp_path: Path) -> None:
    feature = FINE if wide == "features" else Quantization(4e-3, -128)
    gains = GAINS if wide == "mask" else Quantization(1 / 256, -128)
    library = Compiled(tmp_path, FrontEnd(), "-O2", gains=gains, feature=feature)
    rng = np.random.default_rng(3)
    pcm = rng.integers(-32768, 32768, (9, 256)).astype(np.int16)
    mask = rng.integers(gains.lowest, gains.highest + 1, (9, 257)).astype(gains.dtype)
    assert_same(library.run(pcm, mask), specification(FrontEnd(), pcm, mask, gains, feature))


@needs_arm
@pytest.mark.parametrize("kind", spectral.FEATURES)
@pytest.mark.parametrize("machine", CORES)
def test_arm_gives_the_same_bits(machine: str, kind: str, tmp_path: Path) -> None:
    wanted = host_checksum(tmp_path, front_of(kind), WIDE_DRIVER, gains=GAINS, feature=FINE)
    assert arm_checksum(tmp_path, machine, WIDE_DRIVER) == wanted.strip()


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
    front, pcm = front_of(kind, exponent=exponent, epsilon=epsilon), noise()
    real, spectrum = frontend.float_analyse(front, pcm)
    feature = Quantization(float(np.float32(np.abs(real).max() / 32767)), 0, bits=16)
    got = analysed(front, feature, pcm)
    assert got.dtype == np.int16
    heard = np.repeat(np.abs(spectrum) > 1e-2, 2 if kind == "complex" else 1, axis=1)
    wanted = real.astype(np.float64) / feature.scale
    assert np.abs(got - wanted)[heard].max() < 0.75
    assert np.abs(got - wanted).max() < 2.0


def test_silence_has_the_feature_of_epsilon() -> None:
    got = analysed(FrontEnd(), FINE, np.zeros(512, "i2"))
    assert np.all(got == round(1e-9**0.3 / FINE.scale))


def test_features_beyond_the_range_saturate() -> None:
    coarse = Quantization(1e-7, 0, bits=16)
    pcm = np.random.default_rng(6).integers(-32768, 32768, 2560).astype(np.int16)
    got = analysed(front_of("complex"), coarse, pcm)
    assert set(np.unique(got)) >= {-32768, 32767}


def test_a_wide_mask_that_reaches_too_far_is_refused() -> None:
    with pytest.raises(frontend.ModelError, match="reaches a gain"):
        frontend.tables(FrontEnd(), FINE, Quantization(1e3, 0, bits=16))
