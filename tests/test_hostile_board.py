"""The PC's side under hostile bytes: a board, or what pretends to be one, can end a session and nothing else."""

from __future__ import annotations

import contextlib
import ctypes
import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import probe
import pytest
from firmware_native import FIRMWARE, includes, shared_library
from hypothesis import example, given, settings
from hypothesis import strategies as st
from simulated_line import Clock

from slimse_mcu.board import board
from slimse_mcu.errors import LinkError
from slimse_mcu.harness import link
from slimse_mcu.harness.device import parse_buffers, parse_gates, parse_hello, parse_layers
from slimse_mcu.harness.fault import parse_fault
from slimse_mcu.harness.pack import pack_audio, unpack_audio, unpack_gates
from slimse_mcu.harness.packets import ANSWER, Decoder, Kind, Packet, encode
from slimse_mcu.harness.session import Session

SAMPLES = st.lists(st.integers(-32768, 32767), max_size=200).map(lambda values: np.array(values, np.int16))
SMOOTH = st.lists(st.integers(-40, 40), min_size=45, max_size=200).map(
    lambda steps: np.cumsum(np.cumsum(steps)).clip(-32768, 32767).astype(np.int16)
)


# ---- packed audio and gates ----


class Packer:
    """``firmware/app/pack.c``."""

    def __init__(self, folder: Any) -> None:
        sources = [FIRMWARE / "app" / name for name in ("pack.c", "link.c")]
        self._library = shared_library(sources, includes(folder), folder / "pack.so")
        self._library.app_pack_audio.restype = ctypes.c_size_t
        self._library.app_pack_gates.restype = ctypes.c_size_t
        self._library.app_unpack_audio.restype = ctypes.c_bool

    def pack_audio(self, samples: np.ndarray) -> bytes:
        out = ctypes.create_string_buffer(1 + 2 * len(samples))
        size = self._library.app_pack_audio(samples.tobytes(), ctypes.c_size_t(len(samples)), out)
        return out.raw[:size]

    def unpack_audio(self, data: bytes, count: int) -> np.ndarray | None:
        out = ctypes.create_string_buffer(2 * count)
        sound = self._library.app_unpack_audio(data, ctypes.c_size_t(len(data)), out, ctypes.c_size_t(count))
        return np.frombuffer(out.raw, "<i2") if sound else None

    def pack_gates(self, gates: bytes, before: bytes) -> bytes:
        out = ctypes.create_string_buffer(1 + len(gates))
        size = self._library.app_pack_gates(gates, before, ctypes.c_size_t(len(gates)), out)
        return out.raw[:size]


@pytest.fixture(scope="module")
def packer(tmp_path_factory) -> Packer:
    return Packer(tmp_path_factory.mktemp("pack"))


@settings(max_examples=200)
@given(samples=SAMPLES | SMOOTH)
@example(samples=np.zeros(256, np.int16))
@example(samples=np.tile(np.array([-32768, 32767], np.int16), 128))
def test_audio_comes_back_and_both_sides_pack_alike(packer, samples):
    packed = pack_audio(samples)

    assert packed == packer.pack_audio(samples)
    assert len(packed) <= 1 + 2 * len(samples)
    np.testing.assert_array_equal(unpack_audio(packed, len(samples)), samples)
    np.testing.assert_array_equal(packer.unpack_audio(packed, len(samples)), samples)


@settings(max_examples=300)
@given(data=st.binary(max_size=120), count=st.integers(1, 70))
def test_both_sides_unpack_alike_or_refuse(packer, data, count):
    theirs = packer.unpack_audio(data, count)
    try:
        ours = unpack_audio(data, count)
    except ValueError:
        assert theirs is None
    else:
        np.testing.assert_array_equal(theirs, ours)


