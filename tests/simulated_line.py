"""A line whose time is simulated, to firmware that runs in this process: exact to the byte, whatever else runs here."""

from __future__ import annotations

import math
from collections.abc import Mapping

from faulty_line import Direction, all_dice
from firmware_native import NativeBoard

from slimse_mcu.harness.transport import GoneError


class Clock:
    """Stands in for the module ``time``; it advances when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class SimulatedLine:
    """A transport.

    Args:
        board: Firmware in this process.
        clock: What the link looks at.
        rates: Probability per byte and direction, by kind of fault.
        bytes_per_s: Speed of each direction.
        deaf_s: A request keeps the board so long, and what arrives meanwhile is lost.
        unplug_after: The cable is pulled each time that so many bytes went to the board.
        away_s: How long it is away.
        reset_after: The board restarts each time that so many bytes went to it.
        resets: Most times that it does.
        seed: Of the dice.
    """

    name = "the board behind a simulated line"

    def __init__(
        self,
        board: NativeBoard,
        clock: Clock,
        *,
        rates: Mapping[str, float] | None = None,
        bytes_per_s: float = 92_160.0,
        deaf_s: float = 0.0,
        unplug_after: float = math.inf,
        away_s: float = 1.0,
        reset_after: float = math.inf,
        resets: int = 2,
        seed: int = 0,
    ) -> None:
        self._board = board
        self._clock = clock
        dice = all_dice(rates or {}, seed)
        self.down, self.up = (Direction(one, bytes_per_s, clock.monotonic) for one in dice)
        self._deaf_s, self._away_s = deaf_s, away_s
        self._every = {"unplug": unplug_after, "reset": reset_after}
        self._most = {"unplug": math.inf, "reset": resets}
        self.happened = {"unplug": 0, "reset": 0}
        self._ring = bytearray()
        self._ring_at = -math.inf
        self._deaf_until = -math.inf
        self._away_until = -math.inf
        board.start()

    @property
    def faults(self) -> int:
        return sum(self.down.counts.values()) + sum(self.up.counts.values())

    def send(self, data: bytes) -> None:
        self._check()
        self.down.put(data)
        for what, every in self._every.items():
            if self.happened[what] < self._most[what] and self.down.passed >= every * (self.happened[what] + 1):
                self.happened[what] += 1
                getattr(self, f"_{what}")()

    def receive(self, timeout_s: float) -> bytes:
        end = self._clock.now + timeout_s
        while True:
            self._check()
            self._deliver()
            data = self.up.due(self._clock.now)
            if data or self._clock.now >= end:
                return data
            ends = [one.queue[0][0] for one in (self.up, self.down) if one.queue]
            if self._ring:
                ends.append(self.up.free_at)
            self._clock.now = min([end, *ends])

    def _deliver(self) -> None:
        """What has reached the board by now; it looks at it when it has sent what it had to send."""
        while self.down.queue and self.down.queue[0][0] <= self._clock.now:
            at, data = self.down.queue.popleft()
            self._compute(at)
            if at >= self._deaf_until:
                self._ring += data
                self._ring_at = at
        self._compute(self._clock.now)

    def _compute(self, now: float) -> None:
        while self._ring and self.up.free_at <= now:
            start = max(self.up.free_at, self._ring_at)
            self._board.send(bytes(self._ring[:1]))
            del self._ring[:1]
            answer = self._board.receive(0)
            if answer:
                self._deaf_until = self.up.free_at = start + self._deaf_s
                self.up.put(answer)

    def _unplug(self) -> None:
        self._away_until = self._clock.now + self._away_s
        self.up.queue.clear()
        self.down.queue.clear()

    def _reset(self) -> None:
        self._ring.clear()
        self._board.start()

    def _check(self) -> None:
        if self._clock.now < self._away_until:
            raise GoneError("The simulated cable was pulled.", hint="Put it back.")

    def reopen(self) -> bool:
        return self._clock.now >= self._away_until

    def close(self) -> None:
        pass
