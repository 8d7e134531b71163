"""Attention: the same structure as the portable kernel's, but room for the lanes of a query behind the scores."""

from __future__ import annotations

from dataclasses import replace

from slimse_mcu.graph import Node
from slimse_mcu.kernels.folded import scalar
from slimse_mcu.ops.op import KernelCall


def adapt(call: KernelCall, node: Node) -> KernelCall:
    """The same call with more working memory."""
    keys, size = scalar(call.fields, "keys") + scalar(call.fields, "past"), scalar(call.fields, "key_size")
    return replace(call, scratch=2 * keys + 4 * -(-size // 4))
