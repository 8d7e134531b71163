"""Closes parts of a tensor, each ruled by a component of a policy: a closed part is zero, held, or bypassed.

Where the layer that produces the tensor can leave out parts itself, this node is fused into it and vanishes.
Source: dynamically slimmable networks, arXiv 2510.11395.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slimse_mcu.graph import Node, Quantization
from slimse_mcu.ops import linear, parts, rescale
from slimse_mcu.ops.op import FloatArray, Import, Integers, KernelCall, Memories, Op, Parameters, QuantizeContext

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    policy = parts.read_policy(layer, inputs, builder)
    channels = builder.channels(inputs[0])
    groups = parts.merged(parts.read_parts(layer, policy, builder, channels))
    needs_source = any(part.on_skip == "bypass" for part in groups)
    if len(inputs) != 2 + needs_source:
        raise layer.error(
            f"has {len(inputs)} inputs",
            "Call it as layer([x, policy]), with on_skip='bypass' as layer([x, policy, source]).",
        )
    if needs_source and builder.shape(inputs[2]) != builder.shape(inputs[0]):
        raise layer.error(
            f"bypasses a tensor of shape {builder.shape(inputs[0])} with one of shape {builder.shape(inputs[2])}",
            "Both need the same shape.",
        )
    bypass = inputs[2] if needs_source else None
    return builder.add(layer, "gate_parts", [inputs[0]], channels=channels, parts=groups, bypass=bypass)


class GateParts(Op):
    """No weights; the node's ``parts`` say what is closed."""

    name = "gate_parts"
    imports = (
        Import(
            ("slimse>GateParts",),
            _read,
            "called on [tensor, policy] or [tensor, policy, bypass]; on_skip zero, hold or bypass",
            reads_gates=True,
        ),
    )
    kernels = ("slimse_rescale_s8", "slimse_rescale_s16")
    widths = (8, 16)
    mixes_widths = True
    skips_parts = True

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        return inputs[0]

    def fixed_quantization(self, node: Node, inputs: Sequence[Quantization]) -> Quantization | None:
        # What a closed part shows instead may need a wider range.
        return inputs[0] if node.bypass is None else None

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        return rescale.quantize(context.inputs[0], context.require_output())

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        return rescale.apply(inputs[0], parameters)

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        channels = node.attributes["channels"]
        return tuple(
            rescale.call(
                parameters,
                ("input0", rows.start),
                positions=node.attributes["positions"],
                channels=rows.stop - rows.start,
                input_pitch=channels,
                output_pitch=channels,
                output_offset=rows.start,
                suffix=suffix,
                part=part,
            )
            for part, suffix, rows in linear.part_rows(node, channels)
        )

    def describe(self, node: Node) -> str:
        return f"close parts of {node.attributes['channels']} channels"


OP = GateParts()
