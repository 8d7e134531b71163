"""What a worker process of an evaluation does: one recording through one model, or the scores of an input."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slimse_mcu.errors import AudioError, LinkError, SlimseError
from slimse_mcu.evaluation.crew import Retired
from slimse_mcu.evaluation.records import SignalRecord
from slimse_mcu.evaluation.signals import Asked, Job, Runner, input_record
from slimse_mcu.harness.audio import Pair, read_pairs

NOISY = "noisy"
"""The signal that no model has touched."""


@dataclass(frozen=True, slots=True)
class Task:
    """One recording, and what is wanted of it.

    Attributes:
        item: Number of the recording.
        noisy: Its file.
        clean: The reference's; None where there is none.
        sample_rate_hz: The model's.
        model: Number of the model; None: the input is scored.
        wanted: Signals of the model.
        known: Records of the same recording that need not be made again.
    """

    item: int
    noisy: Path
    clean: Path | None
    sample_rate_hz: int
    model: int | None = None
    wanted: tuple[str, ...] = ()
    known: Mapping[str, SignalRecord] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a task.

    Attributes:
        signals: A record of every signal; empty when it failed.
        failure: Why this recording is left out, in words.
        message: What is wrong with a board, which no other recording can mend either.
        hint: The way out of that.
    """

    signals: Mapping[str, SignalRecord] = field(default_factory=dict)
    failure: str = ""
    message: str = ""
    hint: str = ""


def job_file(folder: Path, model: int) -> Path:
    """Where a model's :class:`Job` lies."""
    return folder / f"job{model}.pickle"


def write_job(folder: Path, model: int, job: Job) -> None:
    """Lay a model out for the workers."""
    job_file(folder, model).write_bytes(pickle.dumps(job))


class Worker:
    """Does tasks; keeps the last model and its boards open, because the next task is likely for the same.

    Args:
        folder: Where :func:`write_job` put the models; private to this evaluation.
        asked: What is wanted of every recording.
        seat: Where the board of this worker is connected, one of several; None: as the model's job says.
    """

    def __init__(self, folder: Path, asked: Asked, seat: str | None = None) -> None:
        self._folder = folder
        self._asked = asked
        self._seat = seat
        self._model: int | None = None
        self._runner: Runner | None = None

    def __call__(self, task: Task) -> Answer | Retired:
        """Do a task; a recording that cannot be evaluated has a reason, and ends nothing."""
        try:
            return Answer(self._signals(task))
        except AudioError as error:
            return Answer(failure=error.message.rstrip("."))
        except LinkError:
            return self._once_more(task)
        except SlimseError as error:
            self.close()
            return Answer(message=error.message, hint=error.hint)
        except Exception as error:  # noqa: BLE001 - outside audio in outside packages: named, and the run goes on
            self.close()
            return Answer(failure=f"{type(error).__name__}: {error}")

    def _once_more(self, task: Task) -> Answer | Retired:
        """The same with boards that were started anew; a board of several that fails again leaves it to the others."""
        self.close()
        try:
            return Answer(self._signals(task))
        except LinkError as error:
            self.close()
            if self._seat is not None:
                return Retired(self._seat, error.message, error.hint)
            return Answer(message=error.message, hint=error.hint)
        except SlimseError as error:
            self.close()
            return Answer(message=error.message, hint=error.hint)

    def _signals(self, task: Task) -> dict[str, SignalRecord]:
        pair: Pair = read_pairs(task.noisy, task.clean, task.sample_rate_hz)[0]
        if task.model is None:
            return {NOISY: input_record(pair, self._asked)}
        return self._runner_of(task.model).records(pair, self._asked, task.wanted, task.known)

    def _runner_of(self, model: int) -> Runner:
        if self._runner is None or self._model != model:
            self.close()
            job: Job = pickle.loads(job_file(self._folder, model).read_bytes())
            self._runner, self._model = Runner(job.at(self._seat)).__enter__(), model
        return self._runner

    def close(self) -> None:
        """End the boards."""
        runner, self._runner = self._runner, None
        if runner is not None:
            try:
                runner.__exit__(None, None, None)
            except SlimseError:
                return  # it did not end by itself and was ended
