"""The PC's side of the serial link: packets, and requests that are repeated until they are answered.

``docs/protocol.md`` is the specification.  A :class:`Link` never drops, reorders or duplicates an answer: what is
damaged or lost is counted and asked for again, and what cannot be mended is a :class:`LinkError`.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from cobs import cobs

from slimse_mcu.errors import LinkError
from slimse_mcu.harness.fault import FaultError, parse_fault

VERSION = 1
MAGIC = b"SLIM"
OVERHEAD_BYTES = 7

_HEADER = struct.Struct("<BH")
_CRC = struct.Struct("<I")
_PACKET_LIMIT_BYTES = 70_000


class Kind(IntEnum):
    """Type of a packet; an answer is the request's type with bit 7 set."""

    HELLO = 0x01
    DESCRIBE = 0x02
    RESET = 0x03
    CONFIGURE = 0x04
    FRAME = 0x05
    LAYERS = 0x06
    DUMP = 0x07
    STATUS = 0x08
    BYE = 0x09
    ERROR = 0xF0
    NAK = 0xF1
    FAULT = 0xF2


ANSWER = 0x80
NAK_STRANGER = 6
_NAK_REASONS = {1: "stuffing", 2: "checksum", 3: "too long", 4: "too short", 5: "order", 6: "restarted"}
_ERROR_REASONS = {
    1: "unknown request",
    2: "wrong payload size",
    3: "argument out of range",
    4: "not supported",
}


class Transport(Protocol):
    """A stream of bytes in both directions."""

    @property
    def name(self) -> str:
        """What error messages call it."""

    def send(self, data: bytes) -> None:
        """Send all bytes; LinkError when the other end is gone."""

    def receive(self, timeout_s: float) -> bytes:
        """Return what has arrived, waiting up to ``timeout_s`` for it; empty if nothing came; LinkError at the end."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A sound packet: ``kind`` as on the wire, ``sequence`` 0 to 65535."""

    kind: int
    sequence: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """A frame that is no sound packet: its ``reason`` is ``"stuffing"``, ``"checksum"`` or its length."""

    reason: str


@dataclass(frozen=True, slots=True)
class LinkErrors:
    """What went wrong on the link and was mended.

    Attributes:
        damaged: Frames from the board with bad stuffing, checksum or length.
        refused: Packets that the board reported as lost or damaged.
        repeated: Requests that were sent again.
        silences: Times that the board did not answer in time.
    """

    damaged: int = 0
    refused: int = 0
    repeated: int = 0
    silences: int = 0


class RequestError(LinkError):
    """The board understood a request and turned it down."""


