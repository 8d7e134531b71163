"""What becomes of a recording: through the float model, the int8 model and a board.

The int8 model runs as C on this computer where there is a compiler for it (about a hundred times as fast as real
time), else as the NumPy specification that the C equals bit for bit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu import flips, frontend
from slimse_mcu.board import Board
from slimse_mcu.build import Image
from slimse_mcu.decisions import Decisions
from slimse_mcu.evaluation.activity import frame_kinds
from slimse_mcu.evaluation.records import Count, SignalRecord, work_by_kind
from slimse_mcu.graph import FrontEnd, QuantizedGraph
from slimse_mcu.harness import quality
from slimse_mcu.harness.audio import Pair
from slimse_mcu.harness.session import Session
from slimse_mcu.run import Run
from slimse_mcu.spectral import FULL_SCALE
from slimse_mcu.streaming import run_float
from slimse_mcu.twin import Twin

FLOAT, FLIPPED, INT8, BOARD = flips.FLOAT, flips.FLOAT_INT8_GATES, flips.INT8, "board"
"""Signals of a model: the float model, the same with the decisions of its integers, these on this computer, and on the
board that was asked for."""


@dataclass(frozen=True, slots=True)
class Target:
    """Firmware of a model and what it runs on.

    Attributes:
        board: The board.
        image: What was built for it.
        port: Where hardware is connected; None for a virtual board.
        patience_s: How long to wait for a board that does not answer; None: as long as sessions do.
    """

    board: Board
    image: Image
    port: str | None = None
    patience_s: float | None = None

    def session(self) -> Session:
        """A session with it, not yet entered."""
        if self.patience_s is None:
            return Session(self.board, self.image, port=self.port)
        return Session(self.board, self.image, port=self.port, patience_s=self.patience_s)


@dataclass(frozen=True, slots=True)
class Job:
    """A model made ready to run; travels to the worker processes.

    Attributes:
        quantized: The model; it has a front end.
        host: C on this computer; None: the specification runs instead.
        target: The board that was asked for, ``host`` itself where that is it; None: none was.
        audio_arithmetic: What its front end computes in; None: single precision.
    """

    quantized: QuantizedGraph
    host: Target | None
    target: Target | None
    audio_arithmetic: str | None = None

    def at(self, port: str | None) -> Job:
        """The same with the board that is connected at ``port``, one of several; None: as it is."""
        if port is None or self.target is None:
            return self
        return replace(self, target=replace(self.target, port=port))

    @property
    def front_end(self) -> FrontEnd:
        """The model's."""
        settings = self.quantized.graph.frontend
        assert settings is not None, "only models that take audio are evaluated"
        return settings


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted of every recording.

    Attributes:
        opinion: DNSMOS too.
        silence_dbfs: Where silence begins.
    """

    opinion: bool
    silence_dbfs: float


def input_record(pair: Pair, asked: Asked) -> SignalRecord:
    """The noisy input's scores."""
    return SignalRecord(_scores(pair, pair.noisy.samples, asked))


def _scores(pair: Pair, samples: NDArray[np.int16], asked: Asked) -> quality.Scores:
    clean = None if pair.clean is None else pair.clean.samples
    return quality.score(clean, samples, pair.noisy.sample_rate_hz, opinion=asked.opinion)


