"""Framing and repetition: Python and C by the same vectors, and nothing lost on a bad line."""

from __future__ import annotations

import json
import random
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import probe
import pytest
from firmware_native import Framing, NativeBoard
from hypothesis import given, settings
from hypothesis import strategies as st

from slimse_mcu.errors import LinkError
from slimse_mcu.harness.device import parse_layers
from slimse_mcu.harness.link import Link, RequestError, RestartedError
from slimse_mcu.harness.packets import MAGIC, VERSION, Damage, Decoder, Kind, Packet, encode
from slimse_mcu.harness.session import digest_of

VECTORS = json.loads((Path(__file__).parent / "data" / "protocol_vectors.json").read_text())
SOUND = [pytest.param(vector, id=vector["name"]) for vector in VECTORS["sound"]]
DAMAGED = [pytest.param(vector, id=vector["name"]) for vector in VECTORS["damaged"]]


@pytest.fixture(scope="module")
def framing(tmp_path_factory) -> Framing:
    return Framing(tmp_path_factory.mktemp("framing"))


@pytest.fixture(scope="module")
def native_board(tmp_path_factory) -> NativeBoard:
    return NativeBoard(tmp_path_factory.mktemp("board"))


@pytest.fixture
def board(native_board) -> NativeBoard:
    native_board.start()
    return native_board


def body_of(packet: Packet) -> bytes:
    body = struct.pack("<BH", packet.kind, packet.sequence) + packet.payload
    return body + struct.pack("<I", zlib.crc32(body))


def hello_payload(nonce: int = 0x12345678, version: int = VERSION) -> bytes:
    return MAGIC + struct.pack("<HI", version, nonce)


# ---- framing ----


@pytest.mark.parametrize("vector", SOUND)
def test_sound_vectors_hold_in_both_directions_on_both_sides(vector, framing):
    packet = Packet(vector["kind"], vector["sequence"], bytes.fromhex(vector["payload"]))
    wire = bytes.fromhex(vector["wire"])

    assert encode(packet) == wire
    assert framing.encode(body_of(packet)) == wire
    assert list(Decoder().feed(wire)) == [packet]
    assert framing.decode(wire) == [packet]


@pytest.mark.parametrize("vector", DAMAGED)
def test_damage_is_named_alike_on_both_sides(vector, framing):
    wire = bytes.fromhex(vector["wire"])

    assert list(Decoder().feed(wire)) == [Damage(vector["event"])]
    assert framing.decode(wire) == [Damage(vector["event"])]


@pytest.mark.parametrize("wire", VECTORS["nothing"])
def test_delimiters_alone_are_nothing(wire, framing):
    assert list(Decoder().feed(bytes.fromhex(wire))) == []
    assert framing.decode(bytes.fromhex(wire)) == []


def test_device_names_a_packet_that_is_too_long(framing):
    wire = encode(Packet(Kind.FRAME, 1, bytes(100)))

    assert framing.decode(wire, capacity=50) == [Damage("too long")]
    assert framing.decode(wire + encode(Packet(Kind.RESET, 2, b"")), capacity=50)[1] == Packet(3, 2, b"")


@settings(max_examples=300)
@given(data=st.binary(max_size=1000))
def test_checksum_and_framing_equal_the_libraries(data, framing):
    packet = Packet(5, 77, data)

    assert framing.crc32(data) == zlib.crc32(data)
    assert framing.encode(body_of(packet)) == encode(packet)
    assert framing.decode(encode(packet)) == [packet]


@settings(max_examples=300)
@given(data=st.binary(max_size=600) | st.lists(st.sampled_from([0, 1, 2, 3, 255]), max_size=600).map(bytes))
def test_both_sides_see_the_same_in_any_bytes(data, framing):
    ours = list(Decoder().feed(data))
    theirs = framing.decode(data)

    assert [type(item) for item in ours] == [type(item) for item in theirs]
    # A frame may be wrong in several ways at once; sides may name different ones, never a packet.
    assert [item for item in ours if isinstance(item, Packet)] == [item for item in theirs if isinstance(item, Packet)]


@settings(max_examples=100)
@given(cuts=st.lists(st.integers(1, 40), max_size=30))
def test_decoder_does_not_care_how_bytes_arrive(cuts):
    packets = [Packet(5, i, bytes(range(i, i + 30))) for i in range(5)]
    wire = b"".join(encode(packet) for packet in packets)
    decoder = Decoder()
    found: list[Packet | Damage] = []
    for cut in cuts:
        found += decoder.feed(wire[:cut])
        wire = wire[cut:]
    found += decoder.feed(wire)

    assert found == packets


def test_decoder_keeps_no_endless_frame():
    decoder = Decoder()
    for _ in range(100):
        assert list(decoder.feed(b"\x01" * 10_000)) == []
    assert list(decoder.feed(b"\0" + encode(Packet(3, 1, b"")))) == [Damage("too long"), Packet(3, 1, b"")]


