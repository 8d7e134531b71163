"""Gated recurrent units with the reset behind the recurrent product; the portable kernel for the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import array, folded_bias, is_narrow, scalar
from slimse_mcu.layouts.layout import Layout
from slimse_mcu.layouts.paired_columns import LAYOUT as PAIRED_COLUMNS
from slimse_mcu.layouts.row_words import LAYOUT as ROW_WORDS
from slimse_mcu.layouts.state_words import LAYOUT as STATE_WORDS
from slimse_mcu.ops.op import Constant, KernelCall

_GATES = 3
_SUM_BITS = 8
_NOTE = (
    "[units] of words: starts over the input [3], weights [{0}][units][columns] = [{1}][{2}], {3} to {4}, as {5}; bias "
    "over the state [3], weights [{1}][{6}], {7} to {8}, as {9}; multipliers of both [3][2]"
)


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_gru_after_s8``."""
    fields = call.fields
    extra = 31 - scalar(fields, "cell.shift")  # bits by which both products are longer here, so that 32 are dropped
    recurrent_multiplier = array(fields, "cell.recurrent_multiplier").astype(np.int64) << max(extra, 0)
    fits = 0 <= extra <= _SUM_BITS and bool(np.all(recurrent_multiplier < 2**31))
    short = is_narrow(array(fields, "cell.input_weights"), array(fields, "cell.input_bias"))
    if not (fits and short and scalar(fields, "reset_after") and scalar(fields, "cell.output_shift") >= _SUM_BITS):
        return call
    sizes = {name: scalar(fields, f"cell.{name}") for name in _SIZES}
    words = _words(call, sizes["units"], recurrent_multiplier)
    source, hidden, scratch, output = call.arguments
    assert isinstance(scratch, tuple), "a recurrent layer's working memory lies behind its state"
    first = -(-scratch[1] // 2) * 2  # words
    room = _in_eights(sizes["columns"]) + 2 * _in_eights(sizes["units"])
    return replace(
        call,
        function="slimse_gru_after_s8",
        fields={
            **sizes,
            "output_shift": scalar(fields, "cell.output_shift"),
            "sum_shift": _SUM_BITS - extra,
            "words": Constant("int32_t", words, _note(call)),
        },
        arguments=(source, hidden, ("scratch", first), output),
        scratch=first + room,
    )


_SIZES = ("units", "columns", "positions", "input_pitch", "output_pitch", "hidden_pitch", "is_reversed")


def _in_eights(count: int) -> int:
    return -(-count // 8) * 8


def _words(call: KernelCall, units: int, recurrent_multiplier: NDArray[np.int64]) -> NDArray[np.int32]:
    """Constants and weights unit by unit, ``[units, words]``."""
    fields = call.fields
    weights, recurrent = array(fields, "cell.input_weights"), array(fields, "cell.recurrent_weights")
    bias = folded_bias(weights, array(fields, "cell.input_bias"), scalar(fields, "cell.input_offset"))
    starts = 256 * bias - PAIRED_COLUMNS.excess(weights)
    multipliers = np.stack([array(fields, "cell.input_multiplier").astype(np.int64), recurrent_multiplier], axis=1)
    parts = [
        starts.reshape(_GATES, units).T,
        _by_unit(weights, units, ROW_WORDS),
        array(fields, "cell.recurrent_bias").reshape(_GATES, units).T,
        _by_unit(recurrent, units, STATE_WORDS),
        multipliers.reshape(_GATES, units, 2).swapaxes(0, 1).reshape(units, -1),
    ]
    return np.concatenate([np.asarray(part, np.int64) for part in parts], axis=1).astype(np.int32)


def _by_unit(weights: NDArray[Any], units: int, layout: Layout) -> NDArray[np.int32]:
    """``[gates * units, columns]`` as words ``[units, quads * gates]``, the gates of a quad together."""
    padded = np.zeros((len(weights), _in_eights(weights.shape[1])), np.int8)
    padded[:, : weights.shape[1]] = weights
    words: NDArray[np.int32] = np.ascontiguousarray(layout.pack(padded)).view("<i4").reshape(_GATES, units, -1)
    return words.transpose(1, 2, 0).reshape(units, -1)


def _note(call: KernelCall) -> str:
    weights, recurrent = array(call.fields, "cell.input_weights"), array(call.fields, "cell.recurrent_weights")
    return _NOTE.format(
        "update, reset, candidate",
        *(len(weights), weights.shape[1], weights.min(), weights.max(), f"{ROW_WORDS.name}: {ROW_WORDS.summary}"),
        *(recurrent.shape[1], recurrent.min(), recurrent.max(), f"{STATE_WORDS.name}: {STATE_WORDS.summary}"),
    )
