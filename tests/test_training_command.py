"""``slimse train``: what it says, and what a user may do wrong."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

keras = pytest.importorskip("keras")

from training_data import NETWORKS, tiny_config, write_pairs  # noqa: E402

from slimse_mcu.cli import run  # noqa: E402

SHORT = {"steps": 2, "eager": True}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    write_pairs(folder)
    return folder


def write_configs(folder: Path) -> None:
    """``start.toml`` and ``gated.toml``, which starts from it."""
    write_chain(folder, "start", "gated")


def write_chain(folder: Path, *names: str, first_from: str | None = None) -> None:
    """Configs of which each starts from the one before; only the last has gates."""
    folder.mkdir(exist_ok=True)
    for name, start in zip(names, (first_from, *names), strict=False):
        tables = {} if start is None else {"start": {"config": f"{start}.toml"}}
        config = tiny_config(gates=name == names[-1], name=name, training=SHORT, **tables)
        (folder / f"{name}.toml").write_text(config.to_toml())


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of an error."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    return lines[0]


def test_starting_point_is_trained_first_and_taken_the_second_time(tmp_path: Path, pairs: Path, capsys):
    write_configs(tmp_path / "recipes")
    command = ["train", "convfsenet", "--config", str(tmp_path / "recipes" / "gated.toml"), "--data", str(pairs)]
    assert run([*command, "--out", str(tmp_path / "zoo" / "one")]) == 0
    first = capsys.readouterr()
    assert first.out.startswith(f"{tmp_path}/zoo/one/model.keras: 2 steps")
    assert "start: training, 2 steps" in first.err
    assert {path.name for path in (tmp_path / "zoo").iterdir()} == {"one", "start"}

    assert run([*command, "--out", str(tmp_path / "zoo" / "two")]) == 0
    assert "start: taken from" in capsys.readouterr().err
    one, two = (keras.models.load_model(tmp_path / "zoo" / name / "model.keras") for name in ("one", "two"))
    assert all((a == b).all() for a, b in zip(one.get_weights(), two.get_weights(), strict=True))

    given = ["--start", str(tmp_path / "zoo" / "start" / "model.keras"), "--out", str(tmp_path / "alone" / "three")]
    assert run([*command, *given]) == 0
    assert {path.name for path in (tmp_path / "alone").iterdir()} == {"three"}

    other = ["--set", "network.hidden=16", "--out", str(tmp_path / "zoo" / "four")]
    assert run([*command, *other]) == 2
    assert "does not fit to start from: its layer s0b0_expand" in said(capsys)


def test_starting_points_have_their_own(tmp_path: Path, pairs: Path, capsys):
    write_chain(tmp_path / "recipes", "first", "second", "last")
    command = ["train", "convfsenet", "--config", str(tmp_path / "recipes" / "last.toml"), "--data", str(pairs)]
    assert run([*command, "--out", str(tmp_path / "zoo" / "last")]) == 0
    told = capsys.readouterr().err
    places = [told.index(f"{name}: training, 2 steps") for name in ("first", "second", "last")]
    assert places == sorted(places)
    for name, before in (("second", "first"), ("last", "second")):
        history = json.loads((tmp_path / "zoo" / name / "history.json").read_text())
        model = (tmp_path / "zoo" / before / "model.keras").read_bytes()
        assert history["start"] == hashlib.sha256(model).hexdigest()


def test_starting_points_in_a_circle_are_refused(tmp_path: Path, pairs: Path, capsys):
    write_chain(tmp_path / "recipes", "first", "second", "last", first_from="second")
    command = ["train", "convfsenet", "--config", str(tmp_path / "recipes" / "last.toml"), "--data", str(pairs)]
    assert run([*command, "--out", str(tmp_path / "zoo" / "last")]) == 2
    assert "second starts from first starts from second" in said(capsys)
    assert not (tmp_path / "zoo").exists()


def test_mistakes_are_one_line_that_names_them(tmp_path: Path, pairs: Path, capsys):
    write_configs(tmp_path)
    train = ["train", "convfsenet", "--config"]
    data = ["--data", str(pairs), "--out", str(tmp_path / "out")]
    for arguments, expected in (
        ([*train, "nothing", *data], "There is no config nothing."),
        (["train", "dsn_ftf", "--config", "convfsenet-start", *data], "is a config of convfsenet, not of dsn_ftf"),
        (["train", "lstm", "--config", "convfsenet-start", *data], "'lstm' is none of convfsenet, dsn_ftf"),
        ([*train, "convfsenet-start", "--out", str(tmp_path / "out")], "There is nothing to train on."),
        ([*train, "convfsenet-start", "--data", str(tmp_path / "gone")], "gone"),
        ([*train, "convfsenet-start", *data, "--set", "training.batch=0"], "training.batch"),
        ([*train, str(tmp_path / "gated.toml"), *data, "--start", str(tmp_path / "no.keras")], "no.keras"),
    ):
        assert run(arguments) == 2
        assert expected in said(capsys)
    assert not (tmp_path / "out" / "model.keras").exists()


def test_help_names_the_architectures_without_keras():
    script = "import sys; from slimse_mcu.cli import run; run(['train', '--help']); sys.exit('keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert all(name in done.stdout for name in ("{convfsenet,dsn_ftf}", "--resume", "--smoke"))
    assert set(NETWORKS) == {"convfsenet", "dsn_ftf"}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_terminated_process_says_how_to_go_on_and_goes_on(tmp_path: Path, pairs: Path):
    write_configs(tmp_path)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "slimse_mcu.cli", "train", "convfsenet", "--data", str(pairs), "--out", str(out)]
    command += ["--config", str(tmp_path / "start.toml"), "--set", "training.steps=100000", "--resume"]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    before = 0
    for _ in range(2):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        assert process.stderr is not None
        told = []
        for line in process.stderr:
            told.append(line)
            if "/100000  loss" in line:  # an epoch is done
                process.send_signal(signal.SIGTERM)
                break
        told += process.stderr.readlines()
        assert process.wait(timeout=300) == 130, told
        assert any(f"Stopped after step {latest(out)}, which is saved." in line for line in told)
        assert any("--resume goes on" in line for line in told)
        assert any(f"start: from step {before} of 100000" in line for line in told) == bool(before)
        assert latest(out) > before
        before = latest(out)
    assert not (out / "model.keras").exists()


def latest(out: Path) -> int:
    """Step of the last checkpoint, 0 without any."""
    return max((int(path.stem.removeprefix("step-")) for path in (out / "checkpoint").glob("step-*.npz")), default=0)