@settings(max_examples=200)
@given(data=st.data(), samples=SMOOTH)
def test_both_sides_agree_on_packed_audio_that_was_tampered_with(packer, data, samples):
    packed = bytearray(pack_audio(samples))
    for _ in range(data.draw(st.integers(1, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    theirs = packer.unpack_audio(bytes(packed), len(samples))
    try:
        ours = unpack_audio(bytes(packed), len(samples))
    except ValueError:
        assert theirs is None
    else:
        np.testing.assert_array_equal(theirs, ours)


@settings(max_examples=200)
@given(
    both=st.integers(1, 60).flatmap(lambda n: st.tuples(*[st.binary(min_size=n, max_size=n)] * 2)), few=st.booleans()
)
def test_gates_come_back(packer, both, few):
    gates, before = both
    if few:  # of the kind that comes: most stay as they were
        kept = zip(gates, before, strict=True)
        gates = bytes(old ^ (new & 1 if place % 9 == 0 else 0) for place, (new, old) in enumerate(kept))
    packed = packer.pack_gates(gates, before)

    assert len(packed) <= 1 + len(gates)
    assert unpack_gates(packed, np.frombuffer(before, np.uint8)).tobytes() == gates


@settings(max_examples=300)
@given(data=st.binary(max_size=60), count=st.integers(1, 40))
@example(data=b"\x01\xff\xff\x0f", count=2)
def test_any_bytes_are_gates_or_refused(data, count):
    with contextlib.suppress(ValueError):
        assert len(unpack_gates(data, np.zeros(count, np.uint8))) == count


# ---- what a board says of itself ----

PARSERS: list[Callable[[bytes], Any]] = [
    parse_hello,
    lambda data: list(parse_gates(data)),
    lambda data: list(parse_buffers(data)),
    lambda data: list(parse_layers(data)),
    parse_fault,
]


@pytest.mark.parametrize("parse", PARSERS)
@settings(max_examples=100)
@given(data=st.binary(max_size=250))
def test_any_bytes_are_parsed_or_refused(parse, data):
    with contextlib.suppress(ValueError):
        parse(data)


# ---- sessions ----

IMAGE: Any = SimpleNamespace(
    elf=None, provenance=replace(probe.PROVENANCE), name="probe", function_at=lambda address: "somewhere"
)


def hello_fields(nonce: bytes, **changed: int) -> bytes:
    """An answer to hello as the probe gives it, but for some fields."""
    values = {
        "version": 2, "window": 4, "counter": 0, "instrumented": 0, "audio": 1, "duplex": 1, "request": 64,
        "reply": 512, "clock": 0, "ticks": 0, "overhead": 0, "abi": 1, "inputs": 17, "outputs": 17, "gate_bytes": 3,
        "gates": 2,
        "buffers": 1, "layers": 2, "rate": 16_000, "hop": 16, "fft": 32, "bytes": 100,
    }  # fmt: skip
    values |= changed
    version, *rest = values.values()
    texts = ("host", "probe", "0.0.0", "1" * 64, "2" * 64)
    tail = b"".join(bytes([len(text)]) + text.encode() for text in texts)
    return struct.pack("<H4sBBBBBHHIIIHHHHHHHIHHI", version, nonce, *rest) + tail


SOUND = {
    (Kind.DESCRIBE, 0): struct.pack("<HHB5sHHB6s", 10, 0, 5, b"first", 5, 2, 6, b"second"),
    (Kind.DESCRIBE, 1): struct.pack("<IBB4s", 17, 1, 4, b"last"),
    (Kind.DESCRIBE, 2): b"\x04gate\x03sum",
}


class HostileBoard:
    """Answers as the probe would, until it chooses to say something else."""

    name = "the hostile board"

    def __init__(self, data: st.DataObject, clock: Clock, honest: int, changed: dict[str, int]) -> None:
        self._data = data
        self._clock = clock
        self._honest = honest
        self._changed = changed
        self._decoder = Decoder()
        self._out: list[bytes] = []

    def send(self, data: bytes) -> None:
        for item in self._decoder.feed(data):
            if isinstance(item, Packet):
                self._out += self._says(item)

    def _says(self, packet: Packet) -> Iterator[bytes]:
        self._honest -= 1
        if self._honest >= 0:
            yield from self._answers(packet)
            return
        what = self._data.draw(st.sampled_from(["answer", "payload", "packet", "bytes", "silence", "nak", "sound"]))
        if what == "answer":
            yield encode(Packet(packet.kind | ANSWER, packet.sequence, self._data.draw(st.binary(max_size=80))))
        elif what == "payload":
            size = self._data.draw(st.sampled_from([12 + 3 + 32, 12 + 2 + 4 + 33, 16, 28, 8]))
            payload = self._data.draw(st.binary(min_size=size, max_size=size))
            yield encode(Packet(packet.kind | ANSWER, packet.sequence, payload))
        elif what == "packet":
            kind = self._data.draw(st.sampled_from([0xF0, 0xF2, 0x81, 0x85, 0x7F]))
            sequence = packet.sequence + self._data.draw(st.integers(-2, 2))
            yield encode(Packet(kind, sequence % 65536, self._data.draw(st.binary(max_size=60))))
        elif what == "bytes":
            yield self._data.draw(st.binary(max_size=40))
        elif what == "nak":
            payload = bytes([self._data.draw(st.integers(0, 7)), self._data.draw(st.integers(0, 3))])
            sequence = packet.sequence + self._data.draw(st.integers(-2, 2))
            yield encode(Packet(Kind.NAK, sequence % 65536, payload))
        elif what == "sound":
            yield from self._answers(packet)

    def _answers(self, packet: Packet) -> Iterator[bytes]:
        payload = b""
        if packet.kind == Kind.HELLO:
            payload = hello_fields(packet.payload[-4:], **self._changed)
        elif packet.kind == Kind.DESCRIBE:
            payload = SOUND[Kind.DESCRIBE, packet.payload[0]]
        elif packet.kind == Kind.FRAME:
            payload = bytes(12 + 3 + 32)
        elif packet.kind == Kind.NAK:
            return
        yield encode(Packet(packet.kind | ANSWER, packet.sequence, payload))

    def receive(self, timeout_s: float) -> bytes:
        if self._out:
            return self._out.pop(0)
        self._clock.now += timeout_s
        return b""

    def reopen(self) -> bool:
        return False

    def close(self) -> None:
        pass


def use(session: Session) -> None:
    """Everything that a session can do."""
    with session:
        session.configure("pcm")
        session.reset()
        for _ in session.frames([np.zeros(session.info.hop, np.int16)] * 5):
            pass
        session.layers()
        session.dump("last")
        session.status()


def test_the_hostile_board_can_be_honest():
    clock, session = Clock(), None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link, "time", clock)
        never: Any = None
        session = Session(board("host"), IMAGE, transport=HostileBoard(never, clock, 10**6, {}), packed=False)
        with session:
            session.configure("pcm")
            assert len(list(session.frames([np.zeros(16, np.int16)] * 5))) == 5


@settings(max_examples=150)
@given(data=st.data(), honest=st.integers(0, 16), packed=st.booleans())
def test_a_hostile_board_ends_in_a_link_error_or_an_end(data, honest, packed):
    fields = ["window", "counter", "request", "reply", "gate_bytes", "gates", "layers", "buffers", "hop", "inputs"]
    changed = data.draw(st.dictionaries(st.sampled_from(fields), st.integers(0, 255), max_size=2))
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link, "time", clock)
        session = Session(
            board("host"), IMAGE, transport=HostileBoard(data, clock, honest, changed), packed=packed, patience_s=5
        )
        with contextlib.suppress(LinkError, KeyError):  # KeyError: it describes no such buffer
            use(session)
    assert clock.now < 5_000
    assert math.isfinite(clock.now)
