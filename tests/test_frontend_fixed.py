"""The front and back end in integers: C equals the NumPy specification, nothing overflows, and the audio is right."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from audio_device import (
    CORES,
    FEATURE,
    FFTS,
    MASK,
    PARTS,
    TURN,
    WIDE_FEATURE,
    WIDE_MASK,
    Compiled,
    Setting,
    arm_checksum,
    assert_same,
    check_with_sanitizers,
    extremes,
    host_checksum,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from slimse_mcu import frontend as fe
from slimse_mcu import spectral
from slimse_mcu.dsp import complex_s32, stft_s32
from slimse_mcu.dsp.features_s32 import FRACTION_BITS, bit_length, number_from, number_of
from slimse_mcu.errors import ModelError
from slimse_mcu.graph import FrontEnd, Quantization
from slimse_mcu.harness.audio import read_audio

DATA = Path(__file__).resolve().parent / "data"
UNIT = Quantization(scale=float(np.float32(1 / 127)), zero_point=0)


def fixed(kind: str = "magnitude", bits: int = 8, given: Quantization | None = None, **front: Any) -> Setting:
    gains = {8: TURN if kind == "complex" else MASK, 16: WIDE_MASK}[bits]
    feature = {8: PARTS if kind == "complex" else FEATURE, 16: WIDE_FEATURE}[bits]
    return Setting(FrontEnd(features=kind, mask=kind, **front), gains, given or feature, "fixed")


def noise() -> np.ndarray[Any, Any]:
    """Noise of four levels, then silence."""
    rng = np.random.default_rng(4)
    parts = [rng.normal(0, level, 256 * 40) for level in (0.3, 10, 300, 9000)]
    return np.append(np.concatenate(parts).round().clip(-32768, 32767), np.zeros(1024)).astype(np.int16)


def snr_db(wanted: np.ndarray[Any, Any], got: np.ndarray[Any, Any]) -> float:
    wanted = wanted.astype(float)
    return float(10 * np.log10(np.sum(wanted**2) / (np.sum((got - wanted) ** 2) + 1e-9)))


# ---- C and specification -----------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[*product(spectral.FEATURES, (8, 16))], ids=lambda p: f"{p[0]}-{p[1]}")
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return Compiled(tmp_path_factory.mktemp("audio"), fixed(*request.param), "-O3")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_c_equals_the_specification(compiled: Compiled, data: st.DataObject) -> None:
    samples = st.one_of(st.sampled_from([-32768, -1, 0, 1, 32767]), st.integers(-32768, 32767))
    frames = data.draw(st.integers(1, 4))
    setting = compiled.setting
    pcm = data.draw(arrays(np.int16, (frames, 256), elements=samples))
    mask = data.draw(arrays(setting.gains.dtype, (frames, setting.front.outputs)))
    assert_same(compiled.run(pcm, mask), setting.run(pcm, mask))


@pytest.mark.parametrize(("kind", "bits"), [("magnitude", 8), ("complex", 16)])
@pytest.mark.parametrize("fft", FFTS)
def test_extremes_of_every_length(fft: int, kind: str, bits: int, tmp_path: Path) -> None:
    setting = fixed(kind, bits, fft=fft, hop=fft // 2, exponent=0.5, epsilon=1e-3)
    library = Compiled(tmp_path, setting, "-O2", "-fsanitize=undefined", "-fno-sanitize-recover")
    rng = np.random.default_rng(fft)
    for pcm in extremes(setting.front.hop).values():
        mask = rng.integers(setting.gains.lowest, setting.gains.highest + 1, (3, setting.front.outputs))
        mask = mask.astype(setting.gains.dtype)
        assert_same(library.run(pcm, mask), setting.run(pcm, mask))


def test_all_mask_values_and_saturation(tmp_path: Path) -> None:
    loud = replace(fixed(), gains=Quantization(scale=0.02, zero_point=-100))
    pcm = np.random.default_rng(2).integers(-32768, 32768, (40, 256)).astype(np.int16)
    mask = (np.arange(40 * 257).reshape(40, 257) % 256 - 128).astype(np.int8)
    got = Compiled(tmp_path, loud, "-O2").run(pcm, mask)
    assert_same(got, loud.run(pcm, mask))
    assert got[2].max() == 32767
    assert got[2].min() == -32768


@pytest.mark.parametrize(("kind", "bits"), [*product(spectral.FEATURES, (8, 16))])
def test_sanitizers_find_nothing(kind: str, bits: int, tmp_path: Path) -> None:
    check_with_sanitizers(tmp_path, fixed(kind, bits))


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize(("kind", "bits"), [*product(spectral.FEATURES, (8, 16))])
def test_arm_gives_the_same_bits(kind: str, bits: int, tmp_path: Path) -> None:
    setting = fixed(kind, bits)
    wanted = host_checksum(tmp_path / "host", setting)
    for core in ("m0plus", "m3", "m4", "m55") if bits == 8 else ("m0plus", "m3"):
        assert arm_checksum(tmp_path / core, CORES[core], setting) == wanted


# ---- nothing overflows -------------------------------------------------------------------------------------


class _Greatest:
    """Watches what the specification computes with."""

    def __init__(self) -> None:
        self.found = 0

    def watch(self, function: Any) -> Any:
        def watched(a: complex_s32.ComplexInt, b: complex_s32.ComplexInt) -> complex_s32.ComplexInt:
            result = function(a, b)
            self.found = max(self.found, *(int(np.abs(part).max()) for one in (a, b, result) for part in one))
            return result

        return watched


@pytest.mark.parametrize("fft", FFTS)
def test_no_number_needs_more_than_32_bits(fft: int) -> None:
    """Also for samples that are chosen to add up, and gains that are as great as can be."""
    setting = replace(fixed(fft=fft, hop=fft // 2), gains=Quantization(scale=0.5, zero_point=-128))
    hop, rng, greatest = fft // 2, np.random.default_rng(fft), _Greatest()
    n = np.arange(hop * 4)
    bins = [(k, phase) for k in (0, 1, 3, fft // 8, hop - 1, hop) for phase in (0.01, 0.13, 0.3)]
    squares = [32767 * np.sign(np.cos(2 * np.pi * (n * k / fft + phase))).reshape(4, hop) for k, phase in bins]
    with (
        patch.object(complex_s32, "total", greatest.watch(complex_s32.total)),
        patch.object(complex_s32, "difference", greatest.watch(complex_s32.difference)),
        patch.object(stft_s32, "total", greatest.watch(stft_s32.total)),
        patch.object(stft_s32, "difference", greatest.watch(stft_s32.difference)),
    ):
        for pcm in (*extremes(hop).values(), *squares):
            for mask in (np.full((len(pcm), hop + 1), 127), rng.choice([-128, 127], (len(pcm), hop + 1))):
                setting.run(pcm.astype(np.int16), mask.astype(np.int8))
    assert 2**26 < greatest.found < 2**31


# ---- the audio is right ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fft", FFTS)
def test_unit_mask_gives_the_input_back_one_hop_later(fft: int) -> None:
    hop = fft // 2
    setting = replace(fixed(fft=fft, hop=hop), gains=UNIT)
    for level in (20000, 300, 3):
        pcm = np.random.default_rng(3).integers(-level, level + 1, (40, hop)).astype(np.int16)
        out = setting.run(pcm, np.full((40, hop + 1), 127, np.int8))[2].reshape(-1)
        error = out[hop:] - pcm.reshape(-1)[:-hop].astype(float)
        assert np.abs(error).max() <= max(1, level / 8000)
        assert np.mean(np.abs(error)) < (0.01 if level < 1000 else 0.5)


@pytest.mark.parametrize("kind", spectral.FEATURES)
def test_audio_is_that_of_the_float_path(kind: str) -> None:
    """Both are the exact audio, rounded: the noise of that is a twelfth of a step's square."""
    pcm = read_audio(DATA / "noisy" / "clip04.wav", 16000).samples[: 256 * 200].reshape(200, 256)
    integers = fixed(kind)
    mask = np.random.default_rng(1).integers(-128, 128, (200, integers.front.outputs)).astype(np.int8)
    features, _, audio = integers.run(pcm, mask)
    wanted, _, wanted_audio = replace(integers, arithmetic="float").run(pcm, mask)
    difference = audio.astype(int) - wanted_audio
    assert np.abs(difference).max() <= 1
    assert np.mean(difference != 0) < 0.05
    assert np.abs(features.astype(int) - wanted).max() <= 1
    assert np.mean(features != wanted) < 0.005
    _, spectrum = fe.float_analyse(integers.front, pcm.reshape(-1))
    gains = integers.gains.scale * (mask.astype(float) - integers.gains.zero_point)
    exact = fe.float_synthesise(integers.front, gains, spectrum) * 32768
    assert np.mean((audio.reshape(-1) - exact) ** 2) < 1.05 / 12


