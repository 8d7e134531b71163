"""Two worker processes on loopback train what one process trains."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from training_data import tiny_config, tiny_data  # noqa: E402
from training_worker import CONFIG  # noqa: E402

from slimse_mcu.errors import SlimseError  # noqa: E402
from slimse_mcu.training.distribution import Alone, workers  # noqa: E402
from slimse_mcu.training.train import Unwatched, train  # noqa: E402

SCRIPT = Path(__file__).with_name("training_worker.py")


class Steps(Unwatched):
    """Keeps the losses of every step."""

    def __init__(self) -> None:
        self.seen: list[dict[str, float]] = []

    def step(self, step: int, logs: Mapping[str, float]) -> None:
        self.seen.append({"step": step, **logs})


def start(folder: Path, *more: str, cluster: list[str], index: int) -> subprocess.Popen:
    task = {"cluster": {"worker": cluster}, "task": {"type": "worker", "index": index}}
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CONFIG": json.dumps(task)}
    environment["TF_CPP_MIN_LOG_LEVEL"] = "3"
    command = [sys.executable, str(SCRIPT), str(folder / "data"), *more]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=SCRIPT.parent
    )


def lines(process: subprocess.Popen) -> list[dict]:
    """What a process wrote, one JSON value per line."""
    told, complaints = process.communicate(timeout=500)
    assert process.returncode == 0, complaints[-3000:]
    return [json.loads(line) for line in told.splitlines()]


def free_addresses() -> list[str]:
    """Two loopback addresses that nobody listens on."""
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in (one, other)]


@pytest.mark.slow
def test_two_workers_have_the_loss_curve_of_one_and_can_be_stopped(tmp_path: Path):
    alone = Steps()
    one = train(CONFIG, tiny_data(tmp_path / "data"), tmp_path / "one", watch=alone)
    both = []
    for more in (["STOP"], []):
        cluster = free_addresses()
        pair = [start(tmp_path, str(tmp_path / "two"), *more, cluster=cluster, index=index) for index in (0, 1)]
        chief, other = (lines(process) for process in pair)
        assert other == chief[-1:]  # the same result, and only the chief tells about steps
        assert chief[-1]["finished"] == (not more)
        both += chief[:-1]
    assert [step["step"] for step in both] == [1, 2, 3, 4]
    for expected, found in zip(alone.seen, both, strict=True):
        assert found == pytest.approx(expected, rel=1e-5)
    for expected, found in zip(one.history, chief[-1]["history"], strict=True):
        assert found == pytest.approx(expected, rel=1e-3)
    assert (tmp_path / "two" / "model.keras").exists()
    for a, b in zip(
        *(keras.models.load_model(tmp_path / n / "model.keras").weights for n in ("one", "two")), strict=True
    ):
        assert abs(keras.ops.convert_to_numpy(a) - keras.ops.convert_to_numpy(b)).max() < 1e-3


def test_without_the_variable_or_with_one_worker_a_process_is_alone(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert isinstance(workers(), Alone)
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}')
    assert isinstance(workers(), Alone)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "describes no cluster"),
        ("[]", "describes no cluster"),
        ("[" * 100000, "describes no cluster"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}}', "describes no cluster"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": "x"}}', "describes no cluster"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}', "worker 2 is none of 2"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": -1}}', "worker -1 is none of 2"),
        ('{"cluster": {"worker": ["a", "b"]}, "task": {"type": "worker", "index": 0}}', "not host:port"),
        ('{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}', "not host:port"),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "ps", "index": 0}}', "no workers"),
    ],
)
def test_descriptions_that_are_none_are_refused(monkeypatch, text: str, said: str):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(SlimseError, match=said):
        workers()


def test_batch_that_cannot_be_shared_is_refused(tmp_path: Path, monkeypatch):
    class Three(Alone):
        count = 3

    monkeypatch.setattr("slimse_mcu.training.train.workers", Three)
    with pytest.raises(SlimseError, match="A batch of 2 mixtures cannot be shared by 3 workers"):
        train(tiny_config(), tiny_data(tmp_path / "data"), tmp_path / "out")
