"""What the ranges of the activations are measured on: recordings, as the graph's input sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import FrontEnd, Graph

_FEATURES = (".npy",)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Recordings to calibrate with.

    Attributes:
        features: One float32 array ``[frames, inputs]`` per recording.
        digest: SHA-256 of the recordings and the method, 64 hex digits.
        source: For people: where it came from and how much it is.
    """

    features: tuple[NDArray[np.float32], ...]
    digest: str
    source: str


def read_calibration(graph: Graph, path: Path | None, *, method: str, percentile: float) -> Calibration:
    """Read recordings and turn audio into the graph's features.

    Args:
        graph: Its front end says the sample rate and the transform; without one, ``.npy`` features are read.
        path: A file, a folder (searched deeply, in the order of names), or None for the zoo's clip.
        method: ``"minmax"`` or ``"percentile"``; part of the digest.
        percentile: Part of the digest of ``"percentile"``.

    Raises:
        QuantizeError: There is nothing to calibrate with, or the features do not fit the model.
        AudioError: A file cannot be read.
    """
    recordings: Sequence[NDArray[Any]]
    if graph.frontend is None:
        recordings = [_read_features(one, graph.tensors[graph.input].size) for one in _feature_files(path)]
        features = list(recordings)
    else:
        recordings = _read_audio(path, graph.frontend)
        features = _features(graph.frontend, recordings)
    frames = sum(len(one) for one in features)
    plural = "" if len(features) == 1 else "s"
    where = "the zoo's calibration clip" if path is None else str(path)
    return Calibration(
        tuple(features),
        _digest(recordings, f"{method} {percentile if method == 'percentile' else ''}"),
        f"{frames} frames of {len(features)} recording{plural}, {where}",
    )


def _digest(recordings: Sequence[NDArray[Any]], method: str) -> str:
    digest = hashlib.sha256(method.encode())
    for one in recordings:
        digest.update(f"{one.dtype.str} {one.shape}".encode())
        digest.update(np.ascontiguousarray(one).tobytes())
    return digest.hexdigest()


def _feature_files(path: Path | None) -> list[Path]:
    if path is None:
        raise QuantizeError(
            "The model has no front end, so audio cannot calibrate it.",
            hint="Give a front end (--frontend) or features [frames, inputs] (--calibration FILE.npy).",
        )
    return _files(path, _FEATURES)


def _read_features(path: Path, inputs: int) -> NDArray[np.float32]:
    try:
        features = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise QuantizeError(f"{path} is no .npy file of numbers.", hint="Save it with numpy.save.") from error
    if not isinstance(features, np.ndarray) or features.dtype.kind not in "fiu":
        raise QuantizeError(f"{path} is no .npy file of numbers.", hint="Save it with numpy.save.")
    if features.ndim != 2 or features.shape[1] != inputs or not len(features):
        raise QuantizeError(
            f"{path} has shape {features.shape}, expected [frames, {inputs}].",
            hint="Save the features as the model sees them.",
        )
    if not np.isfinite(features).all():
        raise QuantizeError(f"{path} holds values that are not finite.", hint="Correct the features.")
    return features.astype(np.float32)


def _read_audio(path: Path | None, frontend: FrontEnd) -> list[NDArray[np.int16]]:
    from slimse_mcu import zoo
    from slimse_mcu.harness.audio import SUFFIXES, read_audio

    source = zoo.calibration_clip() if path is None else path
    return [read_audio(one, frontend.sample_rate_hz).samples for one in _files(source, SUFFIXES)]


def _features(frontend: FrontEnd, recordings: Sequence[NDArray[np.int16]]) -> list[NDArray[np.float32]]:
    from slimse_mcu.frontend import float_analyse

    return [float_analyse(frontend, pcm)[0] for pcm in recordings]


def _files(path: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The file itself, or the files under a folder with one of the endings, in the order of their names."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise QuantizeError(
            f"There is no calibration data at {path}.", hint=f"Name a file or folder ({', '.join(suffixes)})."
        )
    found = sorted(one for one in path.rglob("*") if one.suffix.lower() in suffixes and one.is_file())
    if not found:
        raise QuantizeError(
            f"The calibration folder {path} holds no {' or '.join(suffixes)} file.",
            hint="Put recordings into it that are like those of later use: noisy speech.",
        )
    return found
