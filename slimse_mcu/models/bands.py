"""Merging frequency bins into bands and splitting bands into bins, with fixed matrices."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray


@keras.saving.register_keras_serializable(package="slimse")
class Bands(keras.layers.Layer):
    """A fixed matrix along the frequency axis, which costs only its non-zeros once compiled.

    The matrix is a weight that training leaves alone; set it with ``set_weights([matrix])`` after building, or give
    ``matrix`` to the first call's layer.

    Args:
        rows: Positions out.
        matrix: ``[rows, positions in]``, see :func:`erb_merge` and :func:`erb_split`; zero until set by default.

    Input: ``[batch, time, positions]`` or ``[batch, time, positions, channels]``.
    Output: ``[batch, time, rows]`` or ``[batch, time, rows, channels]``.

    Raises:
        ValueError: ``matrix`` does not fit the input.
    """

    def __init__(self, rows: int, matrix: NDArray[np.float32] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rows = rows
        self._initial = matrix

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create ``matrix [rows, positions in]``."""
        if len(input_shape) not in (3, 4) or input_shape[2] is None:
            raise ValueError(f"{self.name}: cannot merge the positions of {tuple(input_shape)}.")
        shape = (self.rows, input_shape[2])
        if self._initial is not None and self._initial.shape != shape:
            raise ValueError(f"{self.name}: a matrix of shape {self._initial.shape} where {shape} is needed.")
        self.matrix = self.add_weight(name="matrix", shape=shape, initializer="zeros", trainable=False)
        if self._initial is not None:
            self.matrix.assign(self._initial)

    def call(self, x: Any) -> Any:
        """Return ``matrix`` times the frequency axis."""
        if len(x.shape) == 3:
            return ops.matmul(x, ops.transpose(self.matrix))
        return ops.matmul(self.matrix, x)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The positions become ``rows``."""
        return (*input_shape[:2], self.rows, *input_shape[3:])

    def get_config(self) -> dict[str, Any]:
        """The number of rows; the matrix itself is a weight."""
        return {**super().get_config(), "rows": self.rows}


def erb_centers(bins: int, bands: int, sample_rate_hz: int) -> NDArray[np.float64]:
    """Centers of bands in bins, from bin 0 to the last: evenly spaced in ERB rate, but at least one bin apart.

    ERB rate is ``21.4 * log10(1 + 0.00437 * hertz)`` (Glasberg and Moore, 1990).

    Raises:
        ValueError: There are fewer than two bands, or more bands than bins.
    """
    if not 2 <= bands <= bins:
        raise ValueError(f"{bands} bands cannot cover {bins} bins; take 2 to {bins}.")
    hertz = np.arange(bins) * sample_rate_hz / 2 / (bins - 1)
    rate = 21.4 * np.log10(1 + 0.00437 * hertz)
    centers = np.arange(bands, dtype=np.float64)
    for linear in range(bands):
        centers = np.r_[
            np.arange(linear),
            np.interp(np.linspace(rate[linear], rate[-1], bands - linear), rate, np.arange(bins)),
        ]
        if bands - linear < 2 or centers[linear + 1] - centers[linear] >= 1.0:
            break
    return centers


def erb_split(bands: int, bins: int, sample_rate_hz: int) -> NDArray[np.float32]:
    """Matrix ``[bins, bands]`` that interpolates bins linearly between the centers of bands."""
    centers = erb_centers(bins, bands, sample_rate_hz)
    hats = [np.interp(np.arange(bins), centers, np.eye(bands)[band]) for band in range(bands)]
    return np.stack(hats, axis=1).astype(np.float32)


def erb_merge(bins: int, bands: int, sample_rate_hz: int) -> NDArray[np.float32]:
    """Matrix ``[bands, bins]`` whose rows are weighted means: triangles around the centers of the bands."""
    hats = erb_split(bands, bins, sample_rate_hz).T
    return np.asarray(hats / hats.sum(axis=1, keepdims=True), np.float32)