# ---- requests and answers ----


class BadLine:
    """A transport that flips, drops and doubles bytes in both directions."""

    name = "the board behind a bad line"

    def __init__(self, inner: NativeBoard, seed: int, rate: float) -> None:
        self._inner = inner
        self._random = random.Random(seed)
        self._rate = rate

    def _spoil(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            dice = self._random.random()
            if dice < self._rate:
                continue
            if dice < 2 * self._rate:
                out.append(byte)
            if dice < 3 * self._rate:
                byte ^= 1 << self._random.randrange(8)
            out.append(byte)
        return bytes(out)

    def send(self, data: bytes) -> None:
        self._inner.send(self._spoil(data))

    def receive(self, timeout_s: float) -> bytes:
        data = self._spoil(self._inner.receive(timeout_s))
        if not data:
            time.sleep(min(timeout_s, 0.001))
        return data


def open_link(transport) -> Link:
    link = Link(transport, sequence=65_530, silence_s=0.005)
    link.greet(hello_payload(), timeout_s=5, interval_s=0.01)
    link.window = 4
    return link


def stream(link: Link, frames: list[np.ndarray]) -> list[bytes]:
    answers = []
    waiting = list(frames)
    while waiting or link.outstanding:
        while waiting and link.outstanding < link.window:
            link.submit(Kind.FRAME, waiting.pop(0).tobytes())
        answers.append(link.collect())
    return answers


def expected_answers(frames: list[np.ndarray]) -> list[bytes]:
    model = probe.Probe()
    answers = []
    for frame in frames:
        output, gates, macs = model.features(frame)
        digest = digest_of([frame.tobytes(), frame.tobytes(), output.tobytes()])  # last, app_input, app_output
        costs = struct.pack("<III", macs, 0, 0)
        answers.append(costs + gates.tobytes() + output.tobytes() + struct.pack("<I", digest))
    return answers


def some_frames(count: int, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(-128, 126, (count, probe.SIZE)).astype(np.int8))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("rate", [0.0, 0.0005, 0.003])
def test_nothing_is_lost_or_computed_twice_on_a_bad_line(board, seed, rate):
    frames = some_frames(150, seed)
    link = open_link(BadLine(board, seed, rate))
    link.request(Kind.CONFIGURE, b"\0\0")
    link.request(Kind.RESET)
    before = struct.unpack("<7I", link.request(Kind.STATUS))[2]

    # Each answer depends on the frame before it: one frame lost or computed twice shows.
    assert stream(link, frames) == expected_answers(frames)
    assert struct.unpack("<7I", link.request(Kind.STATUS))[2] - before == 150
    if rate == 0.0:
        assert link.errors == type(link.errors)()
    else:
        assert link.errors.repeated + link.errors.asked_again > 0


def test_a_lost_answer_is_given_again_and_not_computed_again(board):
    link = open_link(board)
    link.request(Kind.CONFIGURE, b"\0\0")
    before = struct.unpack("<7I", link.request(Kind.STATUS))
    link.submit(Kind.FRAME, bytes(probe.SIZE))
    assert board.receive(0)  # the answer, which gets lost
    answer = link.collect()
    after = struct.unpack("<7I", link.request(Kind.STATUS))

    assert len(answer) == 12 + 3 + probe.SIZE + 4
    assert after[2] - before[2] == 1
    assert after[5] - before[5] == 1
    assert link.errors.silences == 1


def test_device_names_damage_and_says_where_to_go_on(board):
    link = open_link(board)
    wire = bytearray(encode(Packet(Kind.STATUS, 65_531, b"")))
    wire[2] ^= 4
    board.send(bytes(wire))

    assert list(Decoder().feed(board.receive(0))) == [Packet(Kind.NAK, 65_531, b"\x02\0")]
    board.send(encode(Packet(Kind.STATUS, 65_533, b"")))
    assert board.receive(0) == b""  # the gap was reported already
    assert len(link.request(Kind.STATUS)) == 28


def test_device_grants_no_more_credit_than_it_keeps_answers(board):
    greeting = Link(board).greet(hello_payload(), timeout_s=5)

    assert greeting[6] == 4  # the board layer of the tests would have 9


def test_device_refuses_requests_before_hello(board):
    board.send(encode(Packet(Kind.STATUS, 0, b"")))

    assert list(Decoder().feed(board.receive(0))) == [Packet(Kind.NAK, 0, b"\x06\0")]


def test_a_restarted_board_is_an_error(board):
    link = open_link(board)
    board.start()

    with pytest.raises(RestartedError, match="restarted"):
        link.request(Kind.STATUS)


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        (0x55, b"", "unknown request"),
        (Kind.RESET, b"x", "wrong payload size"),
        (Kind.DESCRIBE, b"\0\0", "wrong payload size"),
        (Kind.DESCRIBE, b"\x09\0\0", "out of range"),
        (Kind.DESCRIBE, b"\0\xff\xff", "out of range"),
        (Kind.CONFIGURE, b"", "wrong payload size"),
        (Kind.CONFIGURE, b"\x03\0", "out of range"),
        (Kind.CONFIGURE, b"\0\x04", "out of range"),
        (Kind.CONFIGURE, b"\0\x03\xff", "wrong payload size"),
        (Kind.CONFIGURE, b"\0\x03\xff\xff\xff", "out of range"),
        (Kind.FRAME, b"\0", "wrong payload size"),
        (Kind.LAYERS, b"\xff\xff", "out of range"),
        (Kind.DUMP, struct.pack("<HIH", 9, 0, 1), "out of range"),
        (Kind.DUMP, struct.pack("<HIH", 0, 0xFFFFFFFF, 2), "out of range"),
        (Kind.DUMP, struct.pack("<HIH", 0, 10, 8), "out of range"),
        (Kind.HELLO, b"SLIX" + bytes(6), "out of range"),
    ],
)
def test_impossible_requests_are_turned_down_and_the_link_goes_on(board, kind, payload, reason):
    link = open_link(board)

    with pytest.raises(RequestError, match=reason):
        link.request(kind, payload)
    assert len(link.request(Kind.STATUS)) == 28