def exact_spectrum(setting: Setting, spectrum: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A device's spectrum ``[frames, hop, 2]`` as ``[frames, bins]`` of audio in [-1, 1)."""
    bins = (spectrum[..., 0] + 1j * spectrum[..., 1]) / (2.0 ** stft_s32.spectrum_bits(setting.front.hop) * 32768)
    return np.concatenate([bins[:, :1].real, bins[:, 1:], bins[:, :1].imag], axis=1)


@pytest.mark.parametrize("fft", FFTS)
def test_transform_is_as_good_as_its_factors(fft: int) -> None:
    setting, pcm = fixed(fft=fft, hop=fft // 2), noise()
    path = setting.path
    pcm = pcm[: len(pcm) // path.hop * path.hop]
    got = exact_spectrum(setting, path.analyse(path.start(), pcm)[1])
    _, wanted = fe.float_analyse(setting.front, pcm)
    signal, error = np.mean(np.abs(wanted) ** 2, axis=1), np.mean(np.abs(got - wanted) ** 2, axis=1)
    steps = fft / 2 / 12 / 32768**2  # the power of rounding samples to int16, in the same unit
    assert np.all(error < 10**-9 * signal + 0.01 * steps)


@pytest.mark.parametrize("epsilon", [1e-9, 1e-3, 0.0])
@pytest.mark.parametrize("exponent", [0.3, 0.5, 1.0, 0.05])
@pytest.mark.parametrize("kind", spectral.FEATURES)
@pytest.mark.parametrize("bits", [8, 16])
def test_features_are_the_rounded_compression(kind: str, exponent: float, epsilon: float, bits: int) -> None:
    setting, pcm = fixed(kind, bits, exponent=exponent, epsilon=epsilon), noise()
    real, _ = fe.float_analyse(setting.front, pcm)
    lowest = -128 if kind == "magnitude" and bits == 8 else 0
    greatest = (1 << (bits - 1)) - 1
    scale = float(np.float32(np.abs(real).max() / (greatest - lowest)))
    path = replace(setting, given=Quantization(scale, lowest, bits=bits)).path
    got, spectrum = path.analyse(path.start(), pcm)
    wanted = spectral.compress(setting.front, exact_spectrum(setting, spectrum)).astype(float) / scale + lowest
    error = np.abs(got - wanted.clip(-greatest - 1, greatest))
    assert error.max() < (0.51 if bits == 8 else 0.67)
    if kind == "complex":
        assert np.all(got[-2:] == 0)  # silence


def test_silence_has_the_feature_of_epsilon() -> None:
    fine = Quantization(scale=1e-4, zero_point=-128)
    silence = np.zeros(512, np.int16)
    assert np.all(fixed(given=fine).features(silence) == -128 + round(1e-9**0.3 / 1e-4))
    assert np.all(fixed(bits=16).features(silence) == round(1e-9**0.3 / WIDE_FEATURE.scale))


@pytest.mark.parametrize("bits", [8, 16])
def test_features_beyond_the_range_saturate(bits: int) -> None:
    coarse = Quantization(1e-4 if bits == 8 else 1e-7, 0, bits=bits)
    pcm = np.random.default_rng(6).integers(-32768, 32768, 2560).astype(np.int16)
    got = fixed("complex", bits, coarse).features(pcm)
    assert set(np.unique(got)) >= {coarse.lowest, coarse.highest}


def test_complex_mask_turns_the_spectrum() -> None:
    """A gain of i turns each bin by a quarter; the two real bins keep the real part only."""
    setting = replace(fixed(), front=FrontEnd(mask="complex"), gains=UNIT)
    pcm = np.random.default_rng(7).normal(0, 3000, (20, 256)).astype(np.int16)
    mask = np.tile(np.array([0, 127], np.int8), (20, 257))
    out = setting.run(pcm, mask)[2]
    _, spectrum = fe.float_analyse(setting.front, pcm.reshape(-1))
    wanted = fe.float_synthesise(FrontEnd(), np.ones((20, 257)), spectrum * 1j)
    assert np.abs(out.reshape(-1) - 32768 * wanted).max() < 1.0


@pytest.mark.parametrize(("scale", "kind"), [(100 / 255, "complex"), (0.6, "magnitude")])
def test_gains_that_leave_no_fraction_are_refused(scale: float, kind: str) -> None:
    front = FrontEnd(mask=kind)
    reaching = Quantization(scale, -128)
    fe.audio_path(front, FEATURE, reaching)
    with pytest.raises(ModelError, match="without an FPU"):
        fe.audio_path(front, FEATURE, reaching, "fixed")


# ---- numbers -----------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 2**62), min_size=2, max_size=50))
def test_numbers_order_like_what_they_stand_for(values: list[int]) -> None:
    ascending = np.sort(np.array(values, np.int64))
    numbers = number_of(ascending).astype(np.int64)
    assert np.all(np.diff(numbers) >= 0)
    assert [int(one) for one in bit_length(ascending)] == [int(one).bit_length() for one in ascending]
    assert np.all(numbers[ascending == 0] == 0)
    assert np.all(numbers[ascending > 0] > 0)


@given(st.floats(0, 2.0**60))
@example(2.0**25 + 0.5)  # an integer away: the threshold is the next integer's number, not one below it
@example(math.nextafter(2.0, 0.0))
@example(2.0**60)
def test_a_threshold_is_the_least_number_that_means_as_much(power: float) -> None:
    number = number_from(power)
    if power > 1:
        assert meaning(number - 1) < power <= meaning(number)
    for value in (int(power), int(power) + 1):
        reached = number_of(np.array([value]))[0] >= number
        # Larger values lose bits, and so reach a threshold later than they might; never earlier.
        assert reached == (value >= power) if power < 2**26 else reached <= (value >= power)


def meaning(number: int) -> float:
    """The least power that has a number."""
    places, fraction = divmod(number, 1 << FRACTION_BITS)
    return math.ldexp(1 + fraction / (1 << FRACTION_BITS), places - 1)
