"""Results of a benchmark: what was measured, the committed file, and what has grown since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

#: The committed results.
FILE = Path(__file__).resolve().parents[2] / "docs" / "bench.json"
#: How much a count may grow before it is an error.
TOLERANCE = 0.01
_FORMAT = 1


@dataclass(frozen=True)
class Count:
    """One frame, or one layer of it.

    Attributes:
        instructions: Executed, exact.
        cycles: Modelled; None: there is no model of the core.
        macs: Executed multiply-accumulates; 0 where that means nothing.
    """

    instructions: int
    cycles: int | None
    macs: int = 0


@dataclass
class BoardResults:
    """What was measured on one board.

    Attributes:
        core: The core.
        counts: By case.
        sizes: Bytes, by what they are.
    """

    core: str
    counts: dict[str, Count] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass
class Results:
    """A benchmark.

    Attributes:
        compiler: First line of what the compiler says of itself.
        boards: By name.
    """

    compiler: str
    boards: dict[str, BoardResults]


@dataclass(frozen=True)
class Change:
    """A number that differs from the committed one.

    Attributes:
        board: Where.
        what: The case.
        before: The committed number.
        now: The new one.
    """

    board: str
    what: str
    before: int
    now: int

    @property
    def ratio(self) -> float:
        """By how much it has grown; negative: it has shrunk."""
        return (self.now - self.before) / self.before if self.before else float(self.now > 0)

    def __str__(self) -> str:
        return f"{self.board}: {self.what} {self.before:,} -> {self.now:,} ({self.ratio:+.1%})"


def write(results: Results, path: Path = FILE) -> None:
    """Write results; boards that were not measured keep what the file says of them."""
    boards = read(path).boards if path.is_file() else {}
    boards.update(results.boards)
    content = {
        "format": _FORMAT,
        "compiler": results.compiler,
        "boards": {name: asdict(boards[name]) for name in sorted(boards)},
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read(path: Path = FILE) -> Results:
    """Read results."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["format"] != _FORMAT:
        raise ValueError(f"{path} is of another version of the benchmark")
    boards = {
        name: BoardResults(
            one["core"], {case: Count(**count) for case, count in one["counts"].items()}, dict(one["sizes"])
        )
        for name, one in content["boards"].items()
    }
    return Results(content["compiler"], boards)


def grown(before: Results, now: Results, tolerance: float = TOLERANCE) -> list[Change]:
    """Counts and sizes that have grown by more than ``tolerance``, the worst first.

    A case that one of the two lacks is no growth.  Modelled cycles are not compared: they change with the model.
    """
    found = [change for change in _changes(before, now) if change.ratio > tolerance]
    return sorted(found, key=lambda change: -change.ratio)


def missing(before: Results, now: Results) -> list[str]:
    """Cases of the boards that were measured now, of which one of the two knows nothing."""
    names = []
    for board in now.boards.keys() & before.boards.keys():
        cases = _numbers(before.boards[board]).keys() ^ _numbers(now.boards[board]).keys()
        names += [f"{board}: {case}" for case in cases]
    names += [f"{board}: all" for board in now.boards.keys() - before.boards.keys()]
    return sorted(names)


def _changes(before: Results, now: Results) -> Iterator[Change]:
    for board in now.boards.keys() & before.boards.keys():
        old, new = _numbers(before.boards[board]), _numbers(now.boards[board])
        for what in old.keys() & new.keys():
            if old[what] != new[what]:
                yield Change(board, what, old[what], new[what])


def _numbers(results: BoardResults) -> Mapping[str, int]:
    counts = {f"{case}, instructions": count.instructions for case, count in results.counts.items()}
    return {**counts, **{f"{what}, bytes": size for what, size in results.sizes.items()}}
