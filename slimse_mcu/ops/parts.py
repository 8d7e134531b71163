"""Parts of a layer's output that components of a policy open: import, and what C does in place of a closed one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slimse_mcu.graph import BYPASS, Component, Node, Part, Quantization
from slimse_mcu.ops import rescale
from slimse_mcu.ops.op import KernelCall, Parameters

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

RULES = ("zero", "hold", "bypass")
#: A reader keeps one range of channels per part that it may have to skip.
MAX_PARTS = 16


def read_policy(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str | None:
    """The gate of the policy that a gated layer was called on as its second input; None without one.

    Raises:
        ModelError: The second input is no policy.
    """
    if len(inputs) < 2:
        if any(index is not None for index in layer.config.get("components") or ()):
            raise layer.error("has components but no policy", "Call it as layer([x, policy]).")
        return None
    gate = builder.gates.get(inputs[1])
    if gate is None or gate.kind != "component" or inputs[0] in builder.gates:
        raise layer.error("expects a tensor and the output of a Policy", "Call it as layer([x, policy]).")
    return gate.name


def read_parts(layer: KerasLayer, policy: str | None, builder: GraphBuilder, channels: int) -> tuple[Part, ...]:
    """One part per group of a gated layer, from its ``groups`` (or ``heads``), ``components`` and ``on_skip``.

    Raises:
        ModelError: The numbers do not fit each other or the policy, or no such rule exists.
    """
    groups = int(layer.config.get("groups", layer.config.get("heads", 1)))
    if groups > MAX_PARTS:
        raise layer.error(f"has {groups} groups; at most {MAX_PARTS} are supported", "Use fewer, larger groups.")
    components = layer.config.get("components") or [None] * groups
    on_skip = layer.config.get("on_skip", "zero")
    rules = [on_skip] * groups if isinstance(on_skip, str) else list(on_skip)
    if groups < 1 or channels % groups or len(components) != groups or len(rules) != groups:
        raise layer.error(
            f"has {channels} channels, {groups} groups, {len(components)} components and {len(rules)} rules",
            "Give each group a component or None, and choose groups that divide the channels.",
        )
    count = 0 if policy is None else builder.gates[policy].channels
    for index, rule in zip(components, rules, strict=True):
        if index is not None and not (type(index) is int and 0 <= index < count):
            raise layer.error(f"names component {index} of a policy of {count}", "Count components from 0.")
        if rule not in RULES:
            raise layer.error(f"has on_skip='{rule}'", f"Choose one of {', '.join(RULES)}.")
    return tuple(
        Part(channels // groups)
        if index is None or policy is None
        else Part(channels // groups, Component(policy, index), rule)
        for index, rule in zip(components, rules, strict=True)
    )


def merged(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Neighbours of the same component and rule as one part."""
    result: list[Part] = []
    for part in parts:
        last = result[-1] if result else None
        if last is not None and (last.component, last.on_skip) == (part.component, part.on_skip):
            result[-1] = Part(last.channels + part.channels, part.component, part.on_skip)
        else:
            result.append(part)
    return tuple(result)


def closed_call(node: Node, parameters: Parameters, index: int, output: Quantization) -> KernelCall | None:
    """What C calls while a part is closed; None where it does nothing: the values of the last frame stay."""
    part = node.parts[index]
    first = sum(other.channels for other in node.parts[:index])
    channels, positions = node.attributes["channels"], node.attributes["positions"]
    suffix = f"_part{index}_closed"
    if part.on_skip == "hold":
        return None
    if part.on_skip == "bypass":
        return rescale.call(
            parameters[BYPASS],
            (BYPASS, first),
            positions=positions,
            channels=part.channels,
            input_pitch=channels,
            output_pitch=channels,
            output_offset=first,
            suffix=suffix,
        )
    fields = {"positions": positions, "channels": part.channels, "output_pitch": channels}
    if not output.is_wide:
        fields["output_offset"] = output.zero_point
    return KernelCall(f"slimse_zero_s{output.bits}", fields, (("output", first),), suffix=suffix)
