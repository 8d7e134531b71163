"""What a board says of itself in its answers to ``hello`` and ``describe``; nothing in them is trusted."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

_HELLO = struct.Struct("<HIBBBBBHHIIIHHHHHHHIHHI")
_GATE = struct.Struct("<HH")
_BUFFER = struct.Struct("<IB")
_COUNTERS = {0: "none", 1: "instructions", 2: "cycles"}
_WINDOW_LIMIT = 64
_REPLY_LEAST_BYTES = 64


@dataclass(frozen=True, slots=True)
class GateInfo:
    """A gate of the firmware's model: ``channels`` bits from byte ``offset`` of the gate bytes on."""

    name: str
    channels: int
    offset: int


@dataclass(frozen=True, slots=True)
class BufferInfo:
    """Memory that holds its value after the frame, and can be dumped: states; in instrumented builds tensors too.

    Attributes:
        name: Of the tensor or state.
        size_bytes: Its size.
        state: Whether it is kept from frame to frame.
    """

    name: str
    size_bytes: int
    state: bool


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What the firmware says of itself.

    Attributes:
        board: Name of the board it was built for.
        model_name: Name of the model.
        tool_version: Version of slimse-mcu that made it.
        model_hash: SHA-256 of the model file.
        calibration_hash: SHA-256 of what it was quantized with.
        window: Requests that may be under way at once.
        duplex: Whether it takes bytes while it sends.
        request_bytes: Greatest payload of a request.
        reply_bytes: Greatest payload of an answer.
        counter: ``"instructions"``, ``"cycles"`` or ``"none"``.
        instrumented: Whether layers are counted and all tensors kept.
        has_audio: Whether it has an audio front end.
        clock_hz: Core clock; 0 where it means nothing.
        counter_hz: Ticks of the counter per second; 0: a tick is a count.
        overhead_ticks: Ticks that counting nothing takes.
        abi: Of the runtime.
        input_size: Quantized features per frame.
        output_size: Quantized outputs per frame.
        gate_bytes: Bytes of packed gate bits per frame.
        sample_rate_hz: Of the audio; 0 without a front end.
        hop: Samples per frame; 0 without a front end.
        fft: Samples of the window; 0 without a front end.
        model_bytes: ``sizeof(model_t)``.
        gates: All gates, in execution order.
        buffers: All memory that can be dumped.
        layers: Names of the layers, in execution order.
    """

    board: str
    model_name: str
    tool_version: str
    model_hash: str
    calibration_hash: str
    window: int
    duplex: bool
    request_bytes: int
    reply_bytes: int
    counter: str
    instrumented: bool
    has_audio: bool
    clock_hz: int
    counter_hz: int
    overhead_ticks: int
    abi: int
    input_size: int
    output_size: int
    gate_bytes: int
    sample_rate_hz: int
    hop: int
    fft: int
    model_bytes: int
    gates: tuple[GateInfo, ...] = ()
    buffers: tuple[BufferInfo, ...] = ()
    layers: tuple[str, ...] = ()

    @property
    def input_dtype(self) -> np.dtype[Any]:
        """Type of the features, as the size of ``app_input`` tells it."""
        return self._dtype("app_input", self.input_size)

    @property
    def output_dtype(self) -> np.dtype[Any]:
        """Type of the mask, as the size of ``app_output`` tells it."""
        return self._dtype("app_output", self.output_size)

    def _dtype(self, name: str, size: int) -> np.dtype[Any]:
        is_wide = any(one.name == name and one.size_bytes == 2 * size for one in self.buffers)
        return np.dtype(np.int16 if is_wide else np.int8)


@dataclass(frozen=True, slots=True)
class Hello:
    """The answer to ``hello``: ``info`` without its lists, and how long they are."""

    info: DeviceInfo
    gate_count: int
    buffer_count: int
    layer_count: int


def parse_hello(payload: bytes) -> Hello:
    """Read the answer to ``hello``.

    Raises:
        ValueError: It does not follow the specification.
    """
    reader = _Reader(payload)
    (
        _, _, window, counter, instrumented, has_audio, duplex, request_bytes, reply_bytes, clock_hz, counter_hz,
        overhead, abi, input_size, output_size, gate_bytes, gates, buffers, layers, rate, hop, fft, model_bytes,
    ) = reader.fields(_HELLO)  # fmt: skip
    board, model, tool, model_hash, calibration_hash = (reader.text() for _ in range(5))
    if not (
        1 <= window <= _WINDOW_LIMIT
        and counter in _COUNTERS
        and request_bytes >= max(2 * hop + 1, input_size, 2 + gate_bytes)
        and reply_bytes >= _REPLY_LEAST_BYTES
    ):
        raise ValueError("a field is out of range")
    info = DeviceInfo(
        board=board,
        model_name=model,
        tool_version=tool,
        model_hash=model_hash,
        calibration_hash=calibration_hash,
        window=window,
        duplex=bool(duplex),
        request_bytes=request_bytes,
        reply_bytes=reply_bytes,
        counter=_COUNTERS[counter],
        instrumented=bool(instrumented),
        has_audio=bool(has_audio),
        clock_hz=clock_hz,
        counter_hz=counter_hz,
        overhead_ticks=overhead,
        abi=abi,
        input_size=input_size,
        output_size=output_size,
        gate_bytes=gate_bytes,
        sample_rate_hz=rate,
        hop=hop,
        fft=fft,
        model_bytes=model_bytes,
    )
    return Hello(info, gates, buffers, layers)


def parse_gates(payload: bytes) -> Iterator[GateInfo]:
    """Read gates from an answer to ``describe``; ValueError if it is malformed."""
    reader = _Reader(payload)
    while reader.left:
        channels, offset = reader.fields(_GATE)
        yield GateInfo(reader.text(), channels, offset)


def parse_buffers(payload: bytes) -> Iterator[BufferInfo]:
    """Read buffers from an answer to ``describe``; ValueError if it is malformed."""
    reader = _Reader(payload)
    while reader.left:
        size, kind = reader.fields(_BUFFER)
        yield BufferInfo(reader.text(), size, bool(kind))


def parse_layers(payload: bytes) -> Iterator[str]:
    """Read layer names from an answer to ``describe``; ValueError if it is malformed."""
    reader = _Reader(payload)
    while reader.left:
        yield reader.text()


class _Reader:
    """Fields of a payload in order; ValueError where it ends too early."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._position = 0

    @property
    def left(self) -> int:
        return len(self._payload) - self._position

    def _bytes(self, count: int) -> bytes:
        if count > self.left:
            raise ValueError("the answer is cut short")
        start = self._position
        self._position += count
        return self._payload[start : self._position]

    def fields(self, layout: struct.Struct) -> tuple[int, ...]:
        return layout.unpack(self._bytes(layout.size))

    def text(self) -> str:
        text = self._bytes(self._bytes(1)[0]).decode("ascii")
        if not text.isprintable():
            raise ValueError("a name that would steer a terminal")
        return text
