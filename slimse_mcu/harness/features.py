"""Feature files for models without an audio front end: ``.npy`` arrays ``[frames, inputs]``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import AudioError

_MOST_VALUES = 1 << 28


@dataclass(frozen=True, slots=True)
class Features:
    """One sequence of frames.

    Attributes:
        name: File name without folder and suffix.
        values: float32 ``[frames, inputs]``, as the model's input; or int8 or int16, already quantized.
    """

    name: str
    values: NDArray[Any]


def read_features(path: Path, inputs: int) -> tuple[Features, ...]:
    """A ``.npy`` file, or all of a folder, sorted by name.

    Args:
        path: File or folder.
        inputs: Size of the model's input.

    Raises:
        AudioError: A file cannot be read, is empty, has another shape, or holds values that are not finite.
    """
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = sorted(one for one in path.iterdir() if one.suffix.lower() == ".npy" and one.is_file())
    else:
        raise AudioError(f"There is no feature file or folder {path}.", hint="Give a .npy file.")
    if not found:
        raise AudioError(f"The folder {path} holds no .npy file.", hint="The model has no front end: give features.")
    return tuple(Features(one.stem, _read(one, inputs)) for one in found)


def _read(path: Path, inputs: int) -> NDArray[Any]:
    try:
        values = np.load(path, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise AudioError(
            f"{path} cannot be read as .npy features.",
            hint="The model has no front end: save its input with numpy.save, or give a front end.",
        ) from error
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu" or values.ndim != 2:
        raise AudioError(f"{path} is no table of numbers.", hint=f"Save an array [frames, {inputs}].")
    if values.shape[1] != inputs or len(values) == 0 or values.size > _MOST_VALUES:
        raise AudioError(
            f"{path} has shape {values.shape}, expected (frames, {inputs}).",
            hint="Save the model's input, one row per frame.",
        )
    if values.dtype in (np.int8, np.int16):
        return np.array(values)
    if not np.isfinite(values).all():
        raise AudioError(f"{path} holds values that are not finite.", hint="Write the file again.")
    return np.array(values, np.float32)
