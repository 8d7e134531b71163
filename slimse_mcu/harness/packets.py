"""Packets on the serial link: bytes to packets and packets to bytes.

``docs/protocol.md`` is the specification, ``firmware/app/link.c`` the board's side.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from cobs import cobs

VERSION = 2
MAGIC = b"SLIM"
OVERHEAD_BYTES = 7
ANSWER = 0x80
"""This bit of the type tells an answer from its request."""

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


def encode(packet: Packet) -> bytes:
    """Return the bytes of a packet on the wire, delimiter included."""
    body = _HEADER.pack(packet.kind, packet.sequence) + packet.payload
    return bytes(cobs.encode(body + _CRC.pack(zlib.crc32(body)))) + b"\0"


class Decoder:
    """Bytes to packets; any bytes are safe, none are kept beyond the largest packet."""

    def __init__(self) -> None:
        self._frame = bytearray()
        self._overflow = False

    @property
    def in_frame(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._frame) or self._overflow

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
