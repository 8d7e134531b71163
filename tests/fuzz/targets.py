"""What is fuzzed, how it is built, and the inputs that are kept."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_native import APP, FIRMWARE, TESTS, includes, write_probe

from slimse_mcu.build import LANGUAGE, WARNINGS

FOLDER = Path(__file__).parent
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DMODEL_FAULTS=0", "-g", "-O1")
MEMORY_MB = 1024
"""What a program under libFuzzer may have at a time, with what the address sanitizer needs for itself."""


@dataclass(frozen=True)
class Target:
    """A function of the firmware that takes bytes of strangers.

    Attributes:
        name: Its file is ``fuzz_NAME.c``, its inputs lie in ``corpus/NAME.hex``, one per line.
        longest: Most bytes of an input.
        whole: Needs the application with a model, not only the framing.
    """

    name: str
    longest: int
    whole: bool = True

    def sources(self, folder: Path) -> list[Path]:
        own = FOLDER / f"fuzz_{self.name}.c"
        if not self.whole:
            return [own, FIRMWARE / "app" / "pack.c", FIRMWARE / "app" / "link.c"]
        return [*write_probe(folder), *APP, TESTS / "device" / "hal_memory.c", own]

    @property
    def kept(self) -> Path:
        return FOLDER / "corpus" / f"{self.name}.hex"


TARGETS = (Target("session", 800), Target("pack", 700, whole=False), Target("mlperf", 400))


def build(target: Target, compiler: Sequence[str], driver: Sequence[Path], folder: Path) -> Path | str:
    """The program, or what the compiler said."""
    program = folder / f"fuzz_{target.name}"
    options = [*LANGUAGE, *WARNINGS, *SANITIZERS, *includes(folder), f"-I{FIRMWARE / 'app'}"]
    sources = [*target.sources(folder), *driver]
    command = [*compiler, *options, *map(str, sources), "-o", str(program)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return program if result.returncode == 0 else result.stderr


def build_guided(target: Target, folder: Path) -> Path | str:
    """The program with libFuzzer in it, or why there is none."""
    if shutil.which("clang") is None:
        return "clang is missing"
    built = build(target, ["clang", "-fsanitize=fuzzer"], [], folder)
    if isinstance(built, str) and "libclang_rt" in built:
        return "clang's runtime libraries are missing (Debian: libclang-rt-dev)"
    return built


def run_guided(
    target: Target, program: Path, options: Sequence[str], *folders: Path, memory_mb: int = MEMORY_MB
) -> subprocess.CompletedProcess[str]:
    """Run a program with libFuzzer in it over folders of inputs; what more it finds worth keeping goes to the first.

    Its memory is limited by the address sanitizer, which looks at what the program has at the time.  libFuzzer's own
    limit goes by the most that the process ever had, and on Linux that begins as what the one that started it had.
    """
    limits = [f"-max_len={target.longest}", "-timeout=10", "-rss_limit_mb=0", f"-malloc_limit_mb={memory_mb}"]
    given = os.environ.get("ASAN_OPTIONS", "")
    environment = {**os.environ, "ASAN_OPTIONS": f"{given}:hard_rss_limit_mb={memory_mb}"}
    command = [str(program), *limits, *options, *map(str, folders)]
    # What libFuzzer prints of an input need not be text.
    return subprocess.run(
        command, env=environment, cwd=program.parent, capture_output=True, text=True, errors="replace", check=False
    )


def unpack_corpus(target: Target, folder: Path) -> int:
    """Write the inputs that are kept as files; how many they are."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = target.kept.read_text().splitlines() if target.kept.is_file() else []
    for number, line in enumerate(lines):
        (folder / f"{number:05}").write_bytes(bytes.fromhex(line))
    return len(lines)


def pack_corpus(target: Target, folder: Path) -> int:
    """Keep the inputs in a folder; how many they are."""
    inputs = sorted({path.read_bytes() for path in folder.iterdir()}, key=lambda data: (len(data), data))
    target.kept.parent.mkdir(exist_ok=True)
    target.kept.write_text("".join(f"{data.hex()}\n" for data in inputs))
    return len(inputs)
