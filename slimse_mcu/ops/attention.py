"""Multi-head attention within a frame, over the positions along frequency, or over a window of past frames.

An attention layer becomes nodes: dense layers for query, key and value, the node of this module, and a dense layer for
the output.  A head is a block of the channels; a closed head's query, key and value are exactly zero and not computed.
Along time keys and values lie in rings.  A frame before the start, or one in which the head was closed, has a key and
a value of exactly zero and takes part, with score 0.

int8, no other specification to follow; in the style of TensorFlow Lite's.  Per head and query:

1. ``score[j] = sum((query - zero point) * key[j])``: the key's zero point would add the same to every score and is left
   out.  ``|score| <= 255 * 128 * key_size``; the difference of two stays below 2**31 with at most 16384 channels.
2. ``x[j] = (max(score) - score[j]) * query scale * key scale / sqrt(key_size)`` in Q12, by a quantized multiplier with
   double rounding, saturated to 16.
3. ``w[j] = exp(-x[j])`` in Q15 from a table of 257 entries with linear interpolation; 32767 at the maximum itself.
4. ``output = sum(w * value) / sum(w)``, one division per channel, to nearest, ties away from zero.  A mean never leaves
   the range of its values, so the output has the value's quantization, nothing saturates, and the zero point, which
   the division would give back as it is, stays in.  ``|sum(w * value)| + sum(w) / 2 <= 128.5 * 32767 * 510 < 2**31``:
   exact in int32 for up to 510 keys in any order, so a ring is read from its first slot on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Block, Node, Part, Quantization
from slimse_mcu.ops import linear, parts
from slimse_mcu.ops.arithmetic import INT16_MIN, multiply_by_quantized_multiplier, quantize_multiplier
from slimse_mcu.ops.op import (
    FloatArray,
    Import,
    Int8Array,
    KernelCall,
    Macs,
    Memories,
    Op,
    Parameters,
    QuantizeContext,
    Ring,
)
from slimse_mcu.ops.recurrent import interpolate

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

#: More could overflow the int32 sums of weighted values.
MAX_KEYS = 510
#: ``firmware/kernels/slimse_exp.h`` holds the same.
EXP_TABLE = np.floor(32767.0 * np.exp(-np.arange(257) / 16.0) + 0.5).astype(np.int16)
_DIFFERENCE_BITS = 12
_PAST = "Attend over a window of the past: SlimAttention(heads, key_dim, axis='time', window=frames)."


# ---- import ------------------------------------------------------------------------------------------------------


class _Projections:
    """Weights of query, key, value and output: kernels ``[C, H, d]``, of the output ``[H, d, C]``; biases or zeros."""

    def __init__(self, layer: KerasLayer, use_bias: bool) -> None:
        step = 2 if use_bias else 1
        kernels = [layer.weight(step * index, rank=3) for index in range(4)]
        query, key, value, output = kernels
        fits = (
            query.shape[1:] == key.shape[1:] and key.shape[1] == value.shape[1] and value.shape[1:] == output.shape[:2]
        )
        if not fits or 0 in query.shape or 0 in output.shape:
            raise layer.error(f"has weights of shapes {', '.join(str(one.shape) for one in kernels)}")
        self.heads, self.key_size, self.value_size = query.shape[1], query.shape[2], value.shape[2]
        rows = [one.reshape(len(one), -1).T for one in (query, key, value)]
        self.kernels = [*rows, output.reshape(-1, output.shape[2]).T]
        self.biases = [np.zeros(len(one), np.float32) for one in self.kernels]
        if use_bias:
            stored = [layer.weight(step * index + 1, rank=1 if index == 3 else 2).ravel() for index in range(4)]
            if [one.shape for one in stored] != [one.shape for one in self.biases]:
                raise layer.error(f"has biases of sizes {', '.join(str(one.size) for one in stored)}")
            self.biases = stored


def _read_slim(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    policy = parts.read_policy(layer, inputs, builder)
    projections = _Projections(layer, use_bias=True)
    along_time = layer.config["axis"] == "time"
    if layer.config["axis"] not in ("time", "frequency"):
        raise layer.error(f"attends along '{layer.config['axis']}'", "Choose axis='time' or axis='frequency'.")
    if layer.config["heads"] != projections.heads:
        raise layer.error(f"has weights of {projections.heads} heads, not {layer.config['heads']}")
    heads = parts.read_parts(layer, policy, builder, projections.heads * projections.value_size)
    for part in heads:
        if part.on_skip == "bypass" or (part.on_skip == "hold" and not along_time):
            raise layer.error(
                f"has on_skip='{part.on_skip}' along {layer.config['axis']}",
                "A closed head can be 'zero', along time also 'hold': it has no input of its own to show.",
            )
    window = layer.scalar("window") if along_time else 1
    return _add(layer, [inputs[0]] * 3, builder, projections, along_time=along_time, window=window, heads=heads)


def _read_keras(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    config = layer.config
    shapes = [builder.shape(name) for name in inputs]
    axes = config.get("attention_axes")
    if any(len(shape) != 2 for shape in shapes) or axes not in (2, [2], (2,)):
        raise layer.error("attends over all of time: no bound", f"{_PAST} Along frequency: attention_axes=(2,).")
    for option in ("use_causal_mask", "return_attention_scores"):
        if option in layer.options:
            raise layer.error(f"is called with {option}", "Call it without, or use SlimAttention.")
    for setting in ("sliding_window", "use_gate"):
        if config.get(setting):
            raise layer.error(f"uses {setting}", "Build it without, or use SlimAttention.")
    if len(inputs) not in (2, 3):
        raise layer.error(f"is called on {len(inputs)} tensors", "Call it as layer(query, value) or with a key.")
    query, value, key = (*inputs, inputs[1])[:3]
    if builder.positions(key) != builder.positions(value):
        raise layer.error(
            f"has {builder.positions(key)} keys and {builder.positions(value)} values", "Give each key its value."
        )
    projections = _Projections(layer, bool(config.get("use_bias", True)))
    return _add(layer, [query, key, value], builder, projections)


def _add(
    layer: KerasLayer,
    sources: Sequence[str],
    builder: GraphBuilder,
    projections: _Projections,
    *,
    along_time: bool = False,
    window: int = 1,
    heads: tuple[Part, ...] = (),
) -> str:
    """Add the nodes of one layer: ``sources`` are what query, key and value are made from."""
    keys = window if along_time else builder.positions(sources[1])
    if keys > MAX_KEYS:
        raise layer.error(
            f"attends over {keys} keys; at most {MAX_KEYS} are supported", "Use fewer positions or frames."
        )
    if not along_time and any(len(builder.shape(name)) != 2 for name in sources):
        raise layer.error(
            "attends along frequency, its input has no frequency axis", "Reshape((-1, positions, channels))."
        )
    is_dynamic = any(part.component is not None for part in heads)
    projected = []
    for index, name in enumerate(("query", "key", "value")):
        kernel, bias = projections.kernels[index], projections.biases[index]
        closing = tuple(Part(len(kernel) // len(heads), part.component) for part in heads) if is_dynamic else ()
        weights = {"kernel": kernel, "bias": bias}
        projected.append(
            builder.add(
                layer,
                "dense",
                [sources[index]],
                channels=len(kernel),
                weights=weights,
                parts=parts.merged(closing),
                suffix=f"_{name}",
            )
        )
    attended = builder.add(
        layer,
        "attention",
        projected,
        channels=projections.heads * projections.value_size,
        attributes={
            "heads": projections.heads,
            "key_size": projections.key_size,
            "value_size": projections.value_size,
            "keys": 1 if along_time else keys,
            "past": window - 1,
            "along_time": along_time,
        },
        rings={1: window - 1, 2: window - 1},
        parts=parts.merged(heads) if is_dynamic else (),
        suffix="_heads",
    )
    weights = {"kernel": projections.kernels[3], "bias": projections.biases[3]}
    return builder.add(layer, "dense", [attended], channels=len(weights["bias"]), weights=weights)


# ---- operator ----------------------------------------------------------------------------------------------------


class Attention(Op):
    """Inputs query, key and value.

    Attributes ``heads``; ``key_size`` and ``value_size``: channels of a head; ``keys`` and ``past``: keys per query in
    the frame itself and in past ones; ``along_time``.
    """

    name = "attention"
    imports = (
        Import(
            ("slimse>SlimAttention",),
            _read_slim,
            "along frequency, or along time over a window; on x or [x, policy]; on_skip zero, along time also hold",
            reads_gates=True,
        ),
        Import(
            ("MultiHeadAttention",),
            _read_keras,
            "along frequency: attention_axes=(2,); query, value and key of the same frame; no masks",
        ),
    )
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
        unit = query.scale * key.scale / math.sqrt(node.attributes["key_size"])
        multiplier, shift = quantize_multiplier(unit * 2.0**_DIFFERENCE_BITS)
        return {"query_offset": -query.zero_point, "score_multiplier": multiplier, "score_shift": shift}

    def step_s8(self, node: Node, parameters: Parameters, inputs: Sequence[Int8Array], memories: Memories) -> Int8Array:
        query, key, value = (one.astype(np.float64) for one in _by_head(node, inputs, memories))
        # Exact, and faster than integers: every partial sum is an integer far below 2**53.
        scores = ((query + parameters["query_offset"]) @ key.transpose(0, 2, 1)).astype(np.int64)
        differences = multiply_by_quantized_multiplier(
            scores.max(axis=-1, keepdims=True) - scores, parameters["score_multiplier"], parameters["score_shift"]
        )
        weights = interpolate(EXP_TABLE, differences + INT16_MIN)
        sums = (weights.astype(np.float64) @ value).astype(np.int64)
        total = weights.sum(axis=-1, keepdims=True)
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
            **parameters,
        }
        arguments = ("input0", "input1", "ring1", "input2", "ring2", "scratch", "output")
        return tuple(
            KernelCall(
                "slimse_attention_s8",
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
        over = f"the last {_keys(node)} frames" if own["along_time"] else f"{own['keys']} positions"
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
