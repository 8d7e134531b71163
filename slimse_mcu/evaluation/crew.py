"""Worker processes that take one task after the other, and whose end, however it comes, loses one task at most.

Every worker is a fresh interpreter ("spawn"), on every system, with one thread for linear algebra: what a worker
computes does not depend on how many there are.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_TRIES = 2
_END_TIMEOUT_S = 5.0

Perform = Callable[[Any], Any]
"""Does one task."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A task whose worker ended with it, twice.

    Attributes:
        exit_code: Of the worker; minus the number of the signal that ended it.
    """

    exit_code: int | None

    def __str__(self) -> str:
        if self.exit_code is not None and self.exit_code < 0:
            with suppress(ValueError):
                return f"its process was ended by {signal.Signals(-self.exit_code).name}, twice"
        return f"its process ended with code {self.exit_code}, twice"


@dataclass(frozen=True, slots=True)
class Retired:
    """What a worker answers whose seat is of no use any more; another one does the task.

    Attributes:
        seat: The worker's.
        message: What is wrong with it.
        hint: The way out.
    """

    seat: Any
    message: str
    hint: str = ""


@dataclass(slots=True)
class _Member:
    process: SpawnProcess
    connection: Connection
    seat: Any
    task: int | None = None


@dataclass(slots=True)
class _Work:
    tasks: Sequence[Any]
    waiting: deque[int]
    tries: dict[int, int] = field(default_factory=dict)


class Crew:
    """Workers that stay between one list of tasks and the next; a context manager.

    Args:
        begin: A function of a module, called once in every worker with ``arguments``; what it returns does the tasks.
            Whatever that raises is a mistake of the program; it ends the worker.
        *arguments: Can be pickled.
        jobs: Workers at once, 1 or more; with ``seats`` as many as there are.
        seats: What there is only once for each worker, such as a board; ``begin`` gets it as its last argument.
            None: nothing.
        retired: Told of a seat that is of no use any more, and given up.
    """

    def __init__(
        self,
        begin: Callable[..., Perform],
        *arguments: Any,
        jobs: int = 1,
        seats: Sequence[Any] | None = None,
        retired: Callable[[Retired], None] = lambda seat: None,
    ) -> None:
        self._begin = begin
        self._arguments = arguments
        self._seated = seats is not None
        self._seats: deque[Any] = deque([None] * jobs if seats is None else seats)  # where nobody works
        self._retired = retired
        self._members: list[_Member] = []

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *exception: object) -> None:
        self._dismiss(list(self._members))

    def run(self, tasks: Sequence[Any]) -> Generator[tuple[int, Any], None, None]:
        """Do tasks in the workers; yield (number of the task, result) as they are done, in any order.

        Workers take tasks in order.  When the iterator is left early, those that are at work are ended at once.

        Args:
            tasks: What travels to the workers; can be pickled.

        Yields:
            The result, or :class:`Lost`; :class:`Retired` when the last seat was given up.
        """
        work = _Work(tasks, deque(range(len(tasks))))
        try:
            while work.waiting or any(one.task is not None for one in self._members):
                self._leave()
                while work.waiting and self._seats and len(self._members) < len(tasks):
                    self._members.append(self._hire(self._seats.popleft()))
                for member in self._members:
                    _give(member, work)
                for member in _ready(self._members):
                    found = _take(member, work)
                    if found is not None and isinstance(found[1], Retired) and (len(self._members) > 1 or self._seats):
                        work.waiting.appendleft(found[0])
                        self._give_up(member, found[1])
                        continue
                    _give(member, work)  # it goes on while the answer is looked at
                    if found is not None:
                        yield found
        finally:
            self._dismiss([one for one in self._members if one.task is not None])

    def _leave(self) -> None:
        """Workers that have ended leave their seats."""
        gone = [one for one in self._members if one.task is None and not one.process.is_alive()]
        self._dismiss(gone)

    def _give_up(self, member: _Member, why: Retired) -> None:
        """The member goes, and its seat with it."""
        self._dismiss([member])
        self._seats.remove(member.seat)
        self._retired(why)

    def _hire(self, seat: Any) -> _Member:
        arguments = (*self._arguments, seat) if self._seated else self._arguments
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._begin, arguments), daemon=True)
        with _one_thread():
            process.start()
        theirs.close()
        return _Member(process, ours, seat)

    def _dismiss(self, members: Sequence[_Member]) -> None:
        """End members, whose seats are free then; those that do nothing end by themselves, with what they keep open."""
        for member in members:
            self._members.remove(member)
            if member.task is not None:
                member.process.terminate()
            member.connection.close()
        for member in members:
            member.process.join(_END_TIMEOUT_S)
            if member.process.is_alive():
                member.process.kill()
                member.process.join()
            self._seats.append(member.seat)


def _ready(members: Sequence[_Member]) -> list[_Member]:
    """Members that have an answer, or have ended; waits for one."""
    busy = {one.connection: one for one in members if one.task is not None}
    return [busy[one] for one in wait(list(busy)) if isinstance(one, Connection)] if busy else []


def _give(member: _Member, work: _Work) -> None:
    """The next task for a member that has none and has not ended."""
    if member.task is not None or not work.waiting or not member.process.is_alive():
        return
    member.task = work.waiting.popleft()
    with suppress(OSError):  # it has ended: reading its answer will tell
        member.connection.send(work.tasks[member.task])


def _take(member: _Member, work: _Work) -> tuple[int, Any] | None:
    """The answer of a member, or what becomes of its task when it has ended."""
    assert member.task is not None, "only members with a task are waited for"
    number, member.task = member.task, None
    try:
        return number, member.connection.recv()
    except (EOFError, OSError):
        member.process.join(_END_TIMEOUT_S)
        member.process.kill()
        member.process.join()
        work.tries[number] = work.tries.get(number, 0) + 1
        if work.tries[number] >= _TRIES:
            return number, Lost(member.process.exitcode)
        work.waiting.appendleft(number)
        return None


@contextmanager
def _one_thread() -> Iterator[None]:
    """What is started meanwhile computes in one thread."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _serve(connection: Connection, begin: Callable[..., Perform], arguments: tuple[Any, ...]) -> None:
    """What a worker does: one task after the other until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends this process
    perform = begin(*arguments)
    try:
        while True:
            try:
                task = connection.recv()
            except (EOFError, OSError):
                return
            answer = perform(task)
            try:
                connection.send(answer)
            except OSError:
                return
    finally:
        close = getattr(perform, "close", None)
        if close is not None:
            close()
