"""The board's twins on the PC: the int8 specification that it must equal, and the float model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu import flips, frontend
from slimse_mcu.dsp.path import AudioPath
from slimse_mcu.errors import AudioError
from slimse_mcu.fidelity import Comparison
from slimse_mcu.flips import Audit
from slimse_mcu.graph import QuantizedGraph
from slimse_mcu.harness.audio import Pair
from slimse_mcu.harness.features import Features
from slimse_mcu.limit import Limit
from slimse_mcu.ops.arithmetic import dequantize_values, quantize_values
from slimse_mcu.run import Run
from slimse_mcu.side_by_side import Done, Told, run_both
from slimse_mcu.spectral import FULL_SCALE
from slimse_mcu.streaming import Trace, run_int8

Recording = Pair | Features
"""What is streamed: audio for a model with a front end, else features."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A quantized model with its front end.

    Attributes:
        quantized: The model.
        tables: Constants of the front end; None for a model without.
        limit: What the networks obey where they decide; None: none.
    """

    quantized: QuantizedGraph
    tables: AudioPath[Any] | None
    limit: Limit | None = None

    @classmethod
    def of(cls, quantized: QuantizedGraph, audio_arithmetic: str | None = None) -> Twin:
        """The twin of what is compiled from ``quantized``.

        Args:
            quantized: The model.
            audio_arithmetic: What the device's front end computes in, as the plan says; None: single precision.
        """
        graph = quantized.graph
        if graph.frontend is None:
            return cls(quantized, None)
        both = quantized.quantization[graph.input], quantized.quantization[graph.output]
        return cls(quantized, frontend.audio_path(graph.frontend, *both, audio_arithmetic or "float"))

    def frames(self, recording: Recording) -> NDArray[Any]:
        """What the board is sent, one row per frame: hops of samples and one of silence, or quantized features."""
        if isinstance(recording, Pair):
            assert self.tables is not None, "audio needs a front end"
            hop = self.tables.hop
            padded = frontend.pad_to_hops(recording.noisy.samples, hop)
            return np.append(padded, np.zeros(hop, np.int16)).reshape(-1, hop)
        source = self.quantized.quantization[self.quantized.graph.input]
        if recording.values.dtype == np.float32:
            return quantize_values(recording.values, source)
        if recording.values.dtype != source.dtype:
            raise AudioError(
                f"The features of {recording.name} are {recording.values.dtype.name}, the model takes "
                f"{source.dtype.name}.",
                hint="Save them in float, as the model sees them.",
            )
        return recording.values

    def specification(self, frames: NDArray[Any], forced: NDArray[np.uint8] | None, done: Done) -> Run:
        """What the board must answer to ``frames``."""
        if self.tables is None:
            trace = run_int8(self.quantized, frames, forced=forced, limit=self.limit, progress=done)
            return Run(trace.gates, trace.macs, None, None, trace.output)
        state = self.tables.start()
        features, spectrum = self.tables.analyse(state, frames.reshape(-1))
        trace = run_int8(self.quantized, features, forced=forced, limit=self.limit, progress=done)
        samples = self.tables.synthesise(state, trace.output, spectrum)
        return Run(trace.gates, trace.macs, None, None, samples.reshape(frames.shape))

    def compare(
        self, frames: NDArray[Any], comparison: Comparison, audit: Audit | None = None, told: Told | None = None
    ) -> tuple[Run, dict[str, NDArray[np.int16]]]:
        """What the board must answer to ``frames``, and what the float model does, compared on the way.

        Args:
            frames: What the board is sent, gates decided by the model.
            comparison: Takes in all tensors and states of both.
            audit: Takes in the decisions of both, and has each run with the other's.
            told: Told of frames that are done.

        Returns:
            The specification's run, and samples ``[frames * hop]`` by run (:data:`slimse_mcu.flips.RUNS`), one hop
            behind the input like the board's; those of an audit may be fewer, and features yield none.
        """
        graph = self.quantized.graph
        if self.tables is None:
            real_features = dequantize_values(frames, self.quantized.quantization[graph.input]).astype(np.float32)
            both = run_both(self.quantized, real_features, frames, comparison, audit, told, self.limit)
            return _run(both.integer), {}
        assert graph.frontend is not None, "tables are a front end's"
        state = self.tables.start()
        features, spectrum = self.tables.analyse(state, frames.reshape(-1))
        real_features, real_spectrum = frontend.float_analyse(graph.frontend, frames.reshape(-1))
        runs = run_both(self.quantized, real_features, features, comparison, audit, told, self.limit)
        sounds = {
            flips.INT8: self._sound(runs.integer, spectrum),
            flips.FLOAT: self._real_sound(runs.real, real_spectrum),
        }
        if runs.integer_swapped is not None and runs.real_swapped is not None:
            sounds[flips.INT8_FLOAT_GATES] = self._sound(runs.integer_swapped, spectrum)
            sounds[flips.FLOAT_INT8_GATES] = self._real_sound(runs.real_swapped, real_spectrum)
        return replace(_run(runs.integer), output=sounds[flips.INT8].reshape(frames.shape)), sounds

    def _sound(self, trace: Trace, spectrum: NDArray[np.complex64]) -> NDArray[np.int16]:
        """Samples ``[frames * hop]`` of the specification."""
        assert self.tables is not None, "features have no sound"
        state = self.tables.start()
        return self.tables.synthesise(state, trace.output, spectrum[: len(trace.output)])

    def _real_sound(self, trace: Trace, spectrum: NDArray[Any]) -> NDArray[np.int16]:
        """Samples ``[frames * hop]`` of the float model."""
        settings = self.quantized.graph.frontend
        assert settings is not None, "features have no sound"
        audio = frontend.float_synthesise(settings, trace.output, spectrum[: len(trace.output)]) * FULL_SCALE
        samples: NDArray[np.int16] = np.floor(audio + 0.5).clip(-32768, 32767).astype(np.int16)
        return samples


def _run(trace: Trace) -> Run:
    """What a board that does the same answers."""
    return Run(trace.gates, trace.macs, None, None, trace.output)


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
