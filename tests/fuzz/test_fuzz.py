"""What the firmware takes from strangers, under hostile bytes: never a crash, an overrun or undefined behaviour."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from fuzz.targets import FOLDER, TARGETS, Target, build, build_guided, run_guided, unpack_corpus

ALL = [pytest.param(target, id=target.name) for target in TARGETS]


@pytest.mark.parametrize("target", ALL)
def test_pseudo_random_bytes_and_packets(tmp_path, target):
    program = build(target, ["gcc"], [FOLDER / "driver.c"], tmp_path)
    assert isinstance(program, Path), program
    result = subprocess.run([program, "3000"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "3000 runs\n"), result.stderr


@pytest.mark.parametrize("target", ALL)
def test_kept_inputs_and_some_thousand_that_are_made_from_them(tmp_path, target):
    program = build_guided(target, tmp_path)
    require(program)
    assert unpack_corpus(target, tmp_path / "corpus") > 20
    result = run_guided(target, program, ["-runs=20000", "-seed=1"], tmp_path / "corpus")
    assert result.returncode == 0, result.stderr[-4000:]


def test_memory_is_limited_by_what_a_program_has_and_not_by_what_the_one_that_starts_it_had(tmp_path, monkeypatch):
    hoarder = Target("hoarder", 1, whole=False)
    program = build_guided(hoarder, tmp_path)
    require(program)
    had = bytearray(b"\1") * (300 << 20)
    del had
    # libFuzzer looks once in a second.
    monkeypatch.setenv("HOARD_MB", "10")
    little = run_guided(hoarder, program, ["-max_total_time=2"], memory_mb=200)
    assert little.returncode == 0, little.stderr
    monkeypatch.setenv("HOARD_MB", "190")
    much = run_guided(hoarder, program, ["-max_total_time=10"], memory_mb=200)
    assert much.returncode != 0
    assert "hard rss limit exhausted" in much.stderr


def require(program: Path | str) -> None:
    if isinstance(program, str) and "missing" in program:
        pytest.skip(program)
    assert isinstance(program, Path), program
