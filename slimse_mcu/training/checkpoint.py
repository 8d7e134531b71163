"""Everything that a training has to remember so that it goes on as if it had never stopped.

A checkpoint is one ``.npz`` file: every variable by number (weights, statistics, optimizer slots, states of the random
generators, running means of the metrics), and what Python knows as JSON.  It appears whole or not at all.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import SlimseError

_KEEP = 2
_STATE = "state"


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """A folder of checkpoints, of which the last two are kept.

    Attributes:
        folder: Made when the first one is saved.
    """

    folder: Path

    def latest(self) -> Path | None:
        """The checkpoint of the greatest step, or None."""
        found = sorted(self.folder.glob("step-*.npz"))
        return found[-1] if found else None

    def save(self, arrays: Sequence[NDArray[Any]], step: int, state: Mapping[str, Any]) -> Path:
        """Save a training's state after a step, see :func:`snapshot`, and remove all but the last two."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{step:08}.npz"
        write_arrays(path, arrays, state)
        for old in sorted(self.folder.glob("step-*.npz"))[:-_KEEP]:
            old.unlink()
        return path


def variables(task: keras.Model) -> list[Any]:
    """All variables that training changes, in an order that depends on the network only."""
    found: dict[int, Any] = {}
    for one in (*task.variables, *task.optimizer.variables, *task.metrics_variables):
        found.setdefault(id(one), one)
    return list(found.values())


def snapshot(targets: Sequence[Any]) -> list[NDArray[Any]]:
    """The values of variables; where several workers train, all of them have to take it."""
    return [np.array(keras.ops.convert_to_numpy(one)) for one in targets]


def write_arrays(path: Path, arrays: Sequence[NDArray[Any]], state: Mapping[str, Any]) -> None:
    """Write arrays and a JSON value into one file, which appears whole or not at all."""
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with temporary.open("wb") as file:
            content = {f"{number:05}": one for number, one in enumerate(arrays)}
            np.savez(file, **content, **{_STATE: np.array(json.dumps(state))})
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_arrays(path: Path, targets: Sequence[Any]) -> dict[str, Any]:
    """Put arrays that :func:`write_arrays` wrote into variables, and return the JSON value.

    Raises:
        SlimseError: The file is damaged, or of another network; no variable has changed then.
    """
    hint = "Remove it to go on from the one before."
    try:
        with np.load(path, allow_pickle=False) as content:
            values = [content[f"{number:05}"] for number in range(len(targets))]
            surplus = len(content.files) - len(targets) - 1
            state: dict[str, Any] = json.loads(str(content[_STATE]))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise SlimseError(f"The checkpoint {path} cannot be read ({error}).", hint=hint) from error
    for value, target in zip(values, targets, strict=True):
        if (
            surplus
            or tuple(target.shape) != value.shape
            or keras.backend.standardize_dtype(target.dtype) != value.dtype
        ):
            raise SlimseError(f"The checkpoint {path} is of another network.", hint=hint)
    for value, target in zip(values, targets, strict=True):
        target.assign(value)
    return state
