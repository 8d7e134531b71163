"""The front and back end with Helium equals the portable C, at every length and at the edges of what int16 holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from audio_device import CORES, FFTS, Setting, arm_checksum, extremes, host_checksum
from conftest import needs_arm, needs_qemu

from slimse_mcu import assets
from slimse_mcu.dsp import complex_f32, stft_f32
from slimse_mcu.dsp.complex_f32 import Complex
from slimse_mcu.graph import FrontEnd, Quantization


@needs_arm
@needs_qemu
@pytest.mark.parametrize("fft", FFTS)
def test_helium_gives_the_same_bits(fft: int, tmp_path: Path) -> None:
    setting = Setting(FrontEnd(fft=fft, hop=fft // 2, exponent=0.5 if fft == 64 else 0.3))
    assert arm_checksum(tmp_path / "arm", CORES["m55"], setting) == host_checksum(tmp_path / "host", setting)


@needs_arm
@needs_qemu
def test_helium_saturates_like_the_portable_c(tmp_path: Path) -> None:
    """Gains up to 500: what comes out is far beyond int16, and below 2**31 before it is cut off."""
    setting = replace(Setting(), gains=Quantization(scale=500 / 128, zero_point=0))
    assert arm_checksum(tmp_path / "arm", CORES["m55"], setting) == host_checksum(tmp_path / "host", setting)


@pytest.mark.parametrize("fft", FFTS)
def test_no_square_is_so_small_that_helium_would_take_it_as_zero(fft: int, monkeypatch: pytest.MonkeyPatch) -> None:
    least = [1.0]

    def watched(function: Callable[[Complex, Complex], Complex]) -> Callable[[Complex, Complex], Complex]:
        def watch(a: Complex, b: Complex) -> Complex:
            result = function(a, b)
            for part in (*a, *b, *result):
                magnitudes = np.abs(part)
                least.append(float(np.min(magnitudes, where=magnitudes > 0, initial=1.0)))
            return result

        return watch

    for module, name in product((complex_f32, stft_f32), ("total", "difference", "product", "product_conjugate")):
        monkeypatch.setattr(module, name, watched(getattr(module, name)))
    rng, setting = np.random.default_rng(fft), Setting(FrontEnd(fft=fft, hop=fft // 2))
    faint = [rng.integers(-1, 2, (3, fft // 2)), rng.random((3, fft // 2)) < 0.01]
    for pcm in (*extremes(fft // 2).values(), *faint):
        setting.run(pcm.astype(np.int16), rng.integers(-128, 128, (3, fft // 2 + 1)).astype(np.int8))
    assert min(least) > 2.0**-60


@pytest.mark.parametrize("name", [path.name for path in sorted((assets.path("firmware") / "dsp").glob("*.c"))])
def test_optimised_files_replace_by_name(name: str) -> None:
    """What kernels_mve has of a name comes into a project for the M55, and the portable file into others."""
    from slimse_mcu.runtime import audio_files

    firmware = assets.path("firmware")
    optimised = firmware / "kernels_mve" / name
    expected = optimised if optimised.is_file() else firmware / "dsp" / name
    for kernels, path in ((CORES["m55"].kernels, expected), (("kernels",), firmware / "dsp" / name)):
        assert audio_files([name.removesuffix(".c")], kernels)[f"dsp/{name}"] == path.read_text()
