"""The PC's side of the serial link: requests that are repeated until they are answered.

``docs/protocol.md`` is the specification.  A :class:`Link` never drops, reorders or duplicates an answer: what is
damaged or lost is counted and asked for again, a port that went away is opened again, and what cannot be mended is a
:class:`LinkError`.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import islice

from slimse_mcu.errors import LinkError
from slimse_mcu.harness.fault import FaultError, parse_fault
from slimse_mcu.harness.packets import ANSWER, Damage, Decoder, Kind, Packet, encode
from slimse_mcu.harness.transport import GoneError, Transport, sentence_case

NAK_ASKED, NAK_STRANGER = 0, 6
_ERROR_REASONS = {
    1: "unknown request",
    2: "wrong payload size",
    3: "argument out of range",
    4: "not supported",
}
_WORDS = {
    "damaged": "damaged answers",
    "refused": "requests lost or damaged",
    "repeated": "requests repeated",
    "asked_again": "answers asked for again",
    "silences": "silences",
    "reconnects": "times reconnected",
    "restarts": "restarts of the board",
}
_REOPEN_INTERVAL_S = 0.2
_LEAST_RETRY_S = 0.005
_MOST_SILENCE_S = 20.0
_BACKOFF = 1.5


@dataclass(frozen=True, slots=True)
class LinkErrors:
    """What went wrong on the link and was mended.

    Attributes:
        damaged: Frames from the board with bad stuffing, checksum or length.
        refused: Packets that the board reported as lost or damaged.
        repeated: Requests that were sent again.
        asked_again: Times that the board was asked to send answers again.
        silences: Times that the board did not answer in time.
        reconnects: Times that the port went away and came back.
        restarts: Times that the board restarted and was brought back to where it was.
    """

    damaged: int = 0
    refused: int = 0
    repeated: int = 0
    asked_again: int = 0
    silences: int = 0
    reconnects: int = 0
    restarts: int = 0

    def __str__(self) -> str:
        """What happened, in words; empty where nothing did."""
        return ", ".join(f"{count} {_WORDS[name]}" for name, count in asdict(self).items() if count)


@dataclass(slots=True)
class Tally:
    """What happened on a link, or on several one after the other.

    Attributes:
        mended: What went wrong, by the names of :class:`LinkErrors`.
        sent_bytes: Bytes to the board.
        received_bytes: Bytes from it.
    """

    mended: Counter[str] = field(default_factory=Counter)
    sent_bytes: int = 0
    received_bytes: int = 0

    @property
    def errors(self) -> LinkErrors:
        """What was mended so far."""
        return LinkErrors(**self.mended)


class RequestError(LinkError):
    """The board understood a request and turned it down."""


class RestartedError(LinkError):
    """The board has restarted, so it has forgotten the session."""


@dataclass(slots=True)
class _Pending:
    """A request under way.

    Attributes:
        packet: As sent.
        sent: When it was sent first.
        is_clean: Nothing had to be mended meanwhile, so that the answer tells how long answers take.
        answer: What came back.
    """

    packet: Packet
    sent: float
    is_clean: bool = True
    answer: Packet | None = None


class Link:
    """Requests and their answers, in order, over a transport that may damage or lose bytes.

    Args:
        transport: The stream of bytes.
        sequence: Sequence number of the first request.
        silence_s: Ask for the answer again when none came for this long, at first; later at least four times as long
            as answers took so far.
        patience_s: Give up when no answer came for this long, however often it was asked for, or when a port that
            went away did not come back in this time.
        locate: Name of the function at an address of the firmware, for fault reports; empty if unknown.
        tally: Where what was mended is counted; goes on counting over several links.
        notice: Told in a sentence when a port has gone, and when it is back.

    Attributes:
        window: Requests that may be under way at once, as the board says.
        duplex: Whether the board takes bytes while it sends: then one more request may be sent as soon as an answer
            begins to arrive.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        sequence: int = 0,
        silence_s: float = 2.0,
        patience_s: float = 60.0,
        locate: Callable[[int], str] = lambda address: "",
        tally: Tally | None = None,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._transport = transport
        self._decoder = Decoder()
        self._arrived: list[Packet | Damage] = []
        self._pending: OrderedDict[int, _Pending] = OrderedDict()
        self._next = sequence % 65536
        self._silence_s = silence_s
        self._patience_s = patience_s
        self._locate = locate
        self._tally = Tally() if tally is None else tally
        self._notice = notice
        self._longest_s = silence_s / 4  # that an answer took, forgotten slowly
        self._retry_s = silence_s  # until asking once more may help
        self._turn = 0
        self._is_asking = False  # and the board has not begun to answer that
        self._wake = self._progress = time.monotonic()
        self.window = 1
        self.duplex = False

    @property
    def errors(self) -> LinkErrors:
        """What was mended so far."""
        return self._tally.errors

    @property
    def outstanding(self) -> int:
        """Requests whose answers were not collected yet."""
        return len(self._pending)

    @property
    def has_room(self) -> bool:
        """Whether one more request may be sent now.

        A board that cannot take bytes while it computes grants a window of 1.  Once its answer begins to arrive it
        computes nothing until it gets the next request, which may therefore cross the answer.
        """
        return self.outstanding < self.window or (self.duplex and self._decoder.in_frame and self.outstanding < 2)

    def request(self, kind: Kind, payload: bytes = b"") -> bytes:
        """Send one request, with nothing else under way, and return the payload of its answer.

        Raises:
            ValueError: Answers to earlier requests were not collected yet; they would be taken for this one's.
            RequestError: The board turned the request down.
            RestartedError: The board has restarted.
            FaultError: The board crashed.
            LinkError: The link failed for good.
        """
        if self.outstanding:
            raise ValueError("Requests are under way: collect their answers first.")
        self.submit(kind, payload)
        return self.collect()

    def submit(self, kind: Kind, payload: bytes = b"") -> None:
        """Send a request; its answer is collected later.  There must be room.

        Raises:
            LinkError: The link failed for good.
        """
        if not self.has_room:
            raise ValueError("The window is full: collect an answer first.")
        now = time.monotonic()
        packet = Packet(kind, self._next, payload)
        self._next = (self._next + 1) % 65536
        if not self._pending:
            self._advance(now)
        is_clean = all(one.is_clean for one in self._pending.values())
        self._pending[packet.sequence] = _Pending(packet, now, is_clean)
        self._send(encode(packet))

    def wait(self, or_room: bool) -> bool:
        """Wait until the oldest request under way is answered.

        Args:
            or_room: Or until there is room for one more.

        Returns:
            Whether the oldest is answered.

        Raises:
            RestartedError: The board has restarted.
            FaultError: The board crashed.
            LinkError: The link failed for good.
        """
        oldest = next(iter(self._pending.values()))
        while oldest.answer is None:
            if or_room and self.has_room:
                return False
            self._step()
        return True

    def collect(self) -> bytes:
        """Return the payload of the answer to the oldest request under way, waiting for it.

        Raises:
            RequestError: The board turned the request down.
            RestartedError: The board has restarted.
            FaultError: The board crashed.
            LinkError: The link failed for good.
        """
        sequence, oldest = next(iter(self._pending.items()))
        while oldest.answer is None:
            self._step()
        del self._pending[sequence]
        return self._payload(oldest.packet, oldest.answer)

    def bye(self, *, patience_s: float = 1.0) -> bool:
        """End the session; whether the board has said that it knows.

        A board that heard it ends, so that nobody can tell whether it did when its answer got lost.
        """
        self._patience_s = self._silence_s = patience_s
        try:
            self.request(Kind.BYE)
        except LinkError:
            return False
        return True

    def greet(self, payload: bytes, *, timeout_s: float, interval_s: float = 0.3) -> bytes:
        """Say hello until the board answers; everything that arrives before that answer belongs to nobody.

        Args:
            payload: Of the hello request; its last four bytes are the nonce that the answer repeats.
            timeout_s: Give up after this long.
            interval_s: Say hello again after this long.

        Raises:
            FaultError: The board crashed.
            LinkError: No answer came.
        """
        nonce = payload[-4:]
        packet = Packet(Kind.HELLO, self._next, payload)
        self._next = (self._next + 1) % 65536
        end = time.monotonic() + timeout_s
        while (now := time.monotonic()) < end:
            self._send(b"\0" + encode(packet))
            again = now + interval_s
            while (wait := again - time.monotonic()) > 0:
                item = self._next_item(wait)
                if not isinstance(item, Packet):
                    continue
                if item.kind == Kind.FAULT:
                    raise self._fault(item)
                answered = item.kind == Kind.HELLO | ANSWER and item.sequence == packet.sequence
                if answered and item.payload[2:6] == nonce:
                    return item.payload
        raise LinkError(
            f"{self._board} did not answer within {timeout_s:g} s.",
            hint="Check that slimse-mcu's firmware runs there and that the port is the right one.",
        )

    @property
    def _board(self) -> str:
        """The transport's name at the beginning of a sentence."""
        return sentence_case(self._transport.name)

    # ---- bytes ----

    def _send(self, data: bytes) -> None:
        """Send bytes; what a pulled cable swallows is asked for once it is back."""
        self._tally.sent_bytes += len(data)
        try:
            self._transport.send(data)
        except GoneError as error:
            self._reconnect(error)

    def _next_item(self, timeout_s: float) -> Packet | Damage | None:
        """Return the next thing that arrives, or None if nothing does in time."""
        end = time.monotonic() + timeout_s
        while not self._arrived:
            try:
                data = self._transport.receive(max(0.0, end - time.monotonic()))
            except GoneError as error:
                self._reconnect(error)
                return None
            self._tally.received_bytes += len(data)
            self._arrived = list(self._decoder.feed(data))
            if not self._arrived and (self._decoder.in_frame or time.monotonic() >= end):
                return None
        return self._arrived.pop(0)

    def _reconnect(self, error: GoneError) -> None:
        """Open the port again, as long as patience lasts."""
        gone = time.monotonic()
        self._notice(f"{error.message} Waiting {self._patience_s:g} s for it to come back.")
        while not self._transport.reopen():
            if time.monotonic() - gone > self._patience_s:
                raise LinkError(
                    f"{error.message.rstrip('.')}, and it did not come back within {self._patience_s:g} s.",
                    hint=error.hint,
                ) from error
            time.sleep(_REOPEN_INTERVAL_S)
        now = time.monotonic()
        self._tally.mended["reconnects"] += 1
        self._notice(f"{self._board} is back.")
        self._decoder = Decoder()
        self._arrived.clear()
        self._progress += now - gone
        self._wake = now  # ask at once for what got lost

    # ---- answers ----

    def _step(self) -> None:
        """Take what arrives next, or mend what did not arrive."""
        wake = self._wake
        left_s = wake - time.monotonic()
        item = self._next_item(left_s)
        if isinstance(item, Packet):
            self._take(item)
        elif isinstance(item, Damage):
            self._tally.mended["damaged"] += 1
            self._ask_again()
        # However much noise there was; but what has come in time counts, however late this computer looks at it.
        if left_s <= 0 and self._wake == wake and not self._arrived:
            self._tally.mended["silences"] += 1
            self._ask_again(however=True)
        if time.monotonic() - self._progress > self._patience_s:
            oldest = next(iter(self._pending.values())).packet
            raise LinkError(
                f"{self._board} did not answer request 0x{oldest.kind:02x} for {self._patience_s:g} s,"
                " although it was asked again and again.",
                hint="Check the cable and the speed of the port, and whether the board still runs.",
            )

    def _take(self, packet: Packet) -> None:
        if packet.kind == Kind.FAULT:
            raise self._fault(packet)
        if packet.kind == Kind.NAK:
            self._refused(packet)
            return
        pending = self._pending.get(packet.sequence)
        if pending is None or pending.answer is not None:
            return  # sent again in vain
        if packet.kind not in (pending.packet.kind | ANSWER, Kind.ERROR):
            raise LinkError(
                f"{self._board} answered request 0x{pending.packet.kind:02x} with 0x{packet.kind:02x}.",
                hint="Firmware and slimse-mcu do not belong together; build again.",
            )
        now = time.monotonic()
        if pending.is_clean:
            self._longest_s = max(0.9 * self._longest_s, now - pending.sent)
        pending.answer = packet
        self._advance(now)
        if self._lacks_before(packet.sequence):
            self._ask_again()

    def _lacks_before(self, sequence: int) -> bool:
        """Whether a request before this one has no answer yet."""
        for number, pending in self._pending.items():
            if number == sequence:
                return False
            if pending.answer is None:
                return True
        return False

    def _advance(self, now: float) -> None:
        """There is progress: all is well until nothing comes for a while."""
        self._progress = now
        self._retry_s = max(_LEAST_RETRY_S, _BACKOFF * self._longest_s)
        self._wake = now + max(self._silence_s, min(_MOST_SILENCE_S, 4 * self._longest_s))

    # ---- mending ----

    def _refused(self, packet: Packet) -> None:
        """The board says which request it expects next."""
        reason, turn = packet.payload[:2] if len(packet.payload) >= 2 else (0, -1)
        if reason == NAK_STRANGER:
            raise RestartedError(f"{self._board} has restarted in mid-session.", hint="Run the command again.")
        if turn != self._turn:
            return  # said before the board knew what was last done about it
        if reason == NAK_ASKED:
            self._is_asking = False
        else:
            self._tally.mended["refused"] += 1
        expected = self._pending.get(packet.sequence)
        if expected is not None and expected.answer is None:
            self._repeat_from(packet.sequence)
        if reason != NAK_ASKED and self._lacks_before(packet.sequence):
            self._ask_again()

    def _notify(self, sequence: int, answers: int) -> bytes:
        """Begin a turn: the board tells the last one that it knows in what it says, so that old words are known."""
        self._turn = (self._turn + 1) % 256
        # The zero ends a frame that was cut short on its way to the board.
        return b"\0" + encode(Packet(Kind.NAK, sequence, bytes([self._turn, answers])))

    def _repeat_from(self, first: int) -> None:
        """Repeat all unanswered requests from sequence number ``first`` on."""
        place = list(self._pending).index(first)
        repeated = [one for one in islice(self._pending.values(), place, None) if one.answer is None]
        data = self._notify(first, 0)
        for pending in repeated:
            pending.is_clean = False
            data += encode(pending.packet)
        self._tally.mended["repeated"] += len(repeated)
        self._is_asking = False
        self._wake = min(self._wake, time.monotonic() + self._retry_s)
        self._send(data)

    def _ask_again(self, *, however: bool = False) -> None:
        """Ask for answers that are missing, unless (but for ``however``) that was asked and may still be heard.

        The board says what it expects next, and sends what it has answered once more.
        """
        missing = [number for number, one in self._pending.items() if one.answer is None]
        if not missing or (self._is_asking and not however):
            return
        count = next((n for n, number in enumerate(missing) if number != (missing[0] + n) % 65536), len(missing))
        for one in self._pending.values():
            one.is_clean = False
        self._tally.mended["asked_again"] += 1
        self._is_asking = True
        self._retry_s = min(self._retry_s * _BACKOFF, max(self._silence_s, 4 * self._longest_s))
        self._wake = time.monotonic() + self._retry_s
        self._send(self._notify(missing[0], count))

    # ---- what answers say ----

    def _payload(self, request: Packet, answer: Packet) -> bytes:
        if answer.kind == Kind.ERROR:
            reason = answer.payload[0] if answer.payload else 0
            raise RequestError(
                f"{self._board} turned down request 0x{request.kind:02x}:"
                f" {_ERROR_REASONS.get(reason, f'reason {reason}')}.",
                hint="If its firmware is older than this slimse-mcu, build and load it again.",
            )
        return answer.payload

    def _fault(self, packet: Packet) -> LinkError:
        try:
            fault = parse_fault(packet.payload)
        except ValueError:
            return LinkError(f"{self._board} reported a fault that cannot be read.", hint="Build again.")
        return FaultError(self._transport.name, fault, self._locate(fault.pc) if fault.frame_valid else "")
