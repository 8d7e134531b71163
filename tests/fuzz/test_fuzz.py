"""What the firmware takes from strangers, under hostile bytes: never a crash, an overrun or undefined behaviour."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from fuzz.targets import FOLDER, TARGETS, build, build_guided, unpack_corpus

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
    if isinstance(program, str) and "missing" in program:
        pytest.skip(program)
    assert isinstance(program, Path), program
    assert unpack_corpus(target, tmp_path / "corpus") > 20
    options = ["-runs=20000", f"-max_len={target.longest}", "-seed=1", "-timeout=10"]
    result = subprocess.run(
        [program, *options, tmp_path / "corpus"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr[-4000:]
