"""A line between a session and a board that loses, flips, doubles and delays bytes, and is unplugged: for tests.

The board is a real one of this computer (the host process or QEMU); the session reaches it at ``url``, a TCP port.
"""

from __future__ import annotations

import contextlib
import math
import random
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

from slimse_mcu.board import Board
from slimse_mcu.build import Image
from slimse_mcu.errors import LinkError
from slimse_mcu.harness.virtual import VirtualBoard

KINDS = ("loss", "flip", "double", "delay")
LONGEST_DELAY_S = 0.02
_CHUNK = 4096
_PIECE = 64


class Dice:
    """Picks the bytes that a fault hits, each with the same probability."""

    def __init__(self, rate: float, seed: int) -> None:
        self._random = random.Random(seed)
        self._rate = rate
        self._left = self._next()

    def _next(self) -> float:
        if self._rate <= 0:
            return math.inf
        return math.floor(math.log(1 - self._random.random()) / math.log(1 - self._rate))

    def hits(self, count: int) -> list[int]:
        """Which of the next ``count`` bytes."""
        found = []
        place = self._left
        while place < count:
            found.append(int(place))
            place += 1 + self._next()
        self._left = place - count
        return found

    def below(self, limit: int) -> int:
        return self._random.randrange(limit)

    def delay_s(self) -> float:
        return self._random.random() * LONGEST_DELAY_S


def all_dice(rates: Mapping[str, float], seed: int) -> list[dict[str, Dice]]:
    """Dice of either direction."""
    return [
        {kind: Dice(rate, seed * 100 + number * 10 + side) for number, (kind, rate) in enumerate(rates.items())}
        for side in (0, 1)
    ]


@dataclass
class Direction:
    """Bytes one way: what is done to them, and when they are let go."""

    dice: Mapping[str, Dice]
    bytes_per_s: float
    clock: Callable[[], float] = time.monotonic
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    passed: int = 0
    queue: deque[tuple[float, bytes]] = field(default_factory=deque)
    free_at: float = 0.0  # when the wire has sent all that is queued

    def put(self, data: bytes) -> None:
        start = 0
        hits = sorted((place, kind) for kind, dice in self.dice.items() for place in dice.hits(len(data)))
        for place, kind in hits:
            self.counts[kind] += 1
            if place < start:
                continue  # two faults at one byte: the first counts
            self._send(data[start:place])
            byte = data[place : place + 1]
            if kind == "flip":
                byte = bytes([byte[0] ^ 1 << self.dice[kind].below(8)])
            elif kind == "double":
                byte *= 2
            elif kind == "delay":
                self.free_at = max(self.free_at, self.clock()) + self.dice[kind].delay_s()
            self._send(b"" if kind == "loss" else byte)
            start = place + 1
        self._send(data[start:])

    def _send(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            piece = data[start : start + _PIECE]
            self.free_at = max(self.free_at, self.clock()) + len(piece) / self.bytes_per_s
            self.queue.append((self.free_at, piece))
        self.passed += len(data)

    def due(self, now: float) -> bytes:
        out = []
        while self.queue and self.queue[0][0] <= now:
            out.append(self.queue.popleft()[1])
        return b"".join(out)


class FaultyLine:
    """A context manager; ``url`` is where the session finds the board.

    Args:
        board: Host or emulated.
        image: Its firmware.
        rates: Probability per byte and direction, by kind of fault.
        unplug_after: The cable is pulled each time that so many bytes went to the board; it comes back.
        reset_after: The board restarts each time that so many bytes went to it.
        away_s: How long the cable is away; infinity: for good, and nobody listens any more.
        times: Most times that either happens.
        bytes_per_s: Speed of each direction.
        seed: Of the dice.
    """

    def __init__(
        self,
        board: Board,
        image: Image,
        *,
        rates: Mapping[str, float] | None = None,
        unplug_after: int = 0,
        reset_after: int = 0,
        away_s: float = 0.05,
        times: int = 1_000_000,
        bytes_per_s: float = math.inf,
        seed: int = 0,
    ) -> None:
        self._target = board, image
        self._plans = {"unplug": unplug_after, "reset": reset_after}
        self._away_s = away_s
        self._times = times
        self.happened = {"unplug": 0, "reset": 0}
        self.down, self.up = (Direction(one, bytes_per_s) for one in all_dice(rates or {}, seed))
        self._server = socket.create_server(("127.0.0.1", 0))
        self._client: socket.socket | None = None
        self._board: VirtualBoard | None = None
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"socket://127.0.0.1:{self._server.getsockname()[1]}"

    @property
    def faults(self) -> int:
        """How many bytes were lost, flipped, doubled or delayed."""
        return sum(self.down.counts.values()) + sum(self.up.counts.values())

    def __enter__(self) -> FaultyLine:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(10)
        self._server.close()
        if self._error is not None and kind is None:
            raise self._error

    def _run(self) -> None:
        try:
            self._board = VirtualBoard(self._target[0], self._target[1].elf)
            while not self._stop.is_set():
                self._accept()
                self._turn()
        except Exception as error:  # noqa: BLE001 - raised again where the line is left
            self._error = error
        finally:
            self._hang_up()
            if self._board is not None:
                self._board.close()

    def _accept(self) -> None:
        self._server.settimeout(0.05)
        while self._client is None and not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                self._client, _ = self._server.accept()
                self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _turn(self) -> None:
        """Pass on what is there."""
        if self._client is None:
            return
        assert self._board is not None
        ends = [at for one in (self.up, self.down) for at, _ in list(one.queue)[:1]]
        wait = max(0.0, min([0.05, *(at - time.monotonic() for at in ends)]))
        with selectors.DefaultSelector() as selector:
            selector.register(self._client, selectors.EVENT_READ, self.down)
            selector.register(self._board, selectors.EVENT_READ, self.up)
            for key, _ in selector.select(wait):
                if not self._take(key.fileobj, key.data):
                    return
        now = time.monotonic()
        try:
            self._client.sendall(self.up.due(now))
        except OSError:
            self._hang_up()
        with contextlib.suppress(LinkError):
            self._board.send(self.down.due(now))
        for what, after in self._plans.items():
            done = self.happened[what]
            if after and done < self._times and self.down.passed >= after * (done + 1):
                self.happened[what] += 1
                getattr(self, f"_{what}")()

    def _take(self, source: object, direction: Direction) -> bool:
        """Whether there is an end of the line left to pass bytes on to."""
        try:
            data = source.receive(0.0) if isinstance(source, VirtualBoard) else source.recv(_CHUNK)  # type: ignore[attr-defined]
        except (OSError, LinkError):
            data = b""
        if data:
            direction.put(data)
            return True
        if direction is self.down:
            self._hang_up()
        else:
            self._board_ended()
        return False

    def _board_ended(self) -> None:
        """It was told bye: what it said is delivered, then the line is closed."""
        while self._client is not None and self.up.queue:
            with contextlib.suppress(OSError):
                self._client.sendall(self.up.due(math.inf))
        self._hang_up()
        self._stop.set()

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _unplug(self) -> None:
        """What is on its way either way is lost."""
        self._hang_up()
        self.up.queue.clear()
        self.down.queue.clear()
        if math.isinf(self._away_s):
            self._server.close()
            self._stop.set()
            return
        self._stop.wait(self._away_s)
        assert self._board is not None
        with contextlib.suppress(LinkError):
            while self._board.receive(0.0):
                pass

    def _reset(self) -> None:
        """What the board had taken and not yet sent is lost; what is on the wire to the PC arrives."""
        assert self._board is not None
        self._board.close()
        self._board = VirtualBoard(self._target[0], self._target[1].elf)
