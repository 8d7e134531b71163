"""Reads a ``.keras`` file without Keras: a zip of ``config.json`` and ``model.weights.h5``.

What comes in is hostile until checked: sizes are bounded, no object is unpickled, no code in the file is run, and
nothing outside the archive is followed.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import ModelError

_CONFIG = "config.json"
_WEIGHTS = "model.weights.h5"
MAX_CONFIG_BYTES = 16 * 2**20
MAX_WEIGHTS_BYTES = 256 * 2**20
MAX_ARCHIVE_BYTES = MAX_CONFIG_BYTES + MAX_WEIGHTS_BYTES
SAVE_AGAIN = "Load the model in Keras 3, check it and save it again."
#: Where a layer's arrays lie below its group: its own, those of a recurrent layer's cell, those of the layers and
#: cells that TimeDistributed and Bidirectional wrap, those of attention.
_GROUPS = (
    "vars",
    "cell/vars",
    "layer/vars",
    *(f"layer/{part}cell/vars" for part in ("", "forward_layer/", "backward_layer/")),
    *(f"{part}_dense/vars" for part in ("query", "key", "value", "output")),
)


@dataclass(frozen=True, slots=True)
class KerasLayer:
    """One layer of the archive's configuration.

    Attributes:
        name: The layer's name.
        kind: Registered name (``"slimse>ChannelGate"``) or class name of a built-in layer.
        config: The layer's configuration.
        calls: For each call of the layer: names of the layers that its inputs come from, and which call of them.
        weights: Its arrays in saving order.
        options: Names of the call arguments, tensors apart, that some call sets to other than None and False.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    calls: tuple[tuple[tuple[str, int], ...], ...]
    weights: tuple[NDArray[np.float32], ...] = field(default=())
    options: frozenset[str] = frozenset()

    def unwrapped(self) -> KerasLayer:
        """Of a TimeDistributed the layer inside, of kind ``"TimeDistributed(Dense)"``; any other as it is."""
        if self.kind != "TimeDistributed":
            return self
        inner = self.config["layer"]
        kind = inner.get("registered_name") or inner["class_name"]
        return replace(self, kind=f"{self.kind}({kind})", config=inner["config"])

    def error(self, problem: str, hint: str = "") -> ModelError:
        """A ModelError that names this layer."""
        return ModelError(f"Layer '{self.name}' ({self.kind}) {problem}.", hint=hint or SAVE_AGAIN)

    def weight(self, index: int, *, rank: int) -> NDArray[np.float32]:
        """The array at ``index``; ModelError when it is missing or of another rank."""
        if index >= len(self.weights):
            raise self.error(f"has {len(self.weights)} weight arrays in the file, more are needed", "Save it built.")
        array = self.weights[index]
        if array.ndim != rank:
            raise self.error(f"has a weight of shape {array.shape}, expected {rank} axes")
        return array

    def bias(self, *, channels: int, index: int) -> NDArray[np.float32]:
        """The bias ``[channels]`` at ``index``, zero when the layer uses none."""
        if not self.config.get("use_bias", True):
            return np.zeros(channels, np.float32)
        return self.weight(index, rank=1)

    def scalar(self, key: str) -> int:
        """An integer setting that Keras stores as a number or a list of one; 1 when absent."""
        value = self.config.get(key, 1)
        if isinstance(value, (list, tuple)) and len(set(value)) == 1:
            value = value[0]
        if not isinstance(value, int) or value < 1:
            raise self.error(f"has {key}={value}, expected a positive integer")
        return value


@dataclass(frozen=True, slots=True)
class KerasArchive:
    """The model as the file describes it.

    Attributes:
        name: The model's name.
        sha256: Hash of the file, 64 hex digits.
        layers: In the configuration's order.
        inputs: Names of the input layers.
        outputs: Name and call of the layers that the outputs come from.
    """

    name: str
    sha256: str
    layers: tuple[KerasLayer, ...]
    inputs: tuple[str, ...]
    outputs: tuple[tuple[str, int], ...]


