"""The audio front and back end: C equals the NumPy specification bit for bit, and both are right."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from slimse_mcu import frontend as fe
from slimse_mcu import spectral
from slimse_mcu.dsp.features_f32 import MagnitudeFeatures
from slimse_mcu.errors import ModelError
from slimse_mcu.graph import FrontEnd, Quantization
from slimse_mcu.runtime import audio_files

ROOT = Path(__file__).resolve().parent.parent
FEATURE = Quantization(scale=float(np.float32(4.9 / 255)), zero_point=-128)
PARTS = Quantization(scale=float(np.float32(4.9 / 127)), zero_point=3)
MASK = Quantization(scale=1 / 256, zero_point=-128)
TURN = Quantization(scale=1 / 100, zero_point=-5)
COMPLEX = FrontEnd(features="complex", mask="complex")
FRONTS = (FrontEnd(), COMPLEX)
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror"]
WARNINGS += ["-ffp-contract=off"]
FFTS = (64, 128, 256, 512, 1024, 2048)
STUB = "#define SLIMSE_ABI 1\n#include <stddef.h>\n#include <stdint.h>\n"


def feature_of(front: FrontEnd) -> Quantization:
    return PARTS if front.features == "complex" else FEATURE


def write_project(
    folder: Path, front: FrontEnd, gains: Quantization = MASK, feature: Quantization | None = None
) -> list[Path]:
    """The generated audio files and what they need of ``firmware/dsp``; returns the C sources."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    both = feature or feature_of(front), gains
    table = fe.tables(front, *both)
    context = fe.render_context(table, front, *both)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("model_audio.h", "model_audio.c"):
        (folder / name).write_text(environment.get_template(f"{name}.j2").render(context))
    (folder / "slimse.h").write_text(STUB)
    (folder / "dsp").mkdir(exist_ok=True)
    for name, text in audio_files(fe.sources(table)).items():
        (folder / name).write_text(text)
    return [folder / "model_audio.c", *sorted((folder / "dsp").glob("*.c"))]


class Compiled:
    """The C code as a shared library, one stream."""

    def __init__(
        self,
        folder: Path,
        front: FrontEnd,
        *flags: str,
        gains: Quantization = MASK,
        feature: Quantization | None = None,
    ) -> None:
        sources = write_project(folder, front, gains, feature)
        library = folder / "audio.so"
        command = ["gcc", *WARNINGS, *flags, "-shared", "-fPIC", f"-I{folder}", "-o", str(library)]
        subprocess.run([*command, *map(str, sources)], check=True)
        self.front, self.gains, self.feature = front, gains, feature or feature_of(front)
        self.library = ctypes.CDLL(str(library))
        self.stream = ctypes.create_string_buffer(14 * front.hop)

    def run(self, pcm: np.ndarray[Any, Any], mask: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], ...]:
        """pcm ``[frames, hop]``, mask ``[frames, outputs]`` -> features, spectra, samples, from reset."""
        hop = self.front.hop
        features = np.empty((len(pcm), self.front.inputs), self.feature.dtype)
        spectra = np.empty((len(pcm), 2 * hop), np.float32)
        out = np.empty_like(pcm)
        self.library.model_audio_reset(self.stream)
        for n in range(len(pcm)):
            self.library.model_audio_analyse(self.stream, pcm[n].ctypes, features[n].ctypes)
            spectra[n] = np.frombuffer(self.stream, np.float32, 2 * hop)
            self.library.model_audio_synthesise(self.stream, mask[n].ctypes, out[n].ctypes)
        return features, spectra, out


def specification(
    front: FrontEnd,
    pcm: np.ndarray[Any, Any],
    mask: np.ndarray[Any, Any],
    gains: Quantization = MASK,
    feature: Quantization | None = None,
) -> tuple[np.ndarray[Any, Any], ...]:
    table = fe.tables(front, feature or feature_of(front), gains)
    state = table.start()
    features, spectrum = fe.analyse(table, state, pcm.reshape(-1))
    out = fe.synthesise(table, state, mask, spectrum)
    return features, spectrum.reshape(len(pcm), -1), out.reshape(pcm.shape)


