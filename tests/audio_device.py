"""The front and back end of a model as C on this computer and on emulated cores, and as the specification says."""

from __future__ import annotations

import ctypes
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from slimse_mcu import frontend as fe
from slimse_mcu.dsp.path import AudioPath
from slimse_mcu.graph import FrontEnd, Quantization
from slimse_mcu.runtime import audio_files

ROOT = Path(__file__).resolve().parent.parent
FEATURE = Quantization(scale=float(np.float32(4.9 / 255)), zero_point=-128)
PARTS = Quantization(scale=float(np.float32(4.9 / 127)), zero_point=3)
MASK = Quantization(scale=1 / 256, zero_point=-128)
TURN = Quantization(scale=1 / 100, zero_point=-5)
WIDE_FEATURE = Quantization(float(np.float32(8.0 / 32767)), 0, bits=16)
WIDE_MASK = Quantization(1 / 32768, 0, bits=16)
COMPLEX = FrontEnd(features="complex", mask="complex")
FRONTS = (FrontEnd(), COMPLEX)
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror"]
WARNINGS += ["-ffp-contract=off"]
FFTS = (64, 128, 256, 512, 1024, 2048)
STUB = "#define SLIMSE_ABI 1\n#include <stddef.h>\n#include <stdint.h>\n"
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Setting:
    """A front end, its quantization, and what it is computed in."""

    front: FrontEnd = FRONTS[0]
    gains: Quantization = MASK
    given: Quantization | None = None
    arithmetic: str = "float"
    kernels: tuple[str, ...] = ("kernels",)

    @property
    def feature(self) -> Quantization:
        return self.given or (PARTS if self.front.features == "complex" else FEATURE)

    @property
    def path(self) -> AudioPath[Any]:
        return fe.audio_path(self.front, self.feature, self.gains, self.arithmetic)

    def features(self, pcm: Array) -> Array:
        """Features of samples from reset."""
        path = self.path
        return path.analyse(path.start(), pcm)[0]

    def run(self, pcm: Array, mask: Array) -> tuple[Array, ...]:
        """pcm ``[frames, hop]``, mask ``[frames, outputs]`` -> features, spectra, samples, from reset."""
        path = self.path
        state = path.start()
        features, spectrum = path.analyse(state, pcm.reshape(-1))
        out = path.synthesise(state, mask, spectrum)
        return features, spectrum.reshape(len(pcm), -1), out.reshape(pcm.shape)

    def write(self, folder: Path) -> list[Path]:
        """The generated audio files and what they need of ``firmware/dsp``; returns the C sources."""
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(ROOT / "templates"),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        context = fe.render_context(self.path, self.front, self.feature, self.gains)
        files = {f"model_audio.{kind}": environment.get_template(f"model_audio.{kind}.j2") for kind in "hc"}
        texts = {name: template.render(context) for name, template in files.items()}
        texts.update(audio_files(self.path.files, self.kernels), **{"slimse.h": STUB})
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return [folder / name for name in texts if name.endswith(".c")]


class Compiled:
    """The C code as a shared library, one stream."""

    def __init__(self, folder: Path, setting: Setting, *flags: str) -> None:
        sources = setting.write(folder)
        library = folder / "audio.so"
        command = ["gcc", *WARNINGS, *flags, "-shared", "-fPIC", f"-I{folder}", "-o", str(library)]
        subprocess.run([*command, *map(str, sources)], check=True)
        self.setting = setting
        self.library = ctypes.CDLL(str(library))
        self.stream = ctypes.create_string_buffer(14 * setting.front.hop)

    def run(self, pcm: Array, mask: Array) -> tuple[Array, ...]:
        """What the specification's run gives."""
        hop, kind = self.setting.front.hop, np.float32 if self.setting.arithmetic == "float" else np.int32
        features = np.empty((len(pcm), self.setting.front.inputs), self.setting.feature.dtype)
        spectra = np.empty((len(pcm), 2 * hop), kind)
        out = np.empty_like(pcm)
        self.library.model_audio_reset(self.stream)
        for n in range(len(pcm)):
            self.library.model_audio_analyse(self.stream, pcm[n].ctypes, features[n].ctypes)
            spectra[n] = np.frombuffer(self.stream, kind, 2 * hop)
            self.library.model_audio_synthesise(self.stream, mask[n].ctypes, out[n].ctypes)
        return features, spectra, out


