"""What a board must do, frame by frame, and everything that it must keep: the int8 specification as one machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.harness.session import digest_of
from slimse_mcu.streaming import GateBits, Stream, gate_layout, layer_macs
from slimse_mcu.twin import Twin


@dataclass(frozen=True, slots=True)
class Answer:
    """What a board must answer to one frame.

    Attributes:
        output: Samples int16 ``[hop]``, or int8 or int16 ``[outputs]`` of a model without front end.
        gates: Packed bits, uint8 ``[gate bytes]``.
        macs: Multiply-accumulates executed.
        digest: Of the memory, see :func:`slimse_mcu.harness.session.digest_of`.
    """

    output: NDArray[Any]
    gates: GateBits
    macs: int
    digest: int


class Specification:
    """A quantized model with its front end, streamed from reset.

    Args:
        twin: The model.
        forced: Gate bytes ``[gate bytes]`` that replace the model's decisions; None: the model decides.
        kept: Names of the tensors and states that the board keeps after a frame, in the board's order.
    """

    def __init__(self, twin: Twin, forced: GateBits | None, kept: Sequence[str]) -> None:
        self._graph = twin.quantized.graph
        self._tables = twin.tables
        self._audio = None if twin.tables is None else twin.tables.start()
        self._stream = Stream.integer(twin.quantized)
        self._stream.limit(twin.limit)
        self._layout = gate_layout(self._graph)
        self._forced = forced
        self._kept = kept
        self._macs = layer_macs(self._graph)

    @property
    def tensors(self) -> Mapping[str, NDArray[Any]]:
        """The last value of every tensor, flat."""
        return self._stream.tensors

    @property
    def gates(self) -> Mapping[str, NDArray[np.bool_]]:
        """The last decision of every gate, ``[channels]``."""
        return self._stream.gates

    @property
    def states(self) -> Mapping[str, NDArray[Any]]:
        """Every state by its name in ``model_state_t``, as it lies there."""
        return dict(self._stream.states())

    def answers(self, frames: NDArray[Any]) -> list[Answer]:
        """What the board must answer to the next frames.

        Args:
            frames: What the board is sent: int16 ``[frames, hop]``, or quantized features ``[frames, inputs]`` without
                front end.
        """
        if self._tables is None or self._audio is None:
            return [self._step(values) for values in frames]
        features, spectrum = self._tables.analyse(self._audio, frames.reshape(-1))
        answers = [self._step(values) for values in features]
        masks = np.stack([one.output for one in answers])
        audio = self._tables.synthesise(self._audio, masks, spectrum).reshape(frames.shape)
        return [replace(one, output=samples) for samples, one in zip(audio, answers, strict=True)]

    def _step(self, features: NDArray[Any]) -> Answer:
        self._stream.step(features, self._forced)
        memory = self.memory()
        digest = digest_of(memory[name].tobytes() for name in self._kept)
        gates = self._layout.pack(self.gates)
        return Answer(self.tensors[self._graph.output], gates, sum(self.macs().values()), digest)

    def macs(self) -> dict[str, int]:
        """What each layer must have executed in the last frame, by its table and the gates."""
        opened = self._layout.opened(self._layout.pack(self.gates))
        last = self._stream.frame - 1
        return {
            node.name: int(self._macs[node.name].count(opened))
            if node.name in self._macs and last % node.period == 0
            else 0
            for node in self._graph.nodes
        }

    def memory(self) -> Mapping[str, NDArray[Any]]:
        """All that the board may keep, by the names that it tells, little-endian like on the board."""
        ends = {"app_input": self.tensors[self._graph.input], "app_output": self.tensors[self._graph.output]}
        memory = {**self.tensors, **self.states, **ends}
        return {name: one.astype(one.dtype.newbyteorder("<"), copy=False) for name, one in memory.items()}
