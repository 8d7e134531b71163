"""Recordings that a search measures with: of a data set, of a folder, or features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from slimse_mcu.errors import SlimseError
from slimse_mcu.graph import Graph
from slimse_mcu.harness.audio import SUFFIXES, Pair, files, read_audio, read_pairs
from slimse_mcu.sensitivity.runs import Sample, sample_of_features, sample_of_pair

_Item = TypeVar("_Item")


def read_samples(graph: Graph, data: Path, *, kind: str | None = None, split: str, limit: int) -> list[Sample]:
    """Recordings, evenly spread where there are more than wanted.

    Args:
        graph: Its front end says what it takes.
        data: A data set; a file or folder of noisy recordings without clean ones; or .npy features.
        kind: Layout of the data set, where it is not recognised.
        split: ``"valid"`` or ``"test"``, of a data set.
        limit: At most so many.

    Raises:
        SlimseError: There is nothing to read, or it cannot be read.
    """
    if graph.frontend is None:
        from slimse_mcu.harness.features import read_features

        found = read_features(data, graph.tensors[graph.input].size)
        if any(one.values.dtype.kind != "f" for one in found):
            raise SlimseError(f"The features of {data} are quantized already.", hint="Save them in float.")
        return [sample_of_features(one.name, one.values) for one in spread(found, limit)]
    return [sample_of_pair(graph, pair) for pair in _pairs(graph.frontend.sample_rate_hz, data, kind, split, limit)]


def spread(items: Sequence[_Item], limit: int) -> list[_Item]:
    """At most ``limit`` of the items, evenly spread, in their order."""
    if limit >= len(items):
        return list(items)
    return [items[(2 * place + 1) * len(items) // (2 * limit)] for place in range(limit)]


def _pairs(rate_hz: int, data: Path, kind: str | None, split: str, limit: int) -> list[Pair]:
    if kind is None and (data.is_file() or _holds_audio(data)):
        return [Pair(read_audio(path, rate_hz), None) for path in spread(files(data), limit)]
    if kind is None and (data / "noisy").is_dir() and (data / "clean").is_dir():
        return spread(read_pairs(data / "noisy", data / "clean", rate_hz), limit)
    from slimse_mcu.data.sets import open_test_set

    items = spread(open_test_set(data, kind, split).items, limit)
    return [pair for one in items for pair in read_pairs(one.noisy, one.clean, rate_hz)]


def _holds_audio(folder: Path) -> bool:
    return folder.is_dir() and any(one.suffix.lower() in SUFFIXES and one.is_file() for one in folder.iterdir())
