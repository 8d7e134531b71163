"""A training that was stopped and continued is the training that never stopped, to the bit."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training_data import StopsAfter, tiny_config, tiny_data  # noqa: E402

from slimse_mcu.errors import SlimseError  # noqa: E402
from slimse_mcu.training.architectures import architecture  # noqa: E402
from slimse_mcu.training.checkpoint import Checkpoints, read_arrays, snapshot, variables, write_arrays  # noqa: E402
from slimse_mcu.training.task import EnhancementTask  # noqa: E402
from slimse_mcu.training.train import train  # noqa: E402

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="bits are promised on TensorFlow"),
    pytest.mark.usefixtures("heeded_signals"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_data(tmp_path_factory.mktemp("corpus"))


def final_state(folder: Path) -> dict[str, np.ndarray]:
    """All variables after the last step, and the weights of the model."""
    with np.load(Checkpoints(folder / "checkpoint").latest()) as content:
        arrays = {name: content[name] for name in content.files if name != "state"}
    weights = keras.models.load_model(folder / "model.keras", compile=False).get_weights()
    return arrays | {f"weight {number}": weight for number, weight in enumerate(weights)}


_MIDDLE, _END, _MIDDLE_OF_SECOND = (1, signal.SIGINT), (2, signal.SIGTERM), (3, signal.SIGINT)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "changes", "stops"),
    [
        (
            "convfsenet",
            {"training": {"jit": True, "pool": 7}, "network": {"gate_noise": 0.3}},
            [_END, _MIDDLE_OF_SECOND],
        ),
        ("dsn_ftf", {"network": {"feature_noise": 0.1}}, [_MIDDLE]),
    ],
    ids=["convfsenet, compiled by XLA", "dsn_ftf"],
)
def test_interrupted_and_resumed_equals_uninterrupted(tmp_path: Path, data, family: str, changes, stops):
    config = tiny_config(family, **changes)
    whole = train(config, data, tmp_path / "whole")
    assert whole.finished

    for step, number in stops:
        part = train(config, data, tmp_path / "parts", resume=True, watch=StopsAfter(step, number))
        assert (part.finished, part.step) == (False, step)
        assert not (tmp_path / "parts" / "model.keras").exists()
    parts = train(config, data, tmp_path / "parts", resume=True)
    assert parts.finished
    assert parts.history == whole.history
    expected, found = final_state(tmp_path / "whole"), final_state(tmp_path / "parts")
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_state_holds_what_random_gates_and_the_optimizer_need():
    config = tiny_config("dsn_ftf")
    task = EnhancementTask(architecture("dsn_ftf").build(config.network, seed=1, name="x"), config.guidance)
    task.compile(keras.optimizers.AdamW(), jit_compile=False)
    task.optimizer.build(task.trainable_variables)
    found = variables(task)
    assert len({id(one) for one in found}) == len(found)
    names = [one.path for one in found]
    assert sum("seed_generator" in name for name in names) == 1
    assert sum(name.endswith("iteration") for name in names) == 1
    assert sum(name.endswith("/count") for name in names) == len(task.metrics)
    slots = sum("momentum" in name or "velocity" in name for name in names)
    assert slots == 2 * len(task.trainable_variables)


def test_finished_training_is_not_repeated(tmp_path: Path, data):
    config = tiny_config(training={"steps": 2, "eager": True})
    first = train(config, data, tmp_path / "out")
    before = (tmp_path / "out" / "model.keras").stat().st_mtime_ns
    again = train(config, data, tmp_path / "out", resume=True)
    assert again == first
    assert (tmp_path / "out" / "model.keras").stat().st_mtime_ns == before


def test_folder_of_a_training_is_not_written_over(tmp_path: Path, data):
    folder = tmp_path / "out"
    config = tiny_config(training={"eager": True})
    train(config, data, folder, watch=StopsAfter(1, signal.SIGINT))
    with pytest.raises(SlimseError, match="holds a training already"):
        train(config, data, folder)
    with pytest.raises(SlimseError, match=r"training\.steps is 4 there and 9 here"):
        train(tiny_config(training={"steps": 9, "eager": True}), data, folder, resume=True)
    other = tiny_data(tmp_path / "other")
    with pytest.raises(SlimseError, match="on other data"):
        train(config, type(other)(other.valid, other.valid), folder, resume=True)
    (folder / "history.json").write_text(json.dumps({"identity": 3}))
    with pytest.raises(SlimseError, match="no history of a training"):
        train(config, data, folder, resume=True)


def test_damaged_checkpoint_is_named_and_changes_nothing(tmp_path: Path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.Adam())
    model.optimizer.build(model.trainable_variables)
    path = Checkpoints(tmp_path).save(snapshot(variables(model)), 7, {"step": 7})
    assert read_arrays(path, variables(model)) == {"step": 7}
    content = path.read_bytes()
    before = model.get_weights()
    for damaged in (b"", content[: len(content) // 2], b"PK\x03\x04" + bytes(50), content[:-30]):
        path.write_bytes(damaged)
        with pytest.raises(SlimseError, match="cannot be read"):
            read_arrays(path, variables(model))
    write_arrays(path, [*snapshot(variables(model)), np.zeros(3)], {})
    with pytest.raises(SlimseError, match="of another network"):
        read_arrays(path, variables(model))
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_last_two_checkpoints_stay(tmp_path: Path):
    for step in (5, 99, 100, 1000):
        Checkpoints(tmp_path).save([np.zeros(2)], step, {})
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-00000100.npz", "step-00001000.npz"]
    assert Checkpoints(tmp_path).latest().name == "step-00001000.npz"


def test_failed_write_leaves_nothing(tmp_path: Path):
    with pytest.raises(TypeError):
        write_arrays(tmp_path / "x.npz", [], {"state": object()})
    assert list(tmp_path.iterdir()) == []
