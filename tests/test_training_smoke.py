"""``slimse train --smoke`` of every bundled config: it yields a model that loads and compiles."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

keras = pytest.importorskip("keras")

from training_data import write_pairs  # noqa: E402

from slimse_mcu.cli import run  # noqa: E402
from slimse_mcu.harness.quality import has_dnsmos  # noqa: E402
from slimse_mcu.load import load  # noqa: E402
from slimse_mcu.training.config import bundled, read_config  # noqa: E402

FAMILIES = {"convfsenet-small": "convfsenet", "convfsenet": "convfsenet", "dsn": "dsn_ftf"}


def family(name: str) -> str:
    """The first starting point's name without its end: configs of one family start from one network."""
    start = read_config(name).start
    return name.removesuffix("-start") if start is None else family(start.config)


def smoke(name: str, architecture: str, out: Path, *more: str) -> int:
    scores = () if has_dnsmos() or read_config(name).metric != "ovrl" else ("--set", "guidance.metric=snr")
    return run(["train", architecture, "--config", name, "--smoke", "--out", str(out / name), *scores, *more])


@pytest.mark.slow
@pytest.mark.parametrize("group", FAMILIES)
def test_every_config_trains_and_compiles(tmp_path: Path, capsys: pytest.CaptureFixture[str], group: str):
    write_pairs(tmp_path / "pairs")
    names = [name for name in bundled() if family(name) == group and not name.endswith("-start")]
    assert len(names) == 3
    start = tmp_path / f"{group}-start" / "model.keras"
    made = []
    for name in names:
        assert smoke(name, FAMILIES[group], tmp_path, "--data", str(tmp_path / "pairs")) == 0
        made.append(start.stat().st_mtime_ns)
        graph = load(tmp_path / name / "model.keras")
        assert bool(graph.gates) == read_config(name).network.gates
        history = json.loads((tmp_path / name / "history.json").read_text())
        assert history["finished"]
        assert all(epoch["spectral"] > 0 for epoch in history["epochs"])
    assert len(set(made)) == 1  # one starting point for all, trained once
    told = capsys.readouterr()
    assert told.out.count("2 steps") == 3
    assert told.err.count(f"{group}-start: taken from") == 2


def test_every_bundled_config_belongs_to_a_tested_family():
    assert {family(name) for name in bundled()} == set(FAMILIES)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_without_data_a_corpus_is_made_and_used_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    tiny = ["--set", "network.hidden=8", "--set", "network.bottleneck=8", "--set", "network.stacks=1"]
    assert smoke("convfsenet-small-start", "convfsenet", tmp_path, *tiny) == 0
    assert "synthesising" in capsys.readouterr().err
    other = ["--out", str(tmp_path / "other")]
    assert smoke("convfsenet-small-start", "convfsenet", tmp_path, *tiny, *other) == 0
    assert "synthesising" not in capsys.readouterr().err
