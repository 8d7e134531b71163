"""Policy of a dynamically slimmable network: decides per frame which components of the network run.

A small recurrent or feed-forward network over early features, then one decision per component: open where the logit
of "open" is above that of "closed".  In int8 the sign of the int32 accumulator of their difference decides.
Source: dynamically slimmable networks, arXiv 2510.11395.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from slimse_mcu.graph import Node
from slimse_mcu.ops import recurrent_layers
from slimse_mcu.ops.channel_gate import ChannelGate
from slimse_mcu.ops.op import Import

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

#: The generated code keeps one bit per component; far more than a network has.
_MAX_COMPONENTS = 256
#: Longer names are cut.
_NAME_LENGTH = 60


def _read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    given = [str(name)[:_NAME_LENGTH] for name in layer.config.get("components") or ()]
    names = [re.sub(r"\W", "_", name, flags=re.ASCII) for name in given]
    if not 0 < len(names) <= _MAX_COMPONENTS or len(set(names)) != len(names) or not all(names):
        raise layer.error(f"has components {names}", f"Give 1 to {_MAX_COMPONENTS} different names.")
    builder.vector(layer, inputs[0])
    hidden = int(layer.config.get("hidden", 0))
    source, index = inputs[0], 0
    if hidden and layer.config.get("recurrent", True):
        source, index = _read_recurrent(layer, source, builder), 3
    elif hidden:
        weights = {"kernel": layer.weight(0, rank=2).T.copy(), "bias": layer.weight(1, rank=1)}
        source, index = builder.add(layer, "dense", [source], channels=hidden, weights=weights, suffix="_hidden"), 2
        source = builder.activate(layer, source, "relu", "_hidden_activation")
    kernel, bias = layer.weight(index, rank=3), layer.weight(index + 1, rank=2)
    if kernel.shape[1:] != (len(names), 2) or bias.shape != (len(names), 2):
        raise layer.error(f"has weights of shapes {kernel.shape} and {bias.shape} for {len(names)} components")
    weights = {"kernel": (kernel[..., 1] - kernel[..., 0]).T.copy(), "bias": bias[:, 1] - bias[:, 0]}
    return builder.add_gate(layer, "policy", [source], channels=len(names), weights=weights, components=tuple(names))


def _read_recurrent(layer: KerasLayer, source: str, builder: GraphBuilder) -> str:
    """The hidden layer as a GRU along time, reset behind the recurrent product."""
    kernel, recurrent, bias = layer.weight(0, rank=2), layer.weight(1, rank=2), layer.weight(2, rank=2)
    units = recurrent.shape[0]
    if kernel.shape != (builder.channels(source), 3 * units) or recurrent.shape != (units, 3 * units):
        raise layer.error(f"has weights of shapes {kernel.shape} and {recurrent.shape}, which do not fit its input")
    if bias.shape != (2, 3 * units):
        raise layer.error(f"has a bias of shape {bias.shape} for {units} units")
    cells = recurrent_layers.cells_of("gru", 3, kernel[None], recurrent[None], bias[None], reset_after=True)
    return recurrent_layers.add_cells(layer, source, builder, cells, along=recurrent_layers.TIME, suffix="_hidden")


class Policy(ChannelGate):
    """Weights ``kernel [components, columns]``, ``bias [components]``: the logit of open minus that of closed."""

    name = "policy"
    imports = (
        Import(
            ("slimse>Policy",),
            _read,
            "recurrent, feed-forward or no hidden layer; read by gated layers only",
            decides=True,
        ),
    )

    def describe(self, node: Node) -> str:
        rows, columns = node.weights["kernel"].shape
        return f"policy {columns} -> {rows} components"


OP = Policy()
