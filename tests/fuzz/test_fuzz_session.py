"""The device side of the protocol under hostile bytes: never a crash, an overrun or undefined behaviour."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from firmware_native import APP, TESTS, includes, write_probe

from slimse_mcu.build import LANGUAGE, WARNINGS

SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DMODEL_FAULTS=0", "-g", "-O1"]


def compile_target(compiler: list[str], driver: list[Path], folder: Path) -> subprocess.CompletedProcess[str]:
    sources = [
        *write_probe(folder),
        *APP,
        TESTS / "device" / "hal_memory.c",
        TESTS / "fuzz" / "fuzz_session.c",
        *driver,
    ]
    options = [*LANGUAGE, *WARNINGS, *SANITIZERS, *includes(folder)]
    command = [*compiler, *options, *map(str, sources), "-o", str(folder / "fuzz")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_pseudo_random_bytes_and_packets(tmp_path):
    built = compile_target(["gcc"], [TESTS / "fuzz" / "driver.c"], tmp_path)
    assert built.returncode == 0, built.stderr
    result = subprocess.run([tmp_path / "fuzz", "3000"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "3000 runs\n"), result.stderr


def test_guided_fuzzing_for_a_few_seconds(tmp_path):
    if shutil.which("clang") is None:
        pytest.skip("clang is missing")
    built = compile_target(["clang", "-fsanitize=fuzzer"], [], tmp_path)
    if "libclang_rt" in built.stderr:
        pytest.skip("clang's runtime libraries are missing (Debian: libclang-rt-dev)")
    assert built.returncode == 0, built.stderr
    (tmp_path / "corpus").mkdir()
    options = ["-max_total_time=5", "-max_len=800", "-seed=1", "-print_final_stats=0"]
    result = subprocess.run(
        [tmp_path / "fuzz", *options, tmp_path / "corpus"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr[-4000:]
