"""Attention: within a frame keys and values widened once; over past frames room for the lanes of a query."""

from __future__ import annotations

from dataclasses import replace

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import scalar
from slimse_mcu.ops.op import KernelCall

#: Most working memory, int16, that widened keys and values may take.
_MOST_SCRATCH = 4096
_OF_PAST_FRAMES = ("past", "along_time")


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The call of ``slimse_attention_frame_s8``, or the same call with more working memory."""
    keys, past = scalar(call.fields, "keys"), scalar(call.fields, "past")
    quads, value_quads = (-(-scalar(call.fields, name) // 4) for name in ("key_size", "value_size"))
    in_fours = -(-keys // 4) * 4
    scratch = 2 * in_fours + 4 * quads * (1 + keys) + 4 * in_fours * value_quads
    if past or scalar(call.fields, "along_time") or scratch > _MOST_SCRATCH:
        return replace(call, scratch=2 * (keys + past) + 4 * quads)
    return replace(
        call,
        function="slimse_attention_frame_s8",
        fields={name: value for name, value in call.fields.items() if name not in _OF_PAST_FRAMES},
        arguments=("input0", "input1", "input2", "scratch", "output"),
        scratch=scratch,
    )
