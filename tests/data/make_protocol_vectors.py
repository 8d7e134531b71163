"""Writes protocol_vectors.json, the test vectors of docs/protocol.md.

The framing is written out here once more from the specification, so that neither implementation tests itself.
Run it after a change of the protocol and review the difference.
"""

from __future__ import annotations

import json
from pathlib import Path


def crc32(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            carry = (crc ^ (byte >> bit)) & 1
            crc = (crc >> 1) ^ (0xEDB88320 if carry else 0)
    return crc ^ 0xFFFFFFFF


def stuff(data: bytes) -> bytes:
    out = bytearray()
    blocks = data.split(b"\0")
    for number, block in enumerate(blocks):
        while len(block) >= 254:
            out += b"\xff" + block[:254]
            block = block[254:]
            if not block and number == len(blocks) - 1:
                return bytes(out)
        out += bytes([len(block) + 1]) + block
    return bytes(out)


def packet(kind: int, sequence: int, payload: bytes) -> bytes:
    body = bytes([kind]) + sequence.to_bytes(2, "little") + payload
    return body + crc32(body).to_bytes(4, "little")


def sound(name: str, kind: int, sequence: int, payload: bytes) -> dict[str, object]:
    wire = stuff(packet(kind, sequence, payload)) + b"\0"
    return {"name": name, "kind": kind, "sequence": sequence, "payload": payload.hex(), "wire": wire.hex()}


def damaged(name: str, wire: bytes, event: str) -> dict[str, str]:
    return {"name": name, "wire": wire.hex(), "event": event}


def main() -> None:
    ramp = bytes(1 + i % 255 for i in range(600))
    hello = b"SLIM" + b"\x02\x00" + b"\x78\x56\x34\x12"
    reset = stuff(packet(0x03, 7, b"")) + b"\0"
    flipped = bytearray(stuff(packet(0x05, 9, ramp[:16])) + b"\0")
    flipped[9] ^= 0x40
    short = stuff(b"\x03\x07\x00\x01\x02\x03") + b"\0"
    vectors = {
        "sound": [
            sound("hello", 0x01, 1, hello),
            sound("reset: an empty payload", 0x03, 2, b""),
            sound("configure: audio, gates decided by the model", 0x04, 3, b"\x01\x00"),
            sound("configure: packed audio, gates decided by the model", 0x04, 3, b"\x02\x00"),
            sound("configure: features, all gates open", 0x04, 0x0100, b"\x00\x01"),
            sound("configure: audio, at most 5 channels of each gate open", 0x04, 3, b"\x01\x00\x05\x00"),
            sound("frame of zeros", 0x05, 0xFFFF, bytes(32)),
            sound("frame without zeros, longer than a block", 0x05, 0x0101, ramp[:512]),
            sound("dump", 0x07, 6, bytes.fromhex("020000010000ff00")),
            sound("bye", 0x09, 7, b""),
            *(
                sound(f"{count} bytes in front of the checksum", 0x05, 0x0202, ramp[: count - 3])
                for count in range(246, 258)
            ),
            sound("refusal in turn 0: checksum, go on from 5", 0xF1, 5, b"\x02\x00"),
            sound("turn 1: the PC misses three answers from 5 on", 0xF1, 5, b"\x01\x03"),
        ],
        "damaged": [
            damaged("one bit flipped", bytes(flipped), "checksum"),
            damaged("block cut short", reset[:-3] + b"\0", "stuffing"),
            damaged("six bytes are no packet", short, "too short"),
            damaged("one byte", b"\x01\x00", "too short"),
            damaged("two packets, the delimiter between them lost", reset[:-1] + reset, "checksum"),
        ],
        "nothing": ["00", "0000000000"],
    }
    path = Path(__file__).with_name("protocol_vectors.json")
    path.write_text(json.dumps(vectors, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
