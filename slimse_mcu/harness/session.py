"""The open link to a board: start it, check that it runs the expected model, stream frames through it."""

from __future__ import annotations

import contextlib
import secrets
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.board import Board
from slimse_mcu.build import Image
from slimse_mcu.errors import LinkError
from slimse_mcu.harness.device import DeviceInfo, Hello, parse_buffers, parse_gates, parse_hello, parse_layers
from slimse_mcu.harness.link import MAGIC, VERSION, Kind, Link, LinkErrors, sentence_case
from slimse_mcu.harness.serial_port import SerialPort
from slimse_mcu.harness.virtual import VirtualBoard

Mode = Literal["pcm", "features"]
Gates = Literal["model", "open", "closed"]

_COSTS = struct.Struct("<III")
_DIGEST = struct.Struct("<I")
_LAYER = struct.Struct("<II")
_STATUS = struct.Struct("<7I")
_MODES: dict[Mode, int] = {"features": 0, "pcm": 1}
_GATES: dict[Gates, int] = {"model": 0, "open": 1, "closed": 2}
_PATTERN = 3
_START_TIMEOUT_S = 20.0

_Described = TypeVar("_Described")


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What the board made of one frame.

    Attributes:
        index: Number of the frame in its stream, from 0.
        output: Audio ``int16 [hop]`` (mode pcm) or mask ``int8`` or ``int16 [output_size]`` (mode features).
        gates: ``uint8 [gate_bytes]``, packed bits of the gates' decisions.
        macs: Multiply-accumulates that the kernels executed.
        count: Instructions or cycles of the network alone; 0 where nothing is counted.
        count_total: The same with front and back end.
        digest: Of all memory that holds its value after the frame (:func:`digest_of`); None where the build is not
            instrumented.
    """

    index: int
    output: NDArray[np.int16] | NDArray[np.int8]
    gates: NDArray[np.uint8]
    macs: int
    count: int
    count_total: int
    digest: int | None = None


def digest_of(buffers: Iterable[bytes]) -> int:
    """The digest of the memory of a board, from the bytes of each buffer that holds its value, in order."""
    digest = 0
    for data in buffers:
        digest = zlib.crc32(struct.pack("<II", digest, zlib.crc32(data)))
    return digest


@dataclass(frozen=True, slots=True)
class LayerResult:
    """Cost of one layer in the last frame: MACs executed, and instructions or cycles."""

    name: str
    macs: int
    count: int


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """Memory and link of the board so far.

    Attributes:
        stack_bytes: Room of the stack without its guard; 0 where it is unknown.
        stack_peak_bytes: Greatest use of the stack since start; 0 where it is unknown.
        frames: Frames computed since start.
        damaged: Frames that arrived damaged.
        out_of_order: Sound packets that arrived after a gap.
        repeated: Requests that were answered from the kept answer.
        lost_bytes: Bytes that the receiver lost.
    """

    stack_bytes: int
    stack_peak_bytes: int
    frames: int
    damaged: int
    out_of_order: int
    repeated: int
    lost_bytes: int


class Session:
    """A board that runs a model; a context manager.

    A virtual board is started on entry and ended on exit, whatever happens in between.  A session belongs to the
    thread that entered it.

    Args:
        board: The target.
        image: The firmware that it runs; hardware must have been loaded with it before.
        port: Where hardware is connected (anything pyserial opens); None for a virtual board.
        options: Further arguments for the emulator of a virtual board.

    Raises:
        BoardError: On entry: the emulator is missing, or the board is hardware and no port was given.
        LinkError: On entry: no answer, or the board runs another model, version or protocol.  On any method: the
            link failed for good, the firmware crashed (``FaultError``), or the emulator was ended.
    """

    def __init__(self, board: Board, image: Image, *, port: str | None = None, options: Sequence[str] = ()) -> None:
        self._board = board
        self._options = options
        self._image = image
        self._port = port
        self._transport: VirtualBoard | SerialPort | None = None
        self._open_link: Link | None = None
        self._info: DeviceInfo | None = None
        self._mode: Mode = "pcm"

    def __enter__(self) -> Session:
        if self._port is None:
            self._transport = VirtualBoard(self._board, self._image.elf, self._options)
        else:
            self._transport = SerialPort(self._port, self._board.baud)
        try:
            self._greet()
        except BaseException:
            self._transport.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(orderly=kind is None)

    def close(self, *, orderly: bool = True) -> None:
        """End the session; ``orderly``: say bye first, so that firmware and emulator end by themselves."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        try:
            if orderly and self._open_link is not None and self._open_link.outstanding == 0:
                with contextlib.suppress(LinkError):
                    self._open_link.request(Kind.BYE)
                    if isinstance(transport, VirtualBoard):
                        transport.wait()
        finally:
            transport.close()

    @property
    def info(self) -> DeviceInfo:
        """What the firmware says of itself."""
        if self._info is None:
            raise RuntimeError("The session was not entered.")
        return self._info

    @property
    def errors(self) -> LinkErrors:
        """What went wrong on the link and was mended."""
        return self._link.errors

    @property
    def pid(self) -> int | None:
        """Process number of the virtual board, None for hardware."""
        return self._transport.pid if isinstance(self._transport, VirtualBoard) else None

    def reset(self) -> None:
        """Bring network and front end to their exact initial state; forced gates stay forced."""
        self._link.request(Kind.RESET)

    def configure(self, mode: Mode, *, gates: Gates | NDArray[np.uint8] = "model") -> None:
        """Choose what frames carry and who decides the gates.

        Args:
            mode: ``"pcm"``: audio in and out; ``"features"``: quantized features in, quantized mask out.
            gates: Decided by the ``"model"``, all ``"open"``, all ``"closed"``, or a pattern
                ``uint8 [gate_bytes]`` of packed bits.

        Raises:
            LinkError: The model has no front end, or the pattern sets bits that belong to no channel.
        """
        if isinstance(gates, str):
            payload = bytes([_MODES[mode], _GATES[gates]])
        else:
            if gates.dtype != np.uint8 or gates.shape != (self.info.gate_bytes,):
                raise ValueError(f"A gate pattern is uint8 [{self.info.gate_bytes}].")
            payload = bytes([_MODES[mode], _PATTERN]) + gates.tobytes()
        if mode == "pcm" and not self.info.has_audio:
            raise LinkError(
                f"{self.info.model_name} has no audio front end, so it takes no audio.",
                hint="Use the mode features.",
            )
        self._link.request(Kind.CONFIGURE, payload)
        self._mode = mode

    def frames(self, inputs: Iterable[NDArray[np.int16] | NDArray[np.int8]]) -> Iterator[FrameResult]:
        """Stream frames through the board, as many at once as it allows; yield their results in order.

        Until the stream has ended or was closed, no other request can be made.

        Args:
            inputs: ``int16 [hop]`` (mode pcm), or ``int8`` or ``int16 [input_size]`` (mode features) per frame.

        Raises:
            ValueError: A frame has another shape or type.
        """
        link = self._link
        source = iter(inputs)
        index = 0
        more = True
        try:
            while True:
                while more and link.outstanding < link.window:
                    values = next(source, None)
                    more = values is not None
                    if values is not None:
                        link.submit(Kind.FRAME, self._frame_payload(values))
                if link.outstanding == 0:
                    return
                yield self._frame_result(index, link.collect())
                index += 1
        except (GeneratorExit, ValueError):
            while self._transport is not None and link.outstanding:
                link.collect()
            raise

    def layers(self) -> tuple[LayerResult, ...]:
        """Return each layer's cost in the last frame.

        Raises:
            LinkError: The build is not instrumented.
        """
        names = self.info.layers
        costs: list[tuple[int, int]] = []
        while not costs or len(costs) < len(names):
            answer = self._link.request(Kind.LAYERS, struct.pack("<H", len(costs)))
            if not answer or len(answer) % _LAYER.size:
                raise self._unreadable("layers")
            costs += list(_LAYER.iter_unpack(answer))
        return tuple(
            LayerResult(name, macs, self._count(ticks)) for name, (macs, ticks) in zip(names, costs, strict=True)
        )

    def dump(self, name: str) -> NDArray[np.int8]:
        """Return the memory of a tensor or state, ``int8 [size_bytes]``, see ``info.buffers``.

        Raises:
            KeyError: There is no such buffer.
        """
        buffers = self.info.buffers
        index = next((i for i, buffer in enumerate(buffers) if buffer.name == name), None)
        if index is None:
            raise KeyError(name)
        data = bytearray()
        while len(data) < buffers[index].size_bytes:
            count = min(self.info.reply_bytes, buffers[index].size_bytes - len(data))
            answer = self._link.request(Kind.DUMP, struct.pack("<HIH", index, len(data), count))
            if len(answer) != count:
                raise self._unreadable("dump")
            data += answer
        return np.frombuffer(bytes(data), np.int8)

    def status(self) -> DeviceStatus:
        """Return memory and link counters of the board."""
        answer = self._link.request(Kind.STATUS)
        if len(answer) != _STATUS.size:
            raise self._unreadable("status")
        return DeviceStatus(*_STATUS.unpack(answer))

    @property
    def _link(self) -> Link:
        if self._open_link is None or self._transport is None:
            raise RuntimeError("The session is not open.")
        return self._open_link

    def _greet(self) -> None:
        assert self._transport is not None
        link = Link(self._transport, sequence=secrets.randbelow(65536), locate=self._image.function_at)
        payload = MAGIC + struct.pack("<HI", VERSION, secrets.randbits(32))
        answer = link.greet(payload, timeout_s=_START_TIMEOUT_S)
        if len(answer) < 2 or int.from_bytes(answer[:2], "little") != VERSION:
            raise LinkError(
                f"{self._name} speaks another version of the protocol than {VERSION}.",
                hint="Build and load the firmware again.",
            )
        try:
            hello = parse_hello(answer)
        except ValueError as error:
            raise self._unreadable("hello") from error
        self._info = hello.info
        self._check_identity(hello.info)
        link.window = hello.info.window
        self._open_link = link
        self._info = self._described(hello)

    def _check_identity(self, info: DeviceInfo) -> None:
        expected = self._image.provenance
        hint = "Build the model and load the firmware again."
        if (info.model_hash, info.calibration_hash) != (expected.model_hash, expected.calibration_hash):
            raise LinkError(
                f"{self._name} runs the model {info.model_name} ({info.model_hash[:12]}),"
                f" not {self._image.name} ({expected.model_hash[:12]})"
                f"{' of this calibration' if info.model_hash == expected.model_hash else ''}.",
                hint=hint,
            )
        if info.tool_version != expected.tool_version:
            raise LinkError(
                f"{self._name} runs firmware of slimse-mcu {info.tool_version}, not {expected.tool_version}.", hint=hint
            )
        if info.board != self._board.name:
            raise LinkError(f"{self._name} runs firmware for {info.board}, not {self._board.name}.", hint=hint)
        if info.clock_hz not in (0, self._board.clock_hz):
            raise LinkError(
                f"{self._name} runs at {info.clock_hz / 1e6:g} MHz, its description says "
                f"{self._board.clock_hz / 1e6:g} MHz.",
                hint="Its crystal did not start, or clock_hz in board.toml is wrong.",
            )
        if info.counter == "instructions" and self._board.counter != "instructions":
            raise LinkError(f"{self._name} counts instructions, its description says {self._board.counter}.", hint=hint)

    def _described(self, hello: Hello) -> DeviceInfo:
        try:
            gates = self._describe(0, hello.gate_count, parse_gates)
            buffers = self._describe(1, hello.buffer_count, parse_buffers)
            layers = self._describe(2, hello.layer_count, parse_layers)
        except ValueError as error:
            raise self._unreadable("describe") from error
        if any(gate.offset * 8 + gate.channels > hello.info.gate_bytes * 8 for gate in gates):
            raise self._unreadable("describe")
        return replace(hello.info, gates=tuple(gates), buffers=tuple(buffers), layers=tuple(layers))

    def _describe(self, kind: int, count: int, parse: Callable[[bytes], Iterator[_Described]]) -> list[_Described]:
        found: list[_Described] = []
        while len(found) < count:
            part = list(parse(self._link.request(Kind.DESCRIBE, struct.pack("<BH", kind, len(found)))))
            if not part:
                raise ValueError("the list is too short")
            found += part
        return found

    def _frame_payload(self, values: NDArray[np.int16] | NDArray[np.int8]) -> bytes:
        info = self.info
        size, dtype = (info.hop, np.dtype(np.int16)) if self._mode == "pcm" else (info.input_size, info.input_dtype)
        if values.dtype != dtype or values.shape != (size,):
            raise ValueError(f"A frame is {dtype.name} [{size}], not {values.dtype.name} {values.shape}.")
        return values.astype(values.dtype.newbyteorder("<")).tobytes()

    def _frame_result(self, index: int, answer: bytes) -> FrameResult:
        info = self.info
        pcm = self._mode == "pcm"
        start = _COSTS.size + info.gate_bytes
        end = start + (2 * info.hop if pcm else info.output_size * info.output_dtype.itemsize)
        if len(answer) != end + (_DIGEST.size if info.instrumented else 0):
            raise self._unreadable("frame")
        macs, network, total = _COSTS.unpack(answer[: _COSTS.size])
        output: NDArray[np.int16] | NDArray[np.int8]
        if pcm:
            output = np.frombuffer(answer[start:end], "<i2").astype(np.int16)
        else:
            output = np.frombuffer(answer[start:end], info.output_dtype.newbyteorder("<")).astype(info.output_dtype)
        return FrameResult(
            index=index,
            output=output,
            gates=np.frombuffer(answer, np.uint8, info.gate_bytes, _COSTS.size).copy(),
            macs=macs,
            count=self._count(network),
            count_total=self._count(total),
            digest=_DIGEST.unpack(answer[end:])[0] if info.instrumented else None,
        )

    def _count(self, ticks: int) -> int:
        """Ticks of the counter as instructions or cycles, without what counting itself takes."""
        info = self.info
        if info.counter != "instructions":
            return max(0, ticks - info.overhead_ticks)
        return max(0, self._board.counts(ticks) - self._board.counts(info.overhead_ticks))

    @property
    def _name(self) -> str:
        return sentence_case(self._transport.name) if self._transport is not None else self._board.name

    def _unreadable(self, what: str) -> LinkError:
        return LinkError(
            f"{self._name} gave an answer to {what} that cannot be read.",
            hint="Build and load the firmware again.",
        )
