"""Long runs: recordings in a circle through a board, every frame compared, and what only goes wrong with time.

Every frame is held against the same model as C on this computer, made by another compiler for another core, and the
first minutes against the NumPy specification too, which is slower.  State is carried on for an hour of audio at a
time: so much is kept to bring a board that restarts back to where it was.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.harness.session import FrameResult, Session
from slimse_mcu.plan import Plan
from slimse_mcu.specification import Answer, Specification
from slimse_mcu.twin import Recording, Twin

Progress = Callable[[str, int, int], None]
"""Told how far the run is: ``soak``, frames done, of how many."""

_STRETCH = 250
_LAP = 900 * _STRETCH
"""Frames from one reset to the next: an hour, at a hop of 16 ms."""
_WARM_SHARE = 0.1
_LEAK_BYTES = 1 << 20
_LEAK_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Difference:
    """The first frame that differs.

    Attributes:
        frame: Its number, from 0.
        what: ``"gates"``, ``"output"`` or ``"macs"``.
        reference: What it was held against.
    """

    frame: int
    what: str
    reference: str


@dataclass(frozen=True, slots=True)
class Soak:
    """What a long run came to.

    Attributes:
        board: Name of the board.
        model: Name of the model.
        frames: Frames that the board answered.
        audio_s: Seconds of audio in them; None for features.
        wall_s: Seconds that they took, comparing included.
        compared: Frames compared with C on this computer; all that were answered before a difference.
        specified: Frames compared with the NumPy specification too.
        difference: None when all were equal.
        missed: Frames that the board did not compute, or computed twice, by its own count; None: it has restarted.
        mended: What went wrong on the link and was mended; empty: nothing.
        memory_before: Bytes of memory of the board's process after a tenth of the run; None for hardware, or where the
            system does not tell.
        memory_after: The same at the end.
        stack_peak: Deepest use of the board's stack in bytes; None where it is unknown.
    """

    board: str
    model: str
    frames: int
    audio_s: float | None
    wall_s: float
    compared: int
    specified: int
    difference: Difference | None
    missed: int | None
    mended: str
    memory_before: int | None
    memory_after: int | None
    stack_peak: int | None

    @property
    def leaks(self) -> bool:
        """Whether the board's process grew by more than a twentieth, and by more than a mebibyte."""
        if self.memory_before is None or self.memory_after is None:
            return False
        return self.memory_after > self.memory_before + max(_LEAK_BYTES, _LEAK_SHARE * self.memory_before)

    @property
    def is_sound(self) -> bool:
        """No difference, no frame missed, no leak."""
        return self.difference is None and not self.missed and not self.leaks

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "leaks": self.leaks, "is_sound": self.is_sound}


def soak(
    session: Session,
    reference: Session,
    plan: Plan,
    recordings: Sequence[Recording],
    frames: int,
    *,
    specified: int = 0,
    progress: Progress | None = None,
) -> Soak:
    """Stream recordings in a circle until so many frames were answered or one differs.

    Args:
        session: Open, with the board.
        reference: Open, with the same model as C on this computer.
        plan: What both were built from.
        recordings: Audio for a model with a front end, else features.
        frames: How many.
        specified: How many of the first ones are compared with the specification too.
        progress: See :data:`Progress`.

    Raises:
        LinkError: The board failed.
    """
    tell = progress or (lambda stage, done, total: None)
    twin = Twin.of(plan.quantized, plan.audio_arithmetic)
    for one in (session, reference):
        one.configure("features" if twin.tables is None else "pcm")
    computed, start = session.status().frames, time.monotonic()
    done, checked, before = 0, 0, None
    difference: Difference | None = None
    for stretch in _stretches([twin.frames(one) for one in recordings], frames):
        if done % _LAP == 0:
            follower = Specification(twin, None, ())
            for one in (session, reference):
                one.reset()
        ours = list(session.frames(list(stretch)))
        difference = _first(done, ours, list(reference.frames(list(stretch))), "C on this computer")
        if difference is None and done < specified:
            some = stretch[: specified - done]
            difference = _first(done, ours[: len(some)], follower.answers(some), "the NumPy specification")
            checked += len(some)
        done += len(ours)
        tell("soak", done, frames)
        if before is None and done >= _WARM_SHARE * frames:
            before = resident_bytes(session.pid)
        if difference is not None:
            break
    wall_s = time.monotonic() - start
    status, settings = session.status(), plan.quantized.graph.frontend
    return Soak(
        board=session.info.board,
        model=session.info.model_name,
        frames=done,
        audio_s=None if settings is None else done * settings.hop / settings.sample_rate_hz,
        wall_s=wall_s,
        compared=done if difference is None else difference.frame,
        specified=checked,
        difference=difference,
        missed=None if session.errors.restarts else abs(done - (status.frames - computed)),
        mended=str(session.errors),
        memory_before=before,
        memory_after=resident_bytes(session.pid),
        stack_peak=status.stack_peak_bytes or None,
    )


def _stretches(recordings: Sequence[NDArray[Any]], frames: int) -> Iterator[NDArray[Any]]:
    """Consecutive frames ``[n, ...]`` of all recordings in a circle, so many in all; none goes over a lap's end."""
    done = 0
    for values in itertools.cycle(recordings):
        first = 0
        while first < len(values):
            if done == frames:
                return
            stretch = values[first : first + min(_STRETCH, frames - done, _LAP - done % _LAP)]
            first += len(stretch)
            done += len(stretch)
            yield stretch


def _first(
    done: int, ours: Sequence[FrameResult], theirs: Sequence[FrameResult] | Sequence[Answer], reference: str
) -> Difference | None:
    for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        for what in ("gates", "output", "macs"):
            if not np.array_equal(getattr(one, what), getattr(other, what)):
                return Difference(done + index, what, reference)
    return None


def resident_bytes(pid: int | None) -> int | None:
    """Memory of a process that is in use, where the system has ``/proc``; else None."""
    if pid is None:
        return None
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("VmRSS:")]
    return 1024 * int(found[0][1]) if found and found[0][1].isdigit() else None
