"""The pytest plugin, as people use it: pytest runs in a folder of its own, with the example of ``docs/testing.md``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from importlib import metadata
from pathlib import Path

import pytest
import soundfile
from conftest import DATA
from test_docs import code_blocks

from slimse_mcu import assets
from slimse_mcu.board import board
from slimse_mcu.harness.server import BoardServer
from slimse_mcu.pytest_plugin import Measurement

RATE = 16000

SESSIONS = """
import os
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("seed", range(4))
def test_the_board_answers(slimse_session, seed):
    session = slimse_session(HERE / "model.keras")
    frames = np.random.default_rng(seed).integers(-3000, 3000, (3, 256)).astype(np.int16)
    assert len(list(session.frames(frames))) == 3
    with (HERE / "workers").open("a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


@pytest.fixture
def project(tmp_path: Path, tiny_model: Path) -> Path:
    """A firmware's folder: the example of the documentation, its model and half a second of audio."""
    (example,) = [one for one in code_blocks("docs/testing.md", "python") if "assert_no_regression" in one]
    (tmp_path / "test_firmware.py").write_text(example)
    (tmp_path / "model.keras").write_bytes(tiny_model.read_bytes())
    for role in ("noisy", "clean"):
        samples, _ = soundfile.read(DATA / role / "clip01.wav", dtype="int16", frames=RATE // 2)
        (tmp_path / role).mkdir()
        soundfile.write(tmp_path / role / "clip01.wav", samples, RATE, subtype="PCM_16")
    return tmp_path


def run(folder: Path, *options: str) -> tuple[dict[str, int], str]:
    """Outcomes (``{"passed": 2}``) and output of pytest in a folder."""
    root = str(Path(assets.__file__).parents[1])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "pytest", "-p", "slimse_mcu.pytest_plugin", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    outcomes = re.findall(r"(\d+) (passed|failed|error)", done.stdout.splitlines()[-1] if done.stdout else "")
    return {what: int(count) for count, what in outcomes}, done.stdout + done.stderr


def spoil(path: Path, group: str, key: str, factor: float) -> None:
    """Another number in a baseline."""
    content = json.loads(path.read_text())
    content[group][key] *= factor
    path.write_text(json.dumps(content))


@pytest.mark.slow
def test_a_firmware_that_got_slower_or_larger_fails_with_what_it_was(project):
    """The baseline is written, then measured against, and so is one that was better."""
    baseline, better = project / "baseline.json", project / "better.json"
    outcomes, told = run(project, "--slimse-board", "host", "--slimse-update")
    assert outcomes == {"passed": 2}, told
    better.write_text(baseline.read_text())
    spoil(better, "macs", "mean", 0.9)
    spoil(better, "memory", "flash_weights", 0.9)
    example = (project / "test_firmware.py").read_text()
    (project / "test_worse.py").write_text(example.replace("baseline.json", "better.json"))
    outcomes, told = run(project, "--slimse-board", "host", "--junitxml", "junit.xml")
    assert outcomes == {"failed": 1, "passed": 3}, told
    assert "The firmware got worse:" in told
    assert re.search(r"MACs per frame: [\d,.]+, was [\d,.]+, limit", told)
    assert re.search(r"bytes of weights: [\d,.]+, was [\d,.]+, limit", told)
    assert "bytes of code:" not in told
    suite = ElementTree.parse(project / "junit.xml").getroot()
    found = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert found["slimse.board"] == "host"
    assert found["slimse.bit_exact"] == "True"
    assert int(found["slimse.macs.mean"]) == round(json.loads(baseline.read_text())["macs"]["mean"])


def test_without_a_baseline_the_way_to_one_is_told(tmp_path):
    measured = Measurement(None, tmp_path, update=False)
    with pytest.raises(pytest.fail.Exception, match=r"none\.json cannot be read.*--slimse-update"):
        measured.assert_no_regression(tmp_path / "none.json")


def test_tests_of_one_board_behind_a_port_go_to_one_worker(project, build_tiny):
    pytest.importorskip("xdist")
    if metadata.version("pytest-xdist") == "3.8.0" and pytest.version_tuple >= (9, 2):
        pytest.skip("this pytest-xdist does not group tests under this pytest")
    (project / "test_firmware.py").write_text(SESSIONS)
    with BoardServer(board("host"), build_tiny("host").elf) as server:
        options = ("--slimse-board", "host", "--slimse-port", server.url, "-n", "2", "--dist", "loadgroup")
        outcomes, told = run(project, *options)
    assert outcomes == {"passed": 4}, told
    workers = (project / "workers").read_text().split()
    assert len(workers) == 4
    assert len(set(workers)) == 1


def test_mistakes_are_told_without_a_traceback_of_the_package(project):
    (project / "test_firmware.py").write_text("def test_it(measure):\n    measure('model.keras', audio='noisy')\n")
    outcomes, told = run(project, "--slimse-board", "no-such-board")
    assert outcomes == {"error": 1}, told
    assert "no-such-board" in told
