"""The board's twins on the PC: the int8 specification that it must equal, and the float model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu import frontend
from slimse_mcu.fidelity import Comparison
from slimse_mcu.graph import QuantizedGraph
from slimse_mcu.harness.audio import Pair
from slimse_mcu.harness.features import Features
from slimse_mcu.ops.arithmetic import dequantize_values, quantize_values
from slimse_mcu.run import Run
from slimse_mcu.spectral import FULL_SCALE
from slimse_mcu.streaming import Stream, Trace, pieces, run_int8

Recording = Pair | Features
"""What is streamed: audio for a model with a front end, else features."""

Done = Callable[[int], None]
"""Told after each frame: 1."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A quantized model with its front end.

    Attributes:
        quantized: The model.
        tables: Constants of the front end; None for a model without.
    """

    quantized: QuantizedGraph
    tables: frontend.StftTables | None

    @classmethod
    def of(cls, quantized: QuantizedGraph) -> Twin:
        """The twin of what is compiled from ``quantized``."""
        graph = quantized.graph
        if graph.frontend is None:
            return cls(quantized, None)
        both = quantized.quantization[graph.input], quantized.quantization[graph.output]
        return cls(quantized, frontend.tables(graph.frontend, *both))

    def frames(self, recording: Recording) -> NDArray[Any]:
        """What the board is sent, one row per frame: hops of samples and one of silence, or int8 features."""
        if isinstance(recording, Pair):
            assert self.tables is not None, "audio needs a front end"
            hop = self.tables.hop
            padded = frontend.pad_to_hops(recording.noisy.samples, hop)
            return np.append(padded, np.zeros(hop, np.int16)).reshape(-1, hop)
        if recording.values.dtype == np.int8:
            return recording.values
        return quantize_values(recording.values, self.quantized.quantization[self.quantized.graph.input])

    def specification(self, frames: NDArray[Any], forced: NDArray[np.uint8] | None, done: Done) -> Run:
        """What the board must answer to ``frames``."""
        if self.tables is None:
            trace = run_int8(self.quantized, frames, forced=forced, progress=done)
            return Run(trace.gates, trace.macs, None, None, trace.output)
        state = frontend.StftState.zero(self.tables.hop)
        features, spectrum = frontend.analyse(self.tables, state, frames.reshape(-1))
        trace = run_int8(self.quantized, features, forced=forced, progress=done)
        samples = frontend.synthesise(self.tables, state, trace.output, spectrum)
        return Run(trace.gates, trace.macs, None, None, samples.reshape(frames.shape))

    def compare(
        self, frames: NDArray[Any], comparison: Comparison, done: Done, float_done: Done
    ) -> tuple[Run, NDArray[np.int16] | None]:
        """What the board must answer to ``frames``, and what the float model does, compared on the way.

        Args:
            frames: What the board is sent, gates decided by the model.
            comparison: Takes in all tensors and states of both.
            done: Told of the specification's frames.
            float_done: Told of the float model's frames.

        Returns:
            The specification's run, and the float model's samples ``[frames * hop]``, one hop behind the input like
            the board's; None for features.
        """
        graph = self.quantized.graph
        if self.tables is None:
            real_features = dequantize_values(frames, self.quantized.quantization[graph.input]).astype(np.float32)
            runs = self._both(frames, real_features, comparison, done, float_done)
            return _joined(runs[0]), None
        assert graph.frontend is not None, "tables are a front end's"
        state = frontend.StftState.zero(self.tables.hop)
        features, spectrum = frontend.analyse(self.tables, state, frames.reshape(-1))
        real_features, real_spectrum = frontend.float_analyse(graph.frontend, frames.reshape(-1))
        integer, real = self._both(features, real_features, comparison, done, float_done)
        run = _joined(integer)
        samples = frontend.synthesise(self.tables, state, run.output, spectrum)
        mask = np.concatenate([one.output for one in real])
        audio = frontend.float_synthesise(graph.frontend, mask, real_spectrum) * FULL_SCALE
        rounded: NDArray[np.int16] = np.floor(audio + 0.5).clip(-32768, 32767).astype(np.int16)
        return replace(run, output=samples.reshape(frames.shape)), rounded

    def _both(
        self,
        features: NDArray[np.int8],
        real_features: NDArray[np.float32],
        comparison: Comparison,
        done: Done,
        float_done: Done,
    ) -> tuple[list[Trace], list[Trace]]:
        """Both models over the same frames, piece by piece."""
        graph = self.quantized.graph
        streams = Stream.integer(self.quantized), Stream.real(graph)
        runs: tuple[list[Trace], list[Trace]] = [], []
        comparison.start()
        given = pieces(features, graph.period), pieces(real_features, graph.period)
        for piece, real_piece in zip(*given, strict=True):
            ours = streams[0].run(piece, keep=comparison.names, progress=done)
            theirs = streams[1].run(real_piece, keep=comparison.names, progress=float_done)
            comparison.add(theirs, ours)
            for kept, trace in zip(runs, (ours, theirs), strict=True):
                kept.append(replace(trace, tensors={}, states={}))
        return runs


def _joined(parts: Sequence[Trace]) -> Run:
    """Consecutive pieces of a run as one."""
    gates = np.concatenate([one.gates for one in parts])
    macs = np.concatenate([one.macs for one in parts])
    return Run(gates, macs, None, None, np.concatenate([one.output for one in parts]))


class _StoppedError(Exception):
    """Ends the work of the other thread; never leaves this module."""


@contextmanager
def beside() -> Iterator[Callable[..., Any]]:
    """Gives ``submit(function, *arguments, done=...)``, which works in another thread while a board is waited for.

    ``done`` is handed on wrapped, so that the work ends at its next frame when the block is left early.
    """
    leave = threading.Event()

    def submit(function: Callable[..., Any], *arguments: Any, done: Done) -> Any:
        def checked(more: int) -> None:
            if leave.is_set():
                raise _StoppedError
            done(more)

        return pool.submit(function, *arguments, checked)

    pool = ThreadPoolExecutor(1)
    try:
        yield submit
    finally:
        leave.set()
        pool.shutdown(cancel_futures=True)
