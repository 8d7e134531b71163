"""Shows a training's progress on stderr: a bar where there is a terminal, and a line per epoch."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_REFRESH_STEPS = 5


class Screen:
    """Watches trainings and what comes before them.

    A context manager; what stays on the screen are the lines of the epochs.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[state]}"),
            console=self._console,
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._name = ""
        self._steps = 0
        self._bar: TaskID | None = None
        self._stages: dict[str, TaskID] = {}
        self._pesq = ""

    def __enter__(self) -> Screen:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """A line of its own."""
        self._console.print(text, markup=False)

    def begin(self, name: str, step: int, steps: int) -> None:
        """Training starts or continues behind ``step``."""
        self._name, self._steps, self._pesq = name, steps, ""
        self._bar = self._progress.add_task(name, total=steps, completed=step, state="")
        self.say(f"{name}: {f'from step {step} of' if step else 'training,'} {steps} steps")

    def step(self, step: int, logs: Mapping[str, float]) -> None:
        """Move the bar."""
        if self._bar is not None and step % _REFRESH_STEPS == 0:
            state = f"loss {logs['spectral']:.4f}  open {logs['open_ratio']:.2f}{self._pesq}"
            self._progress.update(self._bar, completed=step, state=state)

    def epoch(self, record: Mapping[str, float]) -> None:
        """Say what an epoch came to."""
        if "pesq" in record:
            self._pesq = f"  PESQ {record['pesq']:.3f}"
        self.say(
            f"{self._name}: step {record['step']:.0f}/{self._steps}  loss {record['spectral']:.4f}"
            f"  open {record['open_ratio']:.3f}  validation: loss {record['val_spectral']:.4f}"
            f"  open {record['val_open_ratio']:.3f}{self._pesq}"
        )

    def stage(self, text: str, done: int, total: int) -> None:
        """Something before the training is ``done`` out of ``total``."""
        if text not in self._stages:
            self._stages[text] = self._progress.add_task(text, total=total, state="")
            self.say(f"{text}: {total}")
        self._progress.update(self._stages[text], completed=done)
        if done >= total:
            self._progress.remove_task(self._stages.pop(text))

    def end(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._progress.remove_task(self._bar)
            self._bar = None
