"""Finds the layer at which a board parts from the specification, by dumping every tensor of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import LinkError
from slimse_mcu.graph import QuantizedGraph
from slimse_mcu.harness.session import Gates, Session
from slimse_mcu.streaming import gate_layout, run_int8


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first tensor, in execution order, that differs.

    Attributes:
        tensor: Its name, which is also its buffer's name in ``model.c``.
        index: First element that differs.
        device: The board's value.
        reference: The specification's value.
    """

    tensor: str
    index: int
    device: int
    reference: int


def locate(
    session: Session,
    quantized: QuantizedGraph,
    features: NDArray[np.int8],
    *,
    gates: Gates = "model",
) -> Divergence | None:
    """Stream features through board and specification and compare every tensor of the last frame.

    Args:
        session: Open, with an instrumented build (which keeps every tensor).
        quantized: The model that it runs.
        features: int8 ``[frames, inputs]`` from reset up to the frame in question.
        gates: Who decides the gates, ``"model"`` or ``"open"`` or ``"closed"``.

    Returns:
        None when every tensor is equal.

    Raises:
        LinkError: The build is not instrumented, or the link failed.
    """
    kept = {one.name for one in session.info.buffers if one.kept}
    if not session.info.instrumented:
        raise LinkError(
            "The firmware is not instrumented, so its tensors cannot be read.",
            hint="Compile the model with --instrumented and build it again.",
        )
    session.configure("features", gates=gates)
    session.reset()
    output: NDArray[Any] = np.empty(0, np.int8)
    for result in session.frames(features):
        output = result.output
    layout = gate_layout(quantized.graph)
    forced = None if gates == "model" else layout.constant(gates == "open")
    trace = run_int8(quantized, features, forced=forced, record=True)
    for node in quantized.graph.nodes:
        name = node.output
        if name not in trace.tensors or (name not in kept and name != quantized.graph.output):
            continue
        ours = output if name == quantized.graph.output else session.dump(name)
        different = np.nonzero(ours != trace.tensors[name][-1])[0]
        if len(different):
            at = int(different[0])
            return Divergence(name, at, int(ours[at]), int(trace.tensors[name][-1][at]))
    return None