def test_greeting_ignores_what_another_session_left(board):
    board.send(encode(Packet(Kind.HELLO, 3, hello_payload(nonce=1))))
    board.send(encode(Packet(Kind.STATUS, 4, b""))[:5])
    link = open_link(board)

    assert len(link.request(Kind.STATUS)) == 28


@pytest.mark.parametrize("payload", [b"\x03abc\x04ab", b"\x04\x1b[2J", b"\x02\xc3\xa9"])
def test_names_that_are_cut_short_or_no_plain_text_are_refused(payload):
    with pytest.raises(ValueError, match=r"cut short|terminal|ascii"):
        list(parse_layers(payload))


class Silence:
    name = "the silent board"

    def send(self, data: bytes) -> None:
        pass

    def receive(self, timeout_s: float) -> bytes:
        time.sleep(timeout_s)
        return b""


def test_silence_is_an_error_that_names_the_board():
    with pytest.raises(LinkError, match="The silent board did not answer"):
        Link(Silence()).greet(hello_payload(), timeout_s=0.05, interval_s=0.02)
    link = Link(Silence(), silence_s=0.001, patience_s=0.05)
    with pytest.raises(LinkError, match=r"did not answer request 0x08 for 0\.05 s"):
        link.request(Kind.STATUS)


class Babble(Silence):
    """Random bytes, some of them framed."""

    name = "the babbling board"

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def receive(self, timeout_s: float) -> bytes:
        if self._random.random() < 0.5:
            return self._random.randbytes(50)
        return encode(Packet(self._random.randrange(256), self._random.randrange(3), self._random.randbytes(20)))


class Noise(Silence):
    """A board that never pauses; what it sends is no packet."""

    name = "the noisy board"

    def __init__(self, noise: bytes) -> None:
        self._noise = noise

    def receive(self, timeout_s: float) -> bytes:
        return self._noise


@pytest.mark.parametrize("noise", [b"log line\n", b"\x05\x00"], ids=["endless frame", "damaged frames"])
def test_noise_without_a_pause_is_a_silence(noise):
    with pytest.raises(LinkError, match="did not answer within"):
        Link(Noise(noise)).greet(hello_payload(), timeout_s=0.05, interval_s=0.02)
    link = Link(Noise(noise), silence_s=0.001, patience_s=0.05)
    with pytest.raises(LinkError, match=r"did not answer request 0x08 for 0\.05 s"):
        link.request(Kind.STATUS)
    assert link.errors.silences > 0


def test_a_request_never_takes_the_answer_of_another(board):
    link = open_link(board)
    link.request(Kind.CONFIGURE, b"\0\0")
    link.submit(Kind.FRAME, bytes(probe.SIZE))
    with pytest.raises(ValueError, match="under way"):
        link.request(Kind.STATUS)
    assert len(link.collect()) == 12 + 3 + probe.SIZE + 4
    assert len(link.request(Kind.STATUS)) == 28


@pytest.mark.parametrize("seed", range(20))
def test_a_babbling_board_ends_in_a_link_error(seed):
    link = Link(Babble(seed), silence_s=0.001, patience_s=0.2)

    def ask_on() -> None:
        for _ in range(1000):
            link.request(Kind.STATUS)

    with pytest.raises(LinkError):
        ask_on()
