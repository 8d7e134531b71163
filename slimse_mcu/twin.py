"""The board's twins on the PC: the int8 specification that it must equal, and the float model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu import frontend
from slimse_mcu.graph import QuantizedGraph
from slimse_mcu.harness.audio import Pair
from slimse_mcu.harness.features import Features
from slimse_mcu.ops.arithmetic import quantize_values
from slimse_mcu.run import Run
from slimse_mcu.streaming import run_float, run_int8

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

    def float_audio(self, frames: NDArray[np.int16], done: Done) -> NDArray[np.int16]:
        """The float model's output samples ``[frames * hop]``, one hop behind the input like the board's."""
        settings = self.quantized.graph.frontend
        assert settings is not None, "audio needs a front end"
        features, spectrum = frontend.float_analyse(settings, frames.reshape(-1))
        mask = run_float(self.quantized.graph, features, progress=done).output
        samples = frontend.float_synthesise(settings, mask, spectrum) * frontend.FULL_SCALE
        rounded: NDArray[np.int16] = np.floor(samples + 0.5).clip(-32768, 32767).astype(np.int16)
        return rounded


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
