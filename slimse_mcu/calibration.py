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
        path: A file, a folder, or None for the zoo's clip.
        method: ``"minmax"`` or ``"percentile"``; part of the digest.
        percentile: Part of the digest of ``"percentile"``.

    Raises:
        QuantizeError: There is nothing to calibrate with, or the features are quantized already.
        AudioError: A file cannot be read, or the features do not fit the model.
    """
    recordings: Sequence[NDArray[Any]]
    if graph.frontend is None:
        recordings = features = _read_features(path, graph.tensors[graph.input].size)
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


def _read_features(path: Path | None, inputs: int) -> list[NDArray[np.float32]]:
    from slimse_mcu.harness.features import read_features

    if path is None:
        raise QuantizeError(
            "The model has no front end, so audio cannot calibrate it.",
            hint="Give a front end (--frontend) or features [frames, inputs] (--calibration FILE.npy).",
        )
    recordings = read_features(path, inputs)
    if any(one.values.dtype != np.float32 for one in recordings):
        raise QuantizeError(
            f"The features of {path} are quantized already.", hint="Save them in float, as the model sees them."
        )
    return [one.values for one in recordings]


def _read_audio(path: Path | None, frontend: FrontEnd) -> list[NDArray[np.int16]]:
    from slimse_mcu import zoo
    from slimse_mcu.harness.audio import files, read_audio

    source = zoo.calibration_clip() if path is None else path
    recordings = [read_audio(one, frontend.sample_rate_hz).samples for one in files(source)]
    if not any(samples.any() for samples in recordings):
        raise QuantizeError(
            f"{source} holds silence alone, which shows no ranges.", hint="Give recordings like those of later use."
        )
    return recordings


def _features(frontend: FrontEnd, recordings: Sequence[NDArray[np.int16]]) -> list[NDArray[np.float32]]:
    from slimse_mcu.frontend import float_analyse

    return [float_analyse(frontend, pcm)[0] for pcm in recordings]
