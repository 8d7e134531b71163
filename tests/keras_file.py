"""Writes ``.keras`` files without Keras: of networks that were written down, and of what Keras would never write."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from networks import Network
from numpy.typing import NDArray

from slimse_mcu.keras_archive import KerasLayer


def functional_config(network: Network) -> dict[str, Any]:
    """``config.json`` of a network whose ``graph`` or ``output`` was set."""
    assert network.output is not None
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "network",
            "layers": [_entry(layer) for layer in network.layers],
            "input_layers": [[network.layers[0].name, 0, 0]],
            "output_layers": [[network.output.layer, 0, 0]],
        },
    }


def _entry(layer: KerasLayer) -> dict[str, Any]:
    package, _, name = layer.kind.rpartition(">")
    calls = [[_tensor(source, call) for source, call in sources] for sources in layer.calls]
    return {
        "module": "slimse" if package else "keras.layers",
        "class_name": name,
        "registered_name": layer.kind if package else None,
        "config": dict(layer.config),
        "name": layer.name,
        "inbound_nodes": [{"args": [tensors if len(tensors) > 1 else tensors[0]], "kwargs": {}} for tensors in calls],
    }


def _tensor(layer: str, call: int) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [layer, call, 0]}}


def weight_groups(layers: Sequence[KerasLayer]) -> dict[str, tuple[NDArray[np.float32], ...]]:
    """Where Keras puts each layer's arrays in ``model.weights.h5``."""
    counts: dict[str, int] = {}
    groups = {}
    for layer in layers:
        name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", layer.kind.rpartition(">")[2])
        name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
        count = counts.get(name, 0)
        counts[name] = count + 1
        groups[f"layers/{name}_{count}/vars" if count else f"layers/{name}/vars"] = layer.weights
    return groups


def weights_store(layers: Sequence[KerasLayer], change: Callable[[h5py.File], None] | None = None) -> bytes:
    """``model.weights.h5`` of some layers; ``change`` may spoil it."""
    store = io.BytesIO()
    with h5py.File(store, "w") as file:
        for group, arrays in weight_groups(layers).items():
            target = file.create_group(group)
            for index, array in enumerate(arrays):
                target[str(index)] = array
        if change is not None:
            change(file)
    return store.getvalue()


def write_archive(path: Path, config: Any, weights: bytes, **members: bytes) -> Path:
    """A zip file like Keras's; the configuration is JSON, or bytes as they are."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.6.0"}')
        archive.writestr("config.json", config if isinstance(config, bytes) else json.dumps(config))
        archive.writestr("model.weights.h5", weights)
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def save(network: Network, path: Path) -> Path:
    """A network as a ``.keras`` file."""
    return write_archive(path, functional_config(network), weights_store(network.layers))
