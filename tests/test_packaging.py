"""What a stranger installs: the wheel alone, in an empty environment without TensorFlow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The project's wheel."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_wheel_carries_all_assets_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.partition("/")[0] for name in names}
    assert "slimse_mcu" in tops
    assert all(top == "slimse_mcu" or top.endswith(".dist-info") for top in tops)
    for folder in ("firmware", "templates", "boards"):
        files = [one for one in (ROOT / folder).rglob("*") if one.is_file() and "__pycache__" not in one.parts]
        assert {f"slimse_mcu/_assets/{one.relative_to(ROOT).as_posix()}" for one in files} <= names
    assert "slimse_mcu/_assets/boards/virtual-m4/board.toml" in names
    assert not [name for name in names if "__pycache__" in name]


@pytest.mark.slow
def test_wheel_compiles_builds_and_measures_without_tensorflow(wheel, short_clip, tiny_model, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    binaries = tmp_path / "venv" / "bin"
    pip = [sys.executable, "-m", "pip", "--python", binaries / "python", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-compile", wheel], check=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment["OPENBLAS_NUM_THREADS"] = "1"

    def slimse(*arguments: object) -> str:
        command = [binaries / "slimse", *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    command = [binaries / "python", "-c", "import tensorflow"]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0

    slimse("compile", "zoo:convfsenet-small-dyncp25", "--out", "project")
    slimse("build", "project", "--board", "host", "--out", "firmware")
    report = json.loads(slimse("measure", tiny_model, "--board", "host", "--audio", short_clip, "--out", "r", "--json"))
    assert report["bit_exact"]["first_divergence"] is None
    assert (tmp_path / "r" / "report.html").is_file()