def read_archive(path: Path) -> KerasArchive:
    """Read and check a ``.keras`` file.

    Raises:
        ModelError: The file is missing, damaged, too large, no Functional or Sequential model, or holds a weight that
            is not finite.
    """
    try:
        if not path.is_file() and path.exists():
            raise ModelError(f"Cannot read '{path}': it is not a file.", hint="Give the path of a .keras file.")
        if path.stat().st_size > MAX_ARCHIVE_BYTES:
            raise ModelError(f"'{path}' is larger than {MAX_ARCHIVE_BYTES} bytes.", hint="Give a .keras file.")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"Cannot read '{path}': {error.strerror}.", hint="Give the path of a .keras file.") from None
    hint = "Save the model with Keras 3: model.save('name.keras')."
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            config = json.loads(_member(archive, path, _CONFIG, MAX_CONFIG_BYTES))
            store = _member(archive, path, _WEIGHTS, MAX_WEIGHTS_BYTES)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError):
        raise ModelError(f"'{path}' is not a .keras file, or it is damaged.", hint=hint) from None
    except (ValueError, RecursionError):
        raise ModelError(f"'{path}' has a configuration that is not valid JSON.", hint=hint) from None
    except Exception as error:  # zlib.error and friends: the archive is damaged
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"'{path}' is damaged: {error}.", hint=hint) from None
    try:
        return _parse(config, store, hashlib.sha256(data).hexdigest(), path)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ModelError(
            f"'{path}' has a configuration that Keras 3 would not write ({type(error).__name__}: {error}).", hint=hint
        ) from None


def _member(archive: zipfile.ZipFile, path: Path, name: str, limit: int) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise ModelError(
            f"'{path}' is a zip file without '{name}', not a .keras file.", hint="Save the model with Keras 3."
        ) from None
    if info.file_size > limit:
        raise ModelError(
            f"'{path}': '{name}' has {info.file_size} bytes; at most {limit} are accepted.", hint=SAVE_AGAIN
        )
    with archive.open(info) as member:
        content = member.read(limit + 1)
    if len(content) > limit:
        raise ModelError(
            f"'{path}': '{name}' is larger than it claims; at most {limit} bytes are accepted.", hint=SAVE_AGAIN
        )
    return content


def _parse(config: Any, store: bytes, sha256: str, path: Path) -> KerasArchive:
    model_kind = config["class_name"]
    if model_kind not in ("Functional", "Sequential"):
        raise ModelError(
            f"'{path}' holds a {model_kind} model.", hint="Only Functional and Sequential models describe their layers."
        )
    body = config["config"]
    entries = body["layers"]
    weights = _weights(store, [entry["class_name"] for entry in entries], path)
    layers = []
    for index, entry in enumerate(entries):
        name = entry["config"]["name"]
        kind = entry.get("registered_name") or entry["class_name"]
        if not (isinstance(name, str) and isinstance(kind, str)):
            raise TypeError(f"layer {name!r} of class {kind!r}")
        nodes = entry.get("inbound_nodes", [])
        calls = tuple(_calls(nodes, name))
        layers.append(KerasLayer(name, kind, entry["config"], calls, weights[index], frozenset(_options(nodes))))
    if model_kind == "Sequential":
        return _sequential(body.get("name", path.stem), sha256, layers)
    return KerasArchive(
        str(body.get("name", path.stem)),
        sha256,
        tuple(layers),
        tuple(name for name, _ in _references(body["input_layers"])),
        tuple(_references(body["output_layers"])),
    )


def _sequential(name: str, sha256: str, layers: list[KerasLayer]) -> KerasArchive:
    if not layers or layers[0].kind != "InputLayer":
        raise ModelError(
            "The sequential model does not say its input's shape.",
            hint="Add keras.Input(shape=(None, channels)) first.",
        )
    chained = [layers[0]]
    for layer in layers[1:]:
        before = chained[-1].name
        chained.append(KerasLayer(layer.name, layer.kind, layer.config, (((before, 0),),), layer.weights))
    return KerasArchive(str(name), sha256, tuple(chained), (layers[0].name,), ((chained[-1].name, 0),))