def assert_same(ours: tuple[np.ndarray[Any, Any], ...], theirs: tuple[np.ndarray[Any, Any], ...]) -> None:
    for name, a, b in zip(("features", "spectrum", "samples"), ours, theirs, strict=True):
        if a.dtype == np.float32:  # the sign of a zero is left open
            a, b = (a + np.float32(0)).view(np.uint32), (b + np.float32(0)).view(np.uint32)
        np.testing.assert_array_equal(a, b, err_msg=name)


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


# ---- other cores: a checksum of everything that a fixed input gives, host against Arm ----------------------

DRIVER = """
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
/* Noise of four levels, and every other time a signal at the edges of what int16 holds. */
static int16_t sample_of(uint32_t frame, uint32_t n, uint32_t seed)
{
    const int32_t noise = (int32_t)(seed >> 16) - 32768;
    const int32_t edges[] = {0, -32768, 32767, n % 2u != 0 ? 32767 : -32768, n == 3u ? 32767 : 0,
                             (n / 16u) % 2u != 0 ? 32767 : -32768, 1, (int32_t)(seed >> 31) - 1};
    return (int16_t)(frame % 2u == 0 ? noise >> (frame / 2u % 4u * 5u) : edges[frame / 2u % 8u]);
}
static uint32_t checksum(void)
{
    static int16_t pcm[MODEL_AUDIO_HOP];
    static feature_t features[MODEL_AUDIO_FEATURES];
    static gain_t gains[MODEL_AUDIO_GAINS];
    uint32_t seed = 1;
    hash = 2166136261u;
    model_audio_reset(&audio);
    for (uint32_t frame = 0; frame < 17; frame++) {
        for (uint32_t n = 0; n < MODEL_AUDIO_HOP; n++) {
            seed = seed * 1664525u + 1013904223u;
            pcm[n] = sample_of(frame, n, seed);
        }
        model_audio_analyse(&audio, pcm, features);
        mix(features, sizeof features);
        for (uint32_t n = 0; n < MODEL_AUDIO_HOP; n++) { /* the sign of a zero is left open */
            const part_t parts[2] = {audio.spectrum[n].re + 0, audio.spectrum[n].im + 0};
            mix(parts, sizeof parts);
        }
        for (uint32_t n = 0; n < MODEL_AUDIO_GAINS; n++) {
            seed = seed * 1664525u + 1013904223u;
            gains[n] = (gain_t)((int32_t)(seed >> (32 - 8 * sizeof gains[0])) - (128 << (8 * sizeof gains[0] - 8)));
        }
        model_audio_synthesise(&audio, gains, pcm);
        mix(pcm, sizeof pcm);
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
__attribute__((noinline)) static void work(void)
{
    char text[10] = "00000000\\n";
    uint32_t value = checksum();
    for (int n = 7; n >= 0; n--, value >>= 4) {
        text[n] = "0123456789abcdef"[value & 15u];
    }
    call(4, text);
}
void start(void)
{
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88u |= 0xF00000u;
    __asm__ volatile("dsb; isb");
#endif
    work();
    const uint32_t leave[2] = {0x20026u, 0};
    call(0x20, leave);
    for (;;) {
    }
}
__attribute__((section(".vectors"), used)) static const void *const vectors[] = {
    &stack_top, (const void *)start};
"""

ARM_LINK = """
MEMORY {{ CODE (rx) : ORIGIN = {code:#x}, LENGTH = 512K  RAM (rw) : ORIGIN = {ram:#x}, LENGTH = 256K }}
SECTIONS {{
    .text : {{ KEEP(*(.vectors)) *(.text*) *(.rodata*) }} > CODE
    .data : {{ *(.data*) }} > RAM AT > CODE
    .bss : {{ *(.bss*) *(COMMON) }} > RAM
    stack_top = ORIGIN(RAM) + LENGTH(RAM);
}}
"""