class Runner:
    """A model that is ready to run recordings; a context manager that keeps its boards started.

    Args:
        job: The model.

    Raises:
        BoardError: On entry: a board does not start.
        LinkError: On entry, or on any recording: a board failed.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._twin = Twin.of(job.quantized, job.audio_arithmetic)
        self._decisions = Decisions.of(job.quantized.graph)
        self._stack = ExitStack()
        self._sessions: dict[str, Session] = {}

    def __enter__(self) -> Runner:
        with ExitStack() as stack:
            for name, target in ((INT8, self._job.host), (BOARD, self._job.target)):
                if target is not None and not (name == BOARD and target == self._job.host):
                    self._sessions[name] = stack.enter_context(target.session())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sessions.clear()
        self._stack.__exit__(kind, value, trace)

    def records(
        self, pair: Pair, asked: Asked, wanted: Collection[str], known: Mapping[str, SignalRecord]
    ) -> dict[str, SignalRecord]:
        """Scores and work of signals of a recording.

        Args:
            pair: The recording.
            asked: What is wanted of every recording.
            wanted: Which signals.
            known: Records that need not be made again.

        Raises:
            LinkError: A board failed.
        """
        frames = self._twin.frames(pair)
        clean = None if pair.clean is None else pair.clean.samples
        kinds = frame_kinds(pair.noisy.samples, clean, self._job.front_end.hop, asked.silence_dbfs)
        runs = self._runs(frames, wanted)
        scores = {name: one.scores for name, one in known.items()}
        found = {}
        for name in wanted:
            run = runs[name]
            alike = next((one for one in scores if one in runs and np.array_equal(runs[one].output, run.output)), None)
            scores[name] = scores[alike] if alike else _scores(pair, self._audio(run, pair), asked)
            work = work_by_kind(run.macs, run.gates, kinds, self._decisions)
            found[name] = SignalRecord(
                scores=scores[name],
                work=work,
                count=self._count(name, run),
                differing=differing_frames(run, runs[INT8]) if name == BOARD else None,
                flipped=self._flipped(runs[FLOAT], run, pair) if name == INT8 and FLOAT in runs else None,
            )
        return found

    def _flipped(self, real: Run, integer: Run, pair: Pair) -> int:
        """Decisions that differ, over the recording's frames."""
        frames = -(-len(pair.noisy.samples) // self._job.front_end.hop)
        both = [self._decisions.unpack(one.gates[:frames]) for one in (real, integer)]
        return sum(int((both[0][name] != both[1][name]).sum()) for name in both[0])

    def _runs(self, frames: NDArray[np.int16], wanted: Collection[str]) -> dict[str, Run]:
        """Frames through what is wanted; a board is compared with the int8 model, so that runs too."""
        found = {}
        if FLOAT in wanted:
            found[FLOAT] = self._float(frames)
        if INT8 in self._sessions:
            found[INT8] = stream(self._sessions[INT8], frames)
        else:
            found[INT8] = self._twin.specification(frames, None, lambda more: None)
        if FLIPPED in wanted:
            found[FLIPPED] = self._float(frames, found[INT8].gates)
        if BOARD in wanted:
            found[BOARD] = stream(self._sessions[BOARD], frames) if BOARD in self._sessions else found[INT8]
        return found

    def _float(self, frames: NDArray[np.int16], forced: NDArray[np.uint8] | None = None) -> Run:
        settings = self._job.front_end
        features, spectrum = frontend.float_analyse(settings, frames.reshape(-1))
        trace = run_float(self._job.quantized.graph, features, forced=forced)
        audio = frontend.float_synthesise(settings, trace.output, spectrum) * FULL_SCALE
        rounded = np.floor(audio + 0.5).clip(-32768, 32767).astype(np.int16)
        return Run(trace.gates, trace.macs, None, None, rounded.reshape(frames.shape))

    def _audio(self, run: Run, pair: Pair) -> NDArray[np.int16]:
        """Samples aligned with the input, which they follow by a hop."""
        audio: NDArray[np.int16] = run.output.reshape(-1)[self._job.front_end.hop :][: len(pair.noisy.samples)]
        return audio

    def _count(self, name: str, run: Run) -> Count | None:
        if name != BOARD or run.count is None or run.count_total is None:
            return None
        session = self._sessions.get(BOARD, self._sessions.get(INT8))
        assert session is not None, "what counts has a session"
        return Count(session.info.counter, int(run.count.sum()), int(run.count_total.sum()))


def differing_frames(one: Run, other: Run) -> int:
    """Frames in which two runs of the same frames differ in output, gates or executed MACs."""
    differs = (one.output != other.output).any(axis=1) | (one.gates != other.gates).any(axis=1)
    return int((differs | (one.macs != other.macs)).sum())


def stream(session: Session, frames: NDArray[Any]) -> Run:
    """Frames of samples ``[frames, hop]`` through a board from reset, gates decided by the model."""
    session.configure("pcm", gates="model")
    session.reset()
    results = list(session.frames(frames))
    counted = session.info.counter != "none"
    return Run(
        gates=np.stack([one.gates for one in results]),
        macs=np.array([one.macs for one in results], np.int64),
        count=np.array([one.count for one in results], np.int64) if counted else None,
        count_total=np.array([one.count_total for one in results], np.int64) if counted else None,
        output=np.stack([one.output for one in results]),
    )