def analysed(front: FrontEnd, feature: Quantization, pcm: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Features of samples from reset."""
    table = fe.tables(front, feature, MASK)
    return fe.analyse(table, table.start(), pcm)[0]


def assert_same(ours: tuple[np.ndarray[Any, Any], ...], theirs: tuple[np.ndarray[Any, Any], ...]) -> None:
    for name, a, b in zip(("features", "spectrum", "samples"), ours, theirs, strict=True):
        if a.dtype == np.float32:  # the sign of a zero is left open
            a, b = (a + np.float32(0)).view(np.uint32), (b + np.float32(0)).view(np.uint32)
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.fixture(scope="module", params=["-O2", "-O3", "complex"])
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    folder = tmp_path_factory.mktemp("audio")
    if request.param == "complex":
        return Compiled(folder, COMPLEX, "-O3", gains=TURN)
    return Compiled(folder, FrontEnd(), request.param)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_c_equals_the_specification(compiled: Compiled, data: st.DataObject) -> None:
    samples = st.one_of(st.sampled_from([-32768, -1, 0, 1, 32767]), st.integers(-32768, 32767))
    frames = data.draw(st.integers(1, 4))
    pcm = data.draw(arrays(np.int16, (frames, 256), elements=samples))
    mask = data.draw(arrays(np.int8, (frames, compiled.front.outputs)))
    assert_same(compiled.run(pcm, mask), specification(compiled.front, pcm, mask, compiled.gains))


def extremes(hop: int) -> dict[str, np.ndarray[Any, Any]]:
    """Signals ``[3, hop]`` at the edges of what int16 holds."""
    n = np.arange(3 * hop)
    signals = {
        "silence": 0 * n,
        "most negative": 0 * n - 32768,
        "greatest": 0 * n + 32767,
        "one step": 0 * n + 1,
        "impulse": np.where(n == hop + 3, 32767, 0),
        "alternating": np.where(n % 2, 32767, -32768),
        "square": np.where((n // 16) % 2, 32767, -32768),
        "sine": np.round(32767 * np.sin(2 * np.pi * n * 13 / (2 * hop))),
        "noise": np.random.default_rng(1).integers(-32768, 32768, 3 * hop),
    }
    return {name: x.astype(np.int16).reshape(3, hop) for name, x in signals.items()}


@pytest.mark.parametrize("kind", spectral.FEATURES)
@pytest.mark.parametrize("fft", FFTS)
def test_extremes_of_every_length(fft: int, kind: str, tmp_path: Path) -> None:
    front = FrontEnd(fft=fft, hop=fft // 2, exponent=0.5, features=kind, mask=kind)
    library = Compiled(tmp_path, front, "-O2", "-fsanitize=undefined", "-fno-sanitize-recover")
    rng = np.random.default_rng(fft)
    for pcm in extremes(front.hop).values():
        mask = rng.integers(-128, 128, (3, front.outputs)).astype(np.int8)
        assert_same(library.run(pcm, mask), specification(front, pcm, mask))


def test_all_mask_values_and_saturation(tmp_path: Path) -> None:
    loud = Quantization(scale=0.02, zero_point=-100)
    library = Compiled(tmp_path, FrontEnd(), "-O2", gains=loud)
    pcm = np.random.default_rng(2).integers(-32768, 32768, (40, 256)).astype(np.int16)
    mask = (np.arange(40 * 257).reshape(40, 257) % 256 - 128).astype(np.int8)
    got = library.run(pcm, mask)
    assert_same(got, specification(FrontEnd(), pcm, mask, loud))
    assert got[2].max() == 32767
    assert got[2].min() == -32768


@pytest.mark.parametrize("front", FRONTS, ids=spectral.FEATURES)
def test_sanitizers_find_nothing(front: FrontEnd, tmp_path: Path) -> None:
    sources = write_project(tmp_path, front)
    (tmp_path / "main.c").write_text(DRIVER_HEAD + "int main(void) { return checksum() == 0; }\n")
    program = tmp_path / "main"
    flags = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover", f"-I{tmp_path}"]
    subprocess.run(["gcc", *WARNINGS, *flags, "-o", program, tmp_path / "main.c", *sources], check=True)
    subprocess.run([program], check=True, env={"ASAN_OPTIONS": "detect_leaks=0"})


def test_unit_mask_gives_the_input_back_one_hop_later() -> None:
    unit = Quantization(scale=1 / 128, zero_point=0)
    pcm = np.random.default_rng(3).integers(-20000, 20000, (50, 256)).astype(np.int16)
    mask = np.full((50, 257), 127, np.int8)
    exact = Quantization(scale=float(np.float32(1 / 127)), zero_point=0)
    for mask_quantization, gain in ((exact, 1.0), (unit, 127 / 128)):
        out = specification(FrontEnd(), pcm, mask, mask_quantization)[2].reshape(-1)
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
    got = analysed(front, feature, pcm)
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
    got = analysed(FrontEnd(), fine, np.zeros(512, np.int16))
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
    got = analysed(front, feature, pcm)
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
    got = analysed(COMPLEX, feature, pcm)
    assert set(np.unique(got)) >= {-128 if zero_point > 0 else zero_point, 127 if zero_point < 0 else zero_point}


def test_complex_mask_turns_the_spectrum() -> None:
    """A gain of i turns each bin by a quarter; the two real bins keep the real part only."""
    front = FrontEnd(mask="complex")
    quarter = Quantization(scale=float(np.float32(1 / 127)), zero_point=0)
    pcm = np.random.default_rng(7).normal(0, 3000, (20, 256)).astype(np.int16)
    mask = np.tile(np.array([0, 127], np.int8), (20, 257))
    out = specification(front, pcm, mask, quarter)[2]
    _, spectrum = fe.float_analyse(front, pcm.reshape(-1))
    wanted = fe.float_synthesise(FrontEnd(), np.ones((20, 257)), spectrum * 1j)
    assert np.abs(out.reshape(-1) - 32768 * wanted).max() < 0.51


def test_complex_mask_without_imaginary_part_is_a_magnitude_mask() -> None:
    pcm = np.random.default_rng(8).integers(-9000, 9000, (9, 256)).astype(np.int16)
    gains = np.random.default_rng(9).integers(-128, 128, (9, 257)).astype(np.int8)
    both = np.stack([gains, np.full_like(gains, MASK.zero_point)], axis=-1).reshape(9, -1)
    real = specification(FrontEnd(), pcm, gains)[2]
    np.testing.assert_array_equal(specification(FrontEnd(mask="complex"), pcm, both)[2], real)


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
    table = fe.tables(FrontEnd(), FEATURE, MASK)
    rng = np.random.default_rng(5)
    pcm = rng.integers(-32768, 32768, 256 * 9).astype(np.int16)
    mask = rng.integers(-128, 128, (9, 257)).astype(np.int8)
    whole, parts = table.start(), table.start()
    features, spectrum = fe.analyse(table, whole, pcm)
    out = fe.synthesise(table, whole, mask, spectrum)
    for n in range(9):
        one, spectrum_one = fe.analyse(table, parts, pcm[256 * n : 256 * (n + 1)])
        samples = fe.synthesise(table, parts, mask[n : n + 1], spectrum_one)
        np.testing.assert_array_equal(one[0], features[n])
        np.testing.assert_array_equal(samples, out[256 * n : 256 * (n + 1)])


@pytest.mark.parametrize("front", FRONTS, ids=spectral.FEATURES)
def test_float_twin_agrees_with_the_device(front: FrontEnd) -> None:
    rng = np.random.default_rng(6)
    pcm = rng.integers(-9000, 9000, 256 * 30).astype(np.int16)
    mask = rng.integers(-128, 128, (30, front.outputs)).astype(np.int8)
    device = specification(front, pcm.reshape(30, 256), mask)[2].reshape(-1)
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
        fe.tables(FrontEnd(**changes), FEATURE, MASK)


def test_absurd_mask_is_refused() -> None:
    with pytest.raises(ModelError, match="gain"):
        fe.tables(FrontEnd(), FEATURE, Quantization(scale=1e30, zero_point=0))


# ---- other cores: a checksum of everything that a fixed input gives, host against Arm ----------------------

DRIVER_HEAD = """
#include "model_audio.h"
static model_audio_t audio;
static uint32_t hash; /* no initial values: the start-up code below copies none */
static void mix(const void *data, uint32_t size)
{
    const uint8_t *bytes = data;
    for (uint32_t n = 0; n < size; n++) {
        hash = (hash ^ bytes[n]) * 16777619u;
    }
}
static uint32_t checksum(void)
{
    static int16_t pcm[MODEL_AUDIO_HOP];
    static int8_t features[MODEL_AUDIO_FEATURES];
    static int8_t gains[MODEL_AUDIO_GAINS];
    uint32_t seed = 1;
    hash = 2166136261u;
    model_audio_reset(&audio);
    for (uint32_t frame = 0; frame < 12; frame++) {
        for (uint32_t n = 0; n < MODEL_AUDIO_HOP; n++) {
            seed = seed * 1664525u + 1013904223u;
            pcm[n] = (int16_t)((int32_t)(seed >> 16) - 32768) ;
            pcm[n] = (int16_t)(pcm[n] >> (frame % 4 * 5));
        }
        model_audio_analyse(&audio, pcm, features);
        mix(features, sizeof features);
        mix(audio.spectrum, sizeof audio.spectrum);
        for (uint32_t n = 0; n < MODEL_AUDIO_GAINS; n++) {
            seed = seed * 1664525u + 1013904223u;
            gains[n] = (int8_t)((int32_t)(seed >> 24) - 128);
        }
        model_audio_synthesise(&audio, gains, pcm);
        mix(pcm, sizeof pcm);
        mix(audio.overlap, sizeof audio.overlap);
    }
    return hash;
}
"""

ARM_MAIN = """
extern uint32_t stack_top;
void start(void);
static uint32_t call(uint32_t op, const void *argument)
{
    register uint32_t r0 __asm__("r0") = op;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
void start(void)
{
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88u |= 0xF00000u;
    __asm__ volatile("dsb; isb");
#endif
    char text[10] = "00000000\\n";
    uint32_t value = checksum();
    for (int n = 7; n >= 0; n--, value >>= 4) {
        text[n] = "0123456789abcdef"[value & 15u];
    }
    call(4, text);
    const uint32_t leave[2] = {0x20026u, 0};
    call(0x20, leave);
    for (;;) {
    }
}
__attribute__((section(".vectors"), used)) static const void *const vectors[] = {
    &stack_top, (const void *)start};
"""

ARM_LINK = """
MEMORY { CODE (rx) : ORIGIN = 0, LENGTH = 1M  RAM (rw) : ORIGIN = 0x20000000, LENGTH = 1M }
SECTIONS {
    .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) } > CODE
    .data : { *(.data*) } > RAM AT > CODE
    .bss : { *(.bss*) *(COMMON) } > RAM
    stack_top = ORIGIN(RAM) + LENGTH(RAM);
}
"""

HOST_MAIN = '#include <stdio.h>\nint main(void) { printf("%08x\\n", (unsigned)checksum()); return 0; }\n'
CORES = {
    "mps2-an385": "-mcpu=cortex-m3 -mfloat-abi=soft",
    "mps2-an386": "-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16",
    "mps2-an500": "-mcpu=cortex-m7 -mfloat-abi=hard -mfpu=fpv5-d16",
}


def host_checksum(folder: Path, front: FrontEnd, driver: str = DRIVER_HEAD, **quantization: Quantization) -> str:
    sources = write_project(folder, front, **quantization)
    (folder / "host.c").write_text(driver + HOST_MAIN)
    program = folder / "host"
    command = ["gcc", *WARNINGS, "-O2", f"-I{folder}", "-o", program, folder / "host.c"]
    subprocess.run([*command, *sources], check=True)
    return subprocess.run([program], check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize("front", FRONTS, ids=spectral.FEATURES)
@pytest.mark.parametrize("machine", CORES)
def test_arm_gives_the_same_bits(machine: str, front: FrontEnd, tmp_path: Path) -> None:
    wanted = host_checksum(tmp_path, front)
    assert arm_checksum(tmp_path, machine) == wanted.strip()


def arm_checksum(tmp_path: Path, machine: str, driver: str = DRIVER_HEAD) -> str:
    """What the project that lies in a folder gives on an emulated core."""
    (tmp_path / "arm.c").write_text(driver + ARM_MAIN)
    (tmp_path / "arm.ld").write_text(ARM_LINK)
    program = tmp_path / "arm.elf"
    sources = [tmp_path / "arm.c", tmp_path / "model_audio.c", *sorted((tmp_path / "dsp").glob("*.c"))]
    command = ["arm-none-eabi-gcc", *CORES[machine].split(), *WARNINGS, "-O2", "-nostartfiles"]
    link = [
        "--specs=nosys.specs",
        f"-I{tmp_path}",
        f"-T{tmp_path / 'arm.ld'}",
        "-Wl,--entry=start",
        "-o",
        program,
    ]
    subprocess.run([*command, *link, *sources], check=True)
    emulator = ["qemu-system-arm", "-M", machine, "-nographic", "-monitor", "none", "-serial", "none"]
    options = ["-semihosting-config", "enable=on,target=native", "-kernel", program]
    done = subprocess.run([*emulator, *options], check=True, capture_output=True, text=True, timeout=60)
    return (done.stdout + done.stderr).strip()