HOST_MAIN = '#include <stdio.h>\nint main(void) { printf("%08x\\n", (unsigned)checksum()); return 0; }\n'


@dataclass(frozen=True)
class Core:
    """An emulated core: QEMU's machine, the compiler's flags, where memory is, and which folders hold its sources."""

    machine: str
    flags: str
    code: int = 0
    ram: int = 0x20000000
    kernels: tuple[str, ...] = ("kernels",)


CORES = {
    "m0plus": Core("mps2-an385", "-mcpu=cortex-m0plus -mfloat-abi=soft"),  # an M3 runs its instructions
    "m3": Core("mps2-an385", "-mcpu=cortex-m3 -mfloat-abi=soft"),
    "m4": Core("mps2-an386", "-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16", kernels=("kernels_dsp", "kernels")),
    "m7": Core("mps2-an500", "-mcpu=cortex-m7 -mfloat-abi=hard -mfpu=fpv5-d16", kernels=("kernels_dsp", "kernels")),
    "m33": Core(
        "mps2-an505",
        "-mcpu=cortex-m33 -mfloat-abi=hard -mfpu=fpv5-sp-d16",
        0x10000000,
        0x38000000,
        ("kernels_dsp", "kernels"),
    ),
    "m55": Core(
        "mps3-an547",
        "-mcpu=cortex-m55 -mfloat-abi=hard -mfpu=auto",
        0x10000000,
        0x30000000,
        ("kernels_mve", "kernels_dsp", "kernels"),
    ),
}


def _driver(setting: Setting) -> str:
    part = "float" if setting.arithmetic == "float" else "int32_t"
    text = DRIVER.replace("feature_t", setting.feature.ctype).replace("gain_t", setting.gains.ctype)
    return text.replace("part_t", part)


def host_checksum(folder: Path, setting: Setting) -> str:
    """What this computer gives."""
    sources = setting.write(folder)
    (folder / "host.c").write_text(_driver(setting) + HOST_MAIN)
    program = folder / "host"
    command = ["gcc", *WARNINGS, "-O2", f"-I{folder}", "-o", program, folder / "host.c"]
    subprocess.run([*command, *sources], check=True)
    return subprocess.run([program], check=True, capture_output=True, text=True).stdout.strip()


def check_with_sanitizers(folder: Path, setting: Setting) -> None:
    """Run the same input where reads and writes out of bounds and undefined operations are errors."""
    sources = setting.write(folder)
    (folder / "main.c").write_text(_driver(setting) + "int main(void) { return checksum() == 0; }\n")
    program = folder / "main"
    flags = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover", f"-I{folder}"]
    subprocess.run(["gcc", *WARNINGS, *flags, "-o", program, folder / "main.c", *sources], check=True)
    subprocess.run([program], check=True, env={"ASAN_OPTIONS": "detect_leaks=0"})


def arm_checksum(folder: Path, core: Core, setting: Setting) -> str:
    """What an emulated core gives."""
    sources = [*replace(setting, kernels=core.kernels).write(folder), folder / "arm.c"]
    (folder / "arm.c").write_text(_driver(setting) + ARM_MAIN)
    (folder / "arm.ld").write_text(ARM_LINK.format(code=core.code, ram=core.ram))
    program = folder / "arm.elf"
    command = ["arm-none-eabi-gcc", "-mthumb", *core.flags.split(), *WARNINGS, "-O2", "-nostartfiles"]
    link = ["--specs=nosys.specs", f"-I{folder}", f"-T{folder / 'arm.ld'}", "-Wl,--entry=start", "-o", program]
    subprocess.run([*command, *link, *sources], check=True)
    emulator = ["qemu-system-arm", "-M", core.machine, "-nographic", "-monitor", "none", "-serial", "none"]
    options = ["-semihosting-config", "enable=on,target=native", "-kernel", program]
    done = subprocess.run([*emulator, *options], check=True, capture_output=True, text=True, timeout=60)
    return (done.stdout + done.stderr).strip()
