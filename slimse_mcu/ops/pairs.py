"""Import of elementwise layers of several inputs as a chain of nodes of two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer


def read_pairs(op: str) -> Callable[[KerasLayer, Sequence[str], GraphBuilder], str]:
    """Importer of a layer that combines its inputs element by element with the operator ``op``."""

    def read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
        sizes = [builder.channels(name) for name in inputs]
        if len(inputs) < 2 or len(set(sizes)) != 1:
            raise layer.error(
                f"combines tensors of {sizes} channels", "All inputs need the same number of channels; two at least."
            )
        result = inputs[0]
        for index, other in enumerate(inputs[1:]):
            last = index == len(inputs) - 2
            result = builder.add(
                layer,
                op,
                [result, other],
                channels=sizes[0],
                attributes={"channels": sizes[0]},
                suffix="" if last else f"_part{index}",
            )
        return result

    return read
