"""Finds where a board first parts from the specification: frame, layer, tensor, element, gate, state.

A recording is streamed through the board and through the specification.  Of every frame the output, the gates and the
MACs are compared, and a digest of all tensors and states that an instrumented build keeps.  Where a frame differs, the
board is streamed to it once more from reset, and all that it keeps is read and compared in the order of execution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from numpy.typing import NDArray

from slimse_mcu.errors import LinkError
from slimse_mcu.graph import Provenance
from slimse_mcu.harness.audio import Pair
from slimse_mcu.harness.locate import Difference, is_equal, locate
from slimse_mcu.harness.session import FrameResult, Gates, Mode, Session
from slimse_mcu.plan import Plan
from slimse_mcu.specification import Specification
from slimse_mcu.twin import Recording, Twin

Progress = Callable[[str, int, int], None]
"""Told how far a stage is: its name, how many frames are done, of how many."""

STAGES = ("compared", "once more")
"""Stages that ``progress`` is told about; the second only when there is a difference."""

#: Frames that are streamed at once, while the specification computes the same.
_STRETCH = 64


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first frame that differs.

    Attributes:
        recording: Name of what was streamed, from reset.
        frame: Number of the frame, from 0.
        differences: What differs in it, in execution order, so that the first is where it began.  Empty when the
            board was right when it got the same frames once more.
    """

    recording: str
    frame: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found.

    Attributes:
        board: Name of the board.
        provenance: Of the model.
        gates: Who decided the gates: ``"model"``, or forced ``"open"`` or ``"closed"``.
        recordings: How many there are.
        frames: How many frames are equal before the first that differs, or in all.
        divergence: The first frame that differs; None when all are equal.
    """

    board: str
    provenance: Provenance
    gates: Gates
    recordings: int
    frames: int
    divergence: Divergence | None

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"equal": self.divergence is None, **asdict(self)}


def diff(
    session: Session,
    plan: Plan,
    recordings: Sequence[Recording],
    *,
    gates: Gates = "model",
    frames: int | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Stream recordings through board and specification; find the first frame, layer and element that differ.

    Args:
        session: Open, with an instrumented build of the plan's model.
        plan: What was built.
        recordings: Audio for a model with a front end, else features.
        gates: Who decides the gates.
        frames: Stop after so many frames of each recording; None: at its end.
        progress: See :data:`Progress`.

    Raises:
        LinkError: The board failed, or its build is not instrumented.
    """
    if not session.info.instrumented:
        raise LinkError(
            "The firmware is not instrumented, so its tensors cannot be read.",
            hint="Compile the model with --instrumented and build it again.",
        )
    twin = Twin.of(plan.quantized, plan.audio_arithmetic)
    sent = [twin.frames(recording)[:frames] for recording in recordings]
    search = _Search(session, plan, twin, gates, progress or (lambda stage, done, total: None))
    search.total = sum(map(len, sent))
    divergence = None
    for recording, values in zip(recordings, sent, strict=True):
        frame = search.first(values)
        if frame is not None:
            name = recording.noisy.name if isinstance(recording, Pair) else recording.name
            divergence = Divergence(name, frame, search.differences(values[: frame + 1]))
            break
    made_of = plan.quantized.provenance
    return Comparison(session.info.board, made_of, gates, len(recordings), search.equal, divergence)


class _Search:
    """Streams frames through board and specification until they differ.

    Attributes:
        total: Frames of all recordings.
        equal: Frames that were equal so far.
    """

    def __init__(self, session: Session, plan: Plan, twin: Twin, gates: Gates, tell: Progress) -> None:
        self._session = session
        self._plan = plan
        self._twin = twin
        self._gates = gates
        self._tell = tell
        self.total = 0
        self.equal = 0

    def first(self, frames: NDArray[Any]) -> int | None:
        """Stream a recording from reset; the number of the first frame that differs, None when all are equal."""
        specification = self._reset()
        before = self.equal
        with ThreadPoolExecutor(1) as beside:
            for start in range(0, len(frames), _STRETCH):
                stretch = frames[start : start + _STRETCH]
                answers = beside.submit(specification.answers, stretch)
                results = list(self._stream(stretch, "compared", before + start, self.total))
                for wanted, result in zip(answers.result(), results, strict=True):
                    if not is_equal(wanted, result):
                        return self.equal - before
                    self.equal += 1
        return None

    def differences(self, frames: NDArray[Any]) -> tuple[Difference, ...]:
        """Stream up to a frame once more; what differs in the last one, in execution order."""
        specification = self._reset()
        wanted = specification.answers(frames)[-1]
        (*_, result) = self._stream(frames, "once more", 0, len(frames))
        return locate(self._session, self._plan, specification, wanted, result)

    def _reset(self) -> Specification:
        """Bring the board to its initial state; a specification that is there too."""
        mode: Mode = "features" if self._twin.tables is None else "pcm"
        self._session.configure(mode, gates=self._gates)
        self._session.reset()
        forced = None if self._gates == "model" else self._plan.gates.constant(self._gates == "open")
        return Specification(self._twin, forced, [one.name for one in self._session.info.buffers])

    def _stream(self, frames: NDArray[Any], stage: str, done: int, total: int) -> Iterator[FrameResult]:
        for result in self._session.frames(frames):
            done += 1
            self._tell(stage, done, total)
            yield result
