"""An evaluation on the terminal: bars while it runs, tables when it is done."""

from __future__ import annotations

from collections.abc import Iterable

from rich.markup import escape
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from slimse_mcu import screen
from slimse_mcu.evaluation.tables import Table

_WIDEST = 1000


class Bars:
    """A bar per model on stderr, in recordings; nothing of it stays on the screen.  A context manager.

    Where stderr is no terminal, a line tells that a model is done.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        console = screen.console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description:>20}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("recordings"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._tell = None if quiet or console.is_terminal else screen.Stages()
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report how far a stage is."""
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._tasks[stage], completed=done, total=total)
        if done == total and self._tell is not None:
            self._tell("evaluate", f"{stage}, {screen.counted(total, 'recording')}")


def print_tables(tables: Iterable[Table]) -> None:
    """Tables on stdout."""
    console = screen.console()
    for one in tables:
        rows = screen.table(one.columns, right=range(one.words, len(one.columns)), title=escape(one.title))
        for row in one.rows:
            rows.add_row(*(escape(cell) for cell in row))
        if not console.is_terminal:  # a pipe has no width: no column is squeezed
            console.width = max(
                console.width, Measurement.get(console, console.options.update(width=_WIDEST), rows).maximum
            )
        console.print(rows)
        if one.note:
            console.print(one.note, markup=False, soft_wrap=True)
