"""Worker processes: every task has one answer, whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from slimse_mcu.evaluation.crew import Crew, Lost, Retired


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


class Doer:
    """What the tests' workers do; runs in the workers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, task: tuple[str, int]) -> object:
        what, number = task
        if what == "square":
            return number * number
        if what == "environment":
            return os.environ["OPENBLAS_NUM_THREADS"], os.environ["OMP_NUM_THREADS"]
        if what == "process":
            return os.getpid()
        if what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "die once" and not (self.folder / f"died{number}").exists():
            (self.folder / f"died{number}").touch()
            os._exit(3)
        if what == "exit":
            os._exit(3)
        if what == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        if what == "hang":
            (self.folder / f"hangs{os.getpid()}").touch()
            time.sleep(600)
        return number

    def close(self) -> None:
        (self.folder / f"closed{os.getpid()}").touch()


def all_of(tasks: list[tuple[str, int]], folder: Path, jobs: int) -> dict[int, object]:
    with Crew(Doer, folder, jobs=jobs) as crew:
        answers = list(crew.run(tasks))
    found = dict(answers)
    assert len(found) == len(answers) == len(tasks), "one answer for each task"
    return found


def test_every_task_has_its_answer(tmp_path: Path) -> None:
    tasks = [("square", number) for number in range(25)]
    assert all_of(tasks, tmp_path, 3) == {number: number * number for number in range(25)}
    assert len(list(tmp_path.glob("closed*"))) == 3, "workers tidy up"
    assert all_of([], tmp_path, 2) == {}


def test_workers_compute_in_one_thread_and_the_parent_as_before(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert all_of([("environment", 0)], tmp_path, 2) == {0: ("1", "1")}
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "OPENBLAS_NUM_THREADS" not in os.environ


def test_a_worker_that_dies_loses_its_task_only(tmp_path: Path) -> None:
    tasks = [("square", 2), ("die", 1), ("die once", 5), ("exit", 0), ("square", 3), ("square", 4)]
    found = all_of(tasks, tmp_path, 2)
    assert found[0] == 4
    assert found[1] == Lost(-signal.SIGKILL)
    assert "SIGKILL" in str(found[1])
    assert found[2] == 5, "a task is tried again"
    assert found[3] == Lost(3)
    assert "code 3" in str(found[3])
    assert (found[4], found[5]) == (9, 16)


class Seated(Doer):
    """One that has a seat: a broken one is no good from its second task on, a patient one waits for that."""

    def __init__(self, folder: Path, seat: str) -> None:
        super().__init__(folder)
        self.seat = seat
        self.done = 0

    def __call__(self, task: tuple[str, int]) -> object:
        self.done += 1
        if self.seat.startswith("broken") and self.done > 1:
            (self.folder / "broke").touch()
            return Retired(self.seat, "it broke")
        if self.seat == "patient":
            wait_for((self.folder / "broke").exists)
        return super().__call__(task) if task[0] == "die once" else self.seat


def test_a_seat_that_fails_leaves_its_task_to_the_others(tmp_path: Path) -> None:
    given_up: list[Retired] = []
    tasks = [("seat", number) for number in range(200)]
    with Crew(Seated, tmp_path, seats=["patient", "broken"], retired=given_up.append) as crew:
        found = list(crew.run(tasks))
        again = dict(crew.run(tasks[:3]))
    answers = dict(found)
    assert len(answers) == len(found) == len(tasks)
    assert given_up == [Retired("broken", "it broke")]
    assert list(answers.values()).count("broken") == 1
    assert list(answers.values()).count("patient") == len(tasks) - 1
    assert again == dict.fromkeys(range(3), "patient"), "and later ones too"


def test_the_last_seat_that_fails_is_told(tmp_path: Path) -> None:
    tasks = [("seat", number) for number in range(5)]
    with Crew(Seated, tmp_path, seats=["broken 1", "broken 2"]) as crew, closing(crew.run(tasks)) as answers:
        told = [next(answers)[1] for _ in range(3)]
    assert sorted(told[:2]) == ["broken 1", "broken 2"]
    assert isinstance(told[2], Retired)


def test_a_worker_that_dies_leaves_its_seat_to_the_next(tmp_path: Path) -> None:
    with Crew(Seated, tmp_path, seats=["only"]) as crew:
        answers = dict(crew.run([("die once", 1), ("seat", 2)]))
    assert answers == {0: 1, 1: "only"}


def test_workers_stay_from_one_list_of_tasks_to_the_next(tmp_path: Path) -> None:
    with Crew(Doer, tmp_path, jobs=2) as crew:
        seen = {process for _ in range(3) for _, process in crew.run([("process", 0), ("process", 1)])}
        assert len(seen) <= 2
        assert dict(crew.run([("exit", 0)])) == {0: Lost(3)}
        assert dict(crew.run([("square", 2), ("square", 3)])) == {0: 4, 1: 9}
        assert not list(tmp_path.glob("closed*"))
    assert len(list(tmp_path.glob("closed*"))) in (1, 2)


def test_leaving_early_ends_those_at_work(tmp_path: Path) -> None:
    with Crew(Doer, tmp_path, jobs=2) as crew:
        with closing(crew.run([("hang", 0), ("square", 1), ("hang", 2)])) as answers:
            assert next(answers) == (1, 1)
            wait_for(lambda: len(list(tmp_path.glob("hangs*"))) == 2)
        pids = [int(one.name.removeprefix("hangs")) for one in tmp_path.glob("hangs*")]
        assert not any(psutil.pid_exists(pid) for pid in pids)
        assert dict(crew.run([("square", 3)])) == {0: 9}


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_workers_leave_ctrl_c_to_the_parent(tmp_path: Path) -> None:
    """A terminal sends it to all of them at once."""
    assert all_of([("interrupt", 5), ("square", 3)], tmp_path, 1) == {0: 5, 1: 9}
