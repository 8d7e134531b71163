"""Saves Keras models small: weights rounded to float16, stored compressed, no optimizer state."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

_STAMP = (1980, 1, 1, 0, 0, 0)


def rounded(weight: NDArray[Any]) -> NDArray[Any]:
    """Round to float16, which leaves 11 significant bits; what float16 cannot hold stays as it is."""
    if weight.dtype != np.float32:
        return weight
    half = np.clip(weight, -65504, 65504).astype(np.float16).astype(np.float32)
    fits = (np.abs(weight) <= 65504) & (np.abs(weight) > 1e-4)
    return np.where(fits, half, weight)


def save_compact(model: keras.Model, path: Path) -> None:
    """Save an uncompiled model as an ordinary ``.keras`` archive with compressed weights.

    ``keras.models.load_model`` reads it like any other.  The file appears whole or not at all.
    """
    temporary = path.with_name(f".{path.name}.partial.keras")
    try:
        model.save(temporary)
        with zipfile.ZipFile(temporary) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        members["model.weights.h5"] = _compressed(members["model.weights.h5"])
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(zipfile.ZipInfo(name, _STAMP), content, zipfile.ZIP_DEFLATED)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _compressed(weights: bytes) -> bytes:
    """The same HDF5 file with every array shuffled and deflated."""
    buffer = io.BytesIO()
    with h5py.File(io.BytesIO(weights), "r") as source, h5py.File(buffer, "w") as target:

        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset):
                options = {"compression": "gzip", "compression_opts": 9, "shuffle": True} if item.shape else {}
                copied = target.create_dataset(name, data=item[()], **options)
            else:
                copied = target.require_group(name)
            for key, value in item.attrs.items():
                copied.attrs[key] = value

        source.visititems(copy)
        for key, value in source.attrs.items():
            target.attrs[key] = value
    return buffer.getvalue()
