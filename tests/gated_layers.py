"""Gated layers with weights of their own, written down as a ``.keras`` archive describes them."""

from __future__ import annotations

import math
from typing import Any

from networks import Network, Value


def grouped_gru(
    network: Network,
    x: Value,
    policy: Value | None,
    units: int,
    components: list[int | None],
    on_skip: str | list[str] = "zero",
    *,
    axis: str = "time",
    bidirectional: bool = False,
    reset_after: bool = True,
    use_bias: bool = True,
    name: str = "",
) -> Value:
    """A GroupedGRU; ``units`` are those of one direction."""
    groups, directions = len(components), 2 if bidirectional else 1
    unit, columns = units // groups, x.channels // groups
    front = (directions, groups)
    weights = [
        network.normal(*front, columns, 3 * unit, fan_in=columns),
        network.normal(*front, unit, 3 * unit, fan_in=unit),
    ]
    if use_bias:
        rows = (*front, 2 if reset_after else 1, 3 * unit)
        weights.append(network.bias(math.prod(rows)).reshape(rows))
    config = {
        "units": units, "groups": groups, "axis": axis, "bidirectional": bidirectional, "reset_after": reset_after,
        "components": components, "on_skip": [on_skip] * groups if isinstance(on_skip, str) else on_skip,
        "use_bias": use_bias,
    }  # fmt: skip
    inputs = [x] if policy is None else [x, policy]
    return network.add("slimse>GroupedGRU", config, inputs, units * directions, weights, name=name)


def slim_attention(
    network: Network,
    x: Value,
    policy: Value | None,
    components: list[int | None],
    key_dim: int,
    window: int = 0,
    on_skip: str | list[str] = "zero",
    gain: float = 1.5,
    name: str = "",
) -> Value:
    """SlimAttention along frequency, or with a window along time; ``gain`` makes it choose more sharply."""
    heads, channels = len(components), x.channels
    config: dict[str, Any] = {"heads": heads, "key_dim": key_dim, "components": components, "on_skip": on_skip}
    config |= {"axis": "time", "window": window} if window else {"axis": "frequency", "window": None}
    weights = []
    for role in ("query", "key", "value"):
        size = gain if role != "value" else 1.0
        weights += [size * network.normal(channels, heads * key_dim, fan_in=channels), network.bias(heads * key_dim)]
    weights = [one.reshape(-1, heads, key_dim) if one.ndim == 2 else one.reshape(heads, key_dim) for one in weights]
    output = network.normal(heads * key_dim, channels, fan_in=heads * key_dim)
    weights += [output.reshape(heads, key_dim, channels), network.bias(channels)]
    inputs = [x] if policy is None else [x, policy]
    return network.add("slimse>SlimAttention", config, inputs, channels, weights, name=name)
