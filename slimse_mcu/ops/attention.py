"""Multi-head attention within a frame, over the positions along frequency, or over a window of past frames.

A head is a block of the channels.  Along time keys and values lie in rings.  A frame before the start, or one in which
the head was closed, has a key and a value of exactly zero and takes part, with score 0.

int8, no other specification to follow; in the style of TensorFlow Lite's.  Per head and query:

1. ``score[j] = sum((query - zero point) * key[j])``: the key's zero point would add the same to every score and is left
   out.  ``|score| <= 255 * 128 * key_size``; the difference of two stays below 2**31 with at most 16384 channels.
2. ``x[j] = (max(score) - score[j]) * query scale * key scale / sqrt(key_size)`` in Q12: ``min(difference, limit) *
   multiplier >> shift``, rounded down; the limit stands for 16, and the product stays below 2**31.
3. ``w[j] = exp(-x[j])`` in Q15 from a table of 257 entries with linear interpolation; 32767 at the maximum itself.
4. ``output = sum(w * value) / sum(w)``, one division per channel, to nearest, ties away from zero.  A mean never leaves
   the range of its values, so the output has the value's quantization, nothing saturates, and the zero point, which
   the division would give back as it is, stays in.  ``|sum(w * value)| + sum(w) / 2 <= 128.5 * 32767 * 510 < 2**31``:
   exact in int32 for up to 510 keys in any order, so a ring is read from its first slot on.

int16: scores are int64 sums, brought back to int32 by as many bits as the key size needs; the sums of weighted values
are int64, and one division per query gives the factor ``2**45 / sum(w)`` that brings all of them back, rounded half up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Block, Node, Quantization
from slimse_mcu.ops import linear
from slimse_mcu.ops.arithmetic import INT16_MIN
from slimse_mcu.ops.attention_layers import read_keras, read_slim
from slimse_mcu.ops.op import (
    FloatArray,
    Import,
    Integers,
    KernelCall,
    Macs,
    Memories,
    Op,
    Parameters,
    QuantizeContext,
    Ring,
    is_wide,
    scalars,
    width,
)
from slimse_mcu.ops.recurrent import interpolate

#: ``firmware/kernels/slimse_exp.h`` holds the same.
EXP_TABLE = np.floor(32767.0 * np.exp(-np.arange(257) / 16.0) + 0.5).astype(np.int16)
#: Fraction bits of the exponents, and their greatest value, all but 16.
_EXPONENT_BITS, _MAX_EXPONENT = 12, 65535
#: Fraction bits of one over a sum of int16 weights.
_RECIPROCAL_BITS = 45


class Attention(Op):
    """Inputs query, key and value.

    Attributes ``heads``; ``key_size`` and ``value_size``: channels of a head; ``keys`` and ``past``: keys per query in
    the frame itself and in past ones; ``along_time``.
    """

    name = "attention"
    imports = (
        Import(
            ("slimse>SlimAttention",),
            read_slim,
            "along frequency, or along time over a window; on x or [x, policy]; on_skip zero, along time also hold",
            reads_gates=True,
        ),
        Import(
            ("MultiHeadAttention",),
            read_keras,
            "along frequency: attention_axes=(2,); query, value and key of the same frame; no masks",
        ),
    )
    widths = (8, 16)
    skips_parts = True

    def macs(self, node: Node) -> Macs:
        own = node.attributes
        blocks = tuple(Block(part.channels // own["value_size"], part.component) for part in node.parts)
        taps = own["positions"] * (own["key_size"] + own["value_size"])
        return Macs(own["heads"], _keys(node), taps, row_blocks=blocks)

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        query, key, value = _by_head(node, inputs, memories)
        scores = query @ key.transpose(0, 2, 1) / np.float32(math.sqrt(node.attributes["key_size"]))
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return _by_position(node, (weights / weights.sum(axis=-1, keepdims=True)) @ value)

    def scratch_elements(self, node: Node) -> int:
        return 2 * _keys(node)

    def fixed_quantization(self, node: Node, inputs: Sequence[Quantization]) -> Quantization:
        return inputs[2]

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        query, key, _ = context.inputs
        size = node.attributes["key_size"]
        # A difference of two scores must fit int32; int8 ones do as they are.
        score_shift = math.ceil(math.log2(size)) + 1 if context.bits == 16 else 0
        unit = query.scale * key.scale * 2.0**score_shift / math.sqrt(size)
        greatest = 2**31 - 1 if context.bits == 16 else 2 * 255 * 128 * size
        # One step of the score is at most the whole table.
        factor = min(unit * 2.0**_EXPONENT_BITS, float(_MAX_EXPONENT))
        limit = min(int(_MAX_EXPONENT / factor), greatest)
        shift = min(31, 31 - math.frexp(limit * factor)[1])
        multiplier = int(factor * 2.0**shift)
        scores = {"limit": limit, "multiplier": multiplier, "shift": shift}
        if context.bits == 16:
            return {"bits": 16, "score_shift": score_shift, **scores}
        return {"bits": 8, "query_offset": -query.zero_point, **scores}

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        query, key, value = (one.astype(np.float64) for one in _by_head(node, inputs, memories))
        # Exact, and faster than integers: every partial sum is an integer far below 2**53.
        scores = ((query + parameters.get("query_offset", 0)) @ key.transpose(0, 2, 1)).astype(np.int64)
        scores >>= parameters.get("score_shift", 0)
        differences = np.minimum(scores.max(axis=-1, keepdims=True) - scores, parameters["limit"])
        exponents = (differences * parameters["multiplier"]) >> parameters["shift"]
        weights = interpolate(EXP_TABLE, exponents + INT16_MIN)
        sums = (weights.astype(np.float64) @ value).astype(np.int64)
        total = weights.sum(axis=-1, keepdims=True)
        if is_wide(parameters):
            reciprocal = (1 << _RECIPROCAL_BITS) // total
            averages = (sums * reciprocal + (1 << (_RECIPROCAL_BITS - 1))) >> _RECIPROCAL_BITS
            return _by_position(node, averages).astype(np.int16)
        means = np.sign(sums) * ((np.abs(sums) + total // 2) // total)
        return _by_position(node, means).astype(np.int8)

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        own = node.attributes
        fields: dict[str, int] = {
            "positions": own["positions"],
            "keys": own["keys"],
            "past": own["past"],
            "along_time": int(own["along_time"]),
            "all_heads": own["heads"],
            "key_size": own["key_size"],
            "value_size": own["value_size"],
            **scalars(parameters),
        }
        arguments = ("input0", "input1", "ring1", "input2", "ring2", "scratch", "output")
        return tuple(
            KernelCall(
                f"slimse_attention_{width(parameters)}",
                {
                    "first_head": rows.start // own["value_size"],
                    "heads": (rows.stop - rows.start) // own["value_size"],
                    **fields,
                },
                arguments,
                counts_macs=True,
                suffix=suffix,
                part=part,
            )
            for part, suffix, rows in linear.part_rows(node, own["channels"])
        )

    def describe(self, node: Node) -> str:
        own = node.attributes
        frames = "this frame" if _keys(node) == 1 else f"the last {_keys(node)} frames"
        over = frames if own["along_time"] else f"{own['keys']} positions"
        sizes = f"{own['key_size']}" + ("" if own["key_size"] == own["value_size"] else f" and {own['value_size']}")
        heads = f"{own['heads']} head{'s' if own['heads'] > 1 else ''} of {sizes}"
        at = f", at {own['positions']} frequencies" if own["positions"] > 1 else ""
        return f"attention over {over}, {heads}{at}"


def _keys(node: Node) -> int:
    """Keys per query."""
    keys: int = node.attributes["keys"] + node.attributes["past"]
    return keys


def _by_head(node: Node, inputs: Sequence[NDArray[Any]], memories: Memories) -> tuple[NDArray[Any], ...]:
    """Queries, keys and values that belong together, ``[groups, queries or keys, size]`` each.

    Along frequency a group is a head with all positions; along time a head at one position, with all frames.
    """
    own = node.attributes
    frames = list(inputs)
    for index, memory in enumerate(memories, start=1):
        assert isinstance(memory, Ring), "attention keeps rings of keys and values"
        frames[index] = np.concatenate([memory.frames, inputs[index][None]])
    sizes = (own["key_size"], own["key_size"], own["value_size"])
    if own["along_time"]:
        groups = own["positions"] * own["heads"]
        return tuple(one.reshape(-1, groups, size).transpose(1, 0, 2) for one, size in zip(frames, sizes, strict=True))
    return tuple(
        one.reshape(-1, own["heads"], size).transpose(1, 0, 2) for one, size in zip(frames, sizes, strict=True)
    )


def _by_position(node: Node, values: NDArray[Any]) -> NDArray[Any]:
    """``[groups, queries, size]`` as the output tensor, flat."""
    return values.ravel() if node.attributes["along_time"] else values.transpose(1, 0, 2).ravel()


OP = Attention()
