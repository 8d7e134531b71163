"""Keras layers that are not compiled: those that need all of time say so, and what to use instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from slimse_mcu.errors import ModelError

if TYPE_CHECKING:
    from slimse_mcu.load import KerasLayer

#: Keras's wrapper of layers that work within a frame; the registry has ``"TimeDistributed(GRU)"``.
TIME_DISTRIBUTED = "TimeDistributed"

_MEAN = "Average within a frame: TimeDistributed(GlobalAveragePooling1D()); over time use a GRU or a convolution."
_GREATEST = "Pool within a frame: MaxPooling2D((1, n)); over time use a GRU or a convolution."
_STRIDED = "Use a causal convolution with strides, or pool along frequency: {}((1, n))."
_ATTENTION = "Attend over a window of the past: SlimAttention(heads, key_dim, axis='time', window=frames)."

#: What a layer does that no stream can do, and the way out.
_SEE_THE_FUTURE = {
    "GlobalAveragePooling1D": ("averages over all of time", _MEAN),
    "GlobalAveragePooling2D": ("averages over all of time", _MEAN),
    "GlobalMaxPooling1D": ("takes the greatest of all of time", _GREATEST),
    "GlobalMaxPooling2D": ("takes the greatest of all of time", _GREATEST),
    "AveragePooling1D": ("pools each frame with later ones", _STRIDED.format("AveragePooling2D")),
    "MaxPooling1D": ("pools each frame with later ones", _STRIDED.format("MaxPooling2D")),
    "Bidirectional": (
        "runs backwards along time",
        "Run it forwards, or along frequency within a frame: TimeDistributed(Bidirectional(...)).",
    ),
    "Attention": ("attends over all of time", _ATTENTION),
    "AdditiveAttention": ("attends over all of time", _ATTENTION),
    "GroupQueryAttention": ("attends over all of time", _ATTENTION),
    "GroupNormalization": ("normalizes over all of time", "Use BatchNormalization or LayerNormalization."),
    "Flatten": ("flattens all of time", "Keep time: Reshape((-1, channels))."),
}


def refusal(layer: KerasLayer, known: Iterable[str]) -> ModelError:
    """Why a layer cannot be compiled.

    Args:
        layer: Of a kind that has no importer.
        known: The kinds that have one.
    """
    if layer.kind in _SEE_THE_FUTURE:
        does, remedy = _SEE_THE_FUTURE[layer.kind]
        return layer.error(f"{does}, which needs future frames: not causal", remedy)
    wrapped = {name for name in known if name.startswith(f"{TIME_DISTRIBUTED}(")}
    if layer.kind.startswith(TIME_DISTRIBUTED):
        names = ", ".join(sorted(name[len(TIME_DISTRIBUTED) + 1 : -1] for name in wrapped))
        return layer.error("is not supported", f"{TIME_DISTRIBUTED} can wrap {names}.")
    names = ", ".join(sorted(name.removeprefix("slimse>") for name in {*known} - wrapped))
    return layer.error("is not supported", f"Supported are {names}, and {TIME_DISTRIBUTED} of some.")
