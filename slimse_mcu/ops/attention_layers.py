"""Import of attention layers: dense nodes for query, key and value, the node that attends, a dense one for the output.

A head is a block of the channels of all of them but the last.  A closed head's query, key and value are parts that are
zero and not computed, and the output's dense layer does not read what the head leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Part
from slimse_mcu.ops import parts

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

#: More keys per query could overflow the int32 sums of weighted values.
MAX_KEYS = 510
_PAST = "Attend over a window of the past: SlimAttention(heads, key_dim, axis='time', window=frames)."
_SUFFIXES = ("_query", "_key", "_value", "")


@dataclass(frozen=True, slots=True)
class Projections:
    """Float weights of one layer, in the order query, key, value, output.

    Attributes:
        heads: Number of heads.
        key_size: Channels of a head's query and key.
        value_size: Channels of a head's value.
        kernels: ``[rows, columns]`` each; a head's rows, of the output its columns, lie together.
        biases: ``[rows]`` each.
    """

    heads: int
    key_size: int
    value_size: int
    kernels: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]

    def dense(self, layer: KerasLayer, builder: GraphBuilder, index: int, source: str, heads: tuple[Part, ...]) -> str:
        """Add one of the dense layers, its rows closed with their heads, where there are heads that close."""
        kernel, bias = self.kernels[index], self.biases[index]
        rows = tuple(Part(len(kernel) // len(heads), part.component) for part in heads)
        return builder.add(
            layer,
            "dense",
            [source],
            channels=len(kernel),
            weights={"kernel": kernel, "bias": bias},
            parts=parts.merged(rows),
            suffix=_SUFFIXES[index],
        )


def _read_projections(layer: KerasLayer, use_bias: bool) -> Projections:
    """From kernels ``[C, H, d]``, of the output ``[H, d, C]``, and biases ``[H, d]`` and ``[C]`` behind them."""
    step = 2 if use_bias else 1
    stored = [layer.weight(step * index, rank=3) for index in range(4)]
    query, key, value, output = (one.shape for one in stored)
    if query[1:] != key[1:] or key[1] != value[1] or value[1:] != output[:2] or 0 in (*query, *value, *output):
        raise layer.error(f"has weights of shapes {query}, {key}, {value} and {output}, which do not fit each other")
    kernels = [one.reshape(len(one), -1).T for one in stored[:3]]
    kernels.append(stored[3].reshape(-1, output[2]).T)
    biases = [np.zeros(len(one), np.float32) for one in kernels]
    if use_bias:
        biases = [layer.weight(step * index + 1, rank=2).ravel() for index in range(3)] + [layer.weight(7, rank=1)]
        for kernel, bias in zip(kernels, biases, strict=True):
            if len(bias) != len(kernel):
                raise layer.error(f"has {len(bias)} biases for {len(kernel)} outputs")
    return Projections(query[1], query[2], value[2], tuple(kernels), tuple(biases))


def read_slim(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    """Add a SlimAttention."""
    policy = parts.read_policy(layer, inputs, builder)
    projections = _read_projections(layer, use_bias=True)
    axis, count = layer.config["axis"], layer.config["heads"]
    if axis not in ("time", "frequency"):
        raise layer.error(f"attends along '{axis}'", "Choose axis='time' or axis='frequency'.")
    if axis == "time" and layer.config.get("window") is None:
        raise layer.error("attends over all of time: no bound", "Give it one: window=frames.")
    if count != projections.heads:
        raise layer.error(f"has weights of {projections.heads} heads, not {count}")
    heads = parts.read_parts(layer, policy, builder, projections.heads * projections.value_size)
    for part in heads:
        if part.on_skip == "bypass" or (part.on_skip == "hold" and axis == "frequency"):
            raise layer.error(
                f"has on_skip='{part.on_skip}' along {axis}",
                "A closed head can be 'zero', along time also 'hold': it has no input of its own to show.",
            )
    window = layer.scalar("window") if axis == "time" else None
    return _add(layer, [inputs[0]] * 3, builder, projections, heads, window)


def read_keras(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    """Add a MultiHeadAttention along frequency."""
    config = layer.config
    along_frequency = all(len(builder.shape(name)) == 2 for name in inputs)
    if not along_frequency or config.get("attention_axes") not in (2, [2], (2,)):
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
    counts = builder.positions(key), builder.positions(value)
    if counts[0] != counts[1]:
        raise layer.error(f"has {counts[0]} keys and {counts[1]} values", "Give each key its value.")
    projections = _read_projections(layer, bool(config.get("use_bias", True)))
    return _add(layer, [query, key, value], builder, projections, (), None)


def _add(
    layer: KerasLayer,
    sources: Sequence[str],
    builder: GraphBuilder,
    projections: Projections,
    heads: tuple[Part, ...],
    window: int | None,
) -> str:
    """Add the nodes of one layer.

    Args:
        layer: The layer.
        sources: What query, key and value are made from.
        builder: The graph.
        projections: The weights.
        heads: A part for each head; empty: none closes.
        window: Frames that it sees along time; None along frequency.
    """
    if window is None and any(len(builder.shape(name)) != 2 for name in sources):
        raise layer.error("attends along frequency, its input has none", "Reshape((-1, positions, channels)) first.")
    keys, past = (builder.positions(sources[1]), 0) if window is None else (1, window - 1)
    if keys + past > MAX_KEYS:
        raise layer.error(f"attends over {keys + past} keys; at most {MAX_KEYS} are supported", "Use fewer.")
    if all(part.component is None for part in heads):
        heads = ()
    projected = [projections.dense(layer, builder, index, source, heads) for index, source in enumerate(sources)]
    attended = builder.add(
        layer,
        "attention",
        projected,
        channels=projections.heads * projections.value_size,
        attributes={
            "heads": projections.heads,
            "key_size": projections.key_size,
            "value_size": projections.value_size,
            "keys": keys,
            "past": past,
            "along_time": window is not None,
        },
        rings={1: past, 2: past},
        parts=parts.merged(heads),
        suffix="_heads",
    )
    return projections.dense(layer, builder, 3, attended, ())