def sentence_case(text: str) -> str:
    """``text`` with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def encode(packet: Packet) -> bytes:
    """Return the bytes of a packet on the wire, delimiter included."""
    body = _HEADER.pack(packet.kind, packet.sequence) + packet.payload
    return bytes(cobs.encode(body + _CRC.pack(zlib.crc32(body)))) + b"\0"


class Decoder:
    """Bytes to packets; any bytes are safe, none are kept beyond the largest packet."""

    def __init__(self) -> None:
        self._frame = bytearray()
        self._overflow = False

    def feed(self, data: bytes) -> Iterator[Packet | Damage]:
        """Take bytes; yield every packet, or damage, that they complete."""
        *complete, rest = data.split(b"\0")
        for part in complete:
            self._append(part)
            frame, overflow = bytes(self._frame), self._overflow
            self._frame.clear()
            self._overflow = False
            if overflow:
                yield Damage("too long")
            elif frame:
                yield _decode(frame)
        self._append(rest)

    def _append(self, part: bytes) -> None:
        if len(self._frame) + len(part) > _PACKET_LIMIT_BYTES:
            self._overflow = True
            self._frame.clear()
        elif not self._overflow:
            self._frame += part


def _decode(frame: bytes) -> Packet | Damage:
    try:
        body = bytes(cobs.decode(frame))
    except cobs.DecodeError:
        return Damage("stuffing")
    if len(body) < OVERHEAD_BYTES:
        return Damage("too short")
    if zlib.crc32(body[:-4]) != _CRC.unpack(body[-4:])[0]:
        return Damage("checksum")
    kind, sequence = _HEADER.unpack(body[:3])
    return Packet(kind, sequence, body[3:-4])


@dataclass(slots=True)
class _Pending:
    packet: Packet
    answer: Packet | None = None
    sent: int = 1
    asked_again: bool = False


class Link:
    """Requests and their answers, in order, over a transport that may damage or lose bytes.

    Args:
        transport: The stream of bytes.
        sequence: Sequence number of the first request.
        silence_s: Repeat a request when nothing sound came for this long; doubled each time.
        attempts: Give up when a request was sent this often.
        locate: Name of the function at an address of the firmware, for fault reports; empty if unknown.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        sequence: int = 0,
        silence_s: float = 2.0,
        attempts: int = 6,
        locate: Callable[[int], str] = lambda address: "",
    ) -> None:
        self._transport = transport
        self._decoder = Decoder()
        self._arrived: list[Packet | Damage] = []
        self._pending: OrderedDict[int, _Pending] = OrderedDict()
        self._next = sequence % 65536
        self._silence_s = silence_s
        self._attempts = attempts
        self._locate = locate
        self._counts = {"damaged": 0, "refused": 0, "repeated": 0, "silences": 0}
        self.window = 1

    @property
    def errors(self) -> LinkErrors:
        """What was mended so far."""
        return LinkErrors(**self._counts)

    @property
    def outstanding(self) -> int:
        """Requests whose answers were not collected yet; at most ``window``."""
        return len(self._pending)

    def request(self, kind: Kind, payload: bytes = b"") -> bytes:
        """Send one request, with nothing else under way, and return the payload of its answer.

        Raises:
            ValueError: Answers to earlier requests were not collected yet; they would be taken for this one's.
            RequestError: The board turned the request down.
            FaultError: The board crashed.
            LinkError: The link failed for good.
        """
        if self.outstanding:
            raise ValueError("Requests are under way: collect their answers first.")
        self.submit(kind, payload)
        return self.collect()

    def submit(self, kind: Kind, payload: bytes = b"") -> None:
        """Send a request; its answer is collected later.  The window must have room."""
        if self.outstanding >= self.window:
            raise ValueError("The window is full: collect an answer first.")
        packet = Packet(kind, self._next, payload)
        self._next = (self._next + 1) % 65536
        self._pending[packet.sequence] = _Pending(packet)
        self._transport.send(encode(packet))

    def collect(self) -> bytes:
        """Return the payload of the answer to the oldest request under way, waiting for it.

        Raises:
            RequestError: The board turned the request down.
            FaultError: The board crashed.
            LinkError: The link failed for good.
        """
        sequence, oldest = next(iter(self._pending.items()))
        deadline = time.monotonic() + self._silence_s
        while oldest.answer is None:
            item = self._next_item(deadline - time.monotonic())
            if isinstance(item, Packet):
                self._take(item)
                continue
            if isinstance(item, Damage):
                self._count("damaged")
                self._ask_again(oldest)
            if time.monotonic() >= deadline:  # noise is a silence too
                self._count("silences")
                self._resend_all(delimiter=True)
                deadline = time.monotonic() + self._silence_s * 2 ** min(oldest.sent - 1, 5)
        del self._pending[sequence]
        return self._payload(oldest)

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
            self._transport.send(b"\0" + encode(packet))
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

    def _count(self, what: str) -> None:
        self._counts[what] += 1

    def _next_item(self, timeout_s: float) -> Packet | Damage | None:
        """Return the next thing that arrives, or None if nothing does in time."""
        end = time.monotonic() + timeout_s
        while not self._arrived:
            data = self._transport.receive(max(0.0, end - time.monotonic()))
            self._arrived = list(self._decoder.feed(data))
            if not self._arrived and time.monotonic() >= end:
                return None
        return self._arrived.pop(0)

    def _take(self, packet: Packet) -> None:
        if packet.kind == Kind.FAULT:
            raise self._fault(packet)
        if packet.kind == Kind.NAK:
            self._refused(packet)
            return
        pending = self._pending.get(packet.sequence)
        if pending is None or pending.answer is not None:
            return  # the answer to a request that was repeated in vain
        if packet.kind not in (pending.packet.kind | ANSWER, Kind.ERROR):
            raise LinkError(
                f"{self._board} answered request 0x{pending.packet.kind:02x} with 0x{packet.kind:02x}.",
                hint="Firmware and slimse-mcu do not belong together; build again.",
            )
        pending.answer = packet
        for earlier in self._pending.values():
            if earlier is pending:
                break
            if earlier.answer is None:
                self._ask_again(earlier)

    def _refused(self, packet: Packet) -> None:
        reason = packet.payload[0] if packet.payload else 0
        if reason == NAK_STRANGER:
            raise LinkError(f"{self._board} has restarted in mid-session.", hint="Run the command again.")
        self._count("refused")
        if packet.sequence in self._pending:
            self._resend_all(first=packet.sequence)

    def _ask_again(self, pending: _Pending) -> None:
        """Repeat one request whose answer got lost, once until the next silence."""
        if not pending.asked_again and pending.answer is None:
            pending.asked_again = True
            self._resend(pending)

    def _resend_all(self, *, first: int | None = None, delimiter: bool = False) -> None:
        """Repeat all unanswered requests from sequence number ``first`` (None: the oldest) on."""
        if delimiter:
            self._transport.send(b"\0")  # end a frame whose delimiter was lost
        started = first is None
        for sequence, pending in self._pending.items():
            started = started or sequence == first
            if started and pending.answer is None:
                pending.asked_again = False
                self._resend(pending)

    def _resend(self, pending: _Pending) -> None:
        if pending.sent >= self._attempts:
            raise LinkError(
                f"{self._board} did not answer request 0x{pending.packet.kind:02x} although it was sent"
                f" {pending.sent} times.",
                hint="Check the cable and the speed of the port.",
            )
        pending.sent += 1
        self._count("repeated")
        self._transport.send(encode(pending.packet))

    def _payload(self, pending: _Pending) -> bytes:
        answer = pending.answer
        assert answer is not None
        if answer.kind == Kind.ERROR:
            reason = answer.payload[0] if answer.payload else 0
            raise RequestError(
                f"{self._board} turned down request 0x{pending.packet.kind:02x}:"
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
