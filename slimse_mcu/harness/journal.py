"""What a board was asked since its last reset, so that one that restarts can be brought back to where it was."""

from __future__ import annotations

import tempfile
import zlib
from array import array
from collections.abc import Iterator
from types import TracebackType

from slimse_mcu.harness.packets import Kind

_MEMORY_BYTES = 32 * 1024 * 1024
_TICKS = slice(4, 12)


class Journal:
    """The requests that changed a board's state since it was reset, and a checksum of each answer.

    What is longer than some half an hour of audio goes to a temporary file.  A context manager that removes it.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115 - closed with the journal
        self._kinds = bytearray()
        self._ends = array("Q")
        self._answers = array("L")

    @property
    def sent(self) -> int:
        """Requests in the journal."""
        return len(self._kinds)

    @property
    def answered(self) -> int:
        """How many of them were answered."""
        return len(self._answers)

    def restart(self) -> None:
        """Forget everything: a reset follows."""
        self._file.seek(0)
        self._file.truncate()
        self._kinds.clear()
        del self._ends[:]
        del self._answers[:]

    def write(self, kind: Kind, payload: bytes) -> None:
        """Note a request that is about to be sent."""
        self._file.seek(0, 2)
        self._file.write(payload)
        self._kinds.append(kind)
        self._ends.append(self._file.tell())

    def take_back(self) -> None:
        """Remove the last request, which the board turned down."""
        self._kinds.pop()
        self._ends.pop()
        self._file.seek(self._ends[-1] if self._ends else 0)
        self._file.truncate()

    def answer(self, payload: bytes) -> None:
        """Note the answer to the oldest request that has none."""
        self._answers.append(_checksum(Kind(self._kinds[self.answered]), payload))

    def requests(self, first: int, end: int) -> Iterator[tuple[Kind, bytes]]:
        """Requests ``first`` to ``end - 1``."""
        for number in range(first, end):
            start = self._ends[number - 1] if number else 0
            self._file.seek(start)
            yield Kind(self._kinds[number]), self._file.read(self._ends[number] - start)

    def is_same(self, number: int, payload: bytes) -> bool:
        """Whether a request was answered like before, but for what a board counted, which may differ by a tick."""
        return _checksum(Kind(self._kinds[number]), payload) == self._answers[number]

    def close(self) -> None:
        """Remove what is on disk."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _checksum(kind: Kind, payload: bytes) -> int:
    if kind == Kind.FRAME:
        payload = payload[: _TICKS.start] + payload[_TICKS.stop :]
    return zlib.crc32(payload)