def _references(value: Any) -> Iterator[tuple[str, int]]:
    """``["name", node, tensor]`` or a (nested) list or dict of them."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{value!r} is no reference to a layer")
    if len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], int):
        yield value[0], value[1]
        return
    for item in value:
        yield from _references(item)


def _calls(nodes: Any, name: str) -> Iterator[tuple[tuple[str, int], ...]]:
    for node in nodes:
        if not isinstance(node, dict):
            raise ModelError(
                f"Layer '{name}' was saved in the format of Keras 2.", hint="Load and save the model with Keras 3."
            )
        sources = tuple(_tensors(node["args"]))
        for key, value in node.get("kwargs", {}).items():
            if any(True for _ in _tensors(value)):
                raise ModelError(
                    f"Layer '{name}' takes a tensor as argument '{key}'.", hint="Pass tensors by position."
                )
        yield sources


def _options(nodes: Any) -> Iterator[str]:
    for node in nodes:
        given = node.get("kwargs", {}).items()
        yield from (str(key) for key, value in given if value is not None and value is not False)


def _tensors(value: Any) -> Iterator[tuple[str, int]]:
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            history = value["config"]["keras_history"]
            yield str(history[0]), int(history[1])
            return
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


def _snake_case(name: str) -> str:
    """The name under which Keras 3 stores a class's weights."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _weights(store: bytes, classes: list[str], path: Path) -> list[tuple[NDArray[np.float32], ...]]:
    """Arrays of each layer: Keras stores them by class name with a counter, in the configuration's order."""
    used: dict[str, int] = {}
    result = []
    room = MAX_WEIGHTS_BYTES
    try:
        file = h5py.File(io.BytesIO(store), "r")
    except OSError:
        raise ModelError(f"'{path}': '{_WEIGHTS}' is damaged.", hint="Save the model again.") from None
    with file:
        for kind in classes:
            base = _snake_case(kind)
            count = used.get(base, 0)
            used[base] = count + 1
            name = f"layers/{base}_{count}" if count else f"layers/{base}"
            arrays: list[NDArray[np.float32]] = []
            try:
                group = _group(file, name, path)
                for part in _GROUPS if group is not None else ():
                    arrays += _arrays(group, part, path, room - sum(array.nbytes for array in arrays))
            except (OSError, RuntimeError, ValueError, TypeError, KeyError):
                raise ModelError(f"'{path}': '{_WEIGHTS}' is damaged at '{name}'.", hint="Save it again.") from None
            room -= sum(array.nbytes for array in arrays)
            result.append(tuple(arrays))
    return result


def _arrays(layer: h5py.Group, part: str, path: Path, room: int) -> Iterator[NDArray[np.float32]]:
    """The arrays in one part of a layer's group, ``room`` bytes of them at most."""
    group = _group(layer, part, path)
    index = 0
    while group is not None and (item := _stored(group, str(index), path)) is not None:
        name = _name(group, str(index))
        if not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:
            raise ModelError(f"'{path}': weight '{name}' is not stored in the file itself.", hint=SAVE_AGAIN)
        if item.dtype.kind != "f":
            raise ModelError(
                f"'{path}': weight '{name}' is not an array of floating-point numbers.", hint="Save the float model."
            )
        room -= item.size * 4
        if room < 0:
            raise ModelError(
                f"'{path}': the weights have more than {MAX_WEIGHTS_BYTES} bytes.", hint="Use a smaller model."
            )
        yield np.asarray(item[()], dtype=np.float32)
        index += 1


def _group(parent: h5py.Group, name: str, path: Path) -> h5py.Group | None:
    """The group of a name with slashes below another one, or None."""
    for part in name.split("/"):
        found = _stored(parent, part, path)
        if not isinstance(found, h5py.Group):
            return None
        parent = found
    return parent


def _stored(group: h5py.Group, name: str, path: Path) -> Any:
    """What a group has under a name, or None; ModelError where it is a link to somewhere else."""
    link = group.get(name, getlink=True)
    if link is None:
        return None
    if not isinstance(link, h5py.HardLink):
        raise ModelError(f"'{path}': weight '{_name(group, name)}' is not stored in the file itself.", hint=SAVE_AGAIN)
    return group[name]


def _name(group: h5py.Group, name: str) -> str:
    """The whole name of something in a group."""
    return f"{group.name}/{name}".lstrip("/")
