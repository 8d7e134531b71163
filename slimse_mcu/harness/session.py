"""The open link to a board: start it, check that it runs the expected model, stream frames through it."""

from __future__ import annotations

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
from slimse_mcu.harness.journal import Journal
from slimse_mcu.harness.link import Link, LinkErrors, RequestError, RestartedError, Tally
from slimse_mcu.harness.pack import pack_audio, unpack_audio, unpack_gates
from slimse_mcu.harness.packets import MAGIC, VERSION, Kind
from slimse_mcu.harness.serial_port import SerialPort
from slimse_mcu.harness.socket_port import SCHEME, SocketPort
from slimse_mcu.harness.transport import Transport, sentence_case
from slimse_mcu.harness.virtual import VirtualBoard
from slimse_mcu.limit import NO_LIMIT

Mode = Literal["pcm", "features"]
Gates = Literal["model", "open", "closed"]

_COSTS = struct.Struct("<III")
_DIGEST = struct.Struct("<I")
_LAYER = struct.Struct("<II")
_STATUS = struct.Struct("<7I")
_SIZE = struct.Struct("<H")
_MODES: dict[Mode, int] = {"features": 0, "pcm": 1}
_PACKED = 2
_GATES: dict[Gates, int] = {"model": 0, "open": 1, "closed": 2}
_PATTERN = 3
_START_TIMEOUT_S = 20.0
_PATIENCE_S = 60.0
_MOST_RESTARTS = 3

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

    What goes wrong on the way to the board is mended and counted in :attr:`errors`.  A board that restarts is greeted
    again and given all frames since the last reset once more; its answers must be what they were.

    Args:
        board: The target.
        image: The firmware that it runs; hardware must have been loaded with it before.
        port: Where hardware is connected (a device, or a URL of ``socket://`` or of pyserial); None for a virtual
            board.
        transport: What the board is reached by, in place of a port; closed with the session.
        packed: Whether audio and gates are sent shorter, without loss; None: where there is a port.
        patience_s: Give up when no answer came for this long, or when a port that went away stayed away.
        notice: Told in a sentence what takes longer than usual: a cable that was pulled, a board that has restarted.
        options: Further arguments for the emulator of a virtual board.

    Raises:
        BoardError: On entry: the emulator is missing, or the board is hardware and no port was given.
        LinkError: On entry: no answer, or the board runs another model, version or protocol.  On any method: the
            link failed for good, the board restarts again and again or does not answer like before when it has
            restarted, the firmware crashed (``FaultError``), or the emulator was ended.
    """

    def __init__(
        self,
        board: Board,
        image: Image,
        *,
        port: str | None = None,
        transport: Transport | None = None,
        options: Sequence[str] = (),
        packed: bool | None = None,
        patience_s: float = _PATIENCE_S,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._board = board
        self._options = options
        self._image = image
        self._port = port
        self._given = transport
        self._packed = port is not None if packed is None else packed
        self._patience_s = patience_s
        self._notice = notice
        self._transport: VirtualBoard | Transport | None = None
        self._open_link: Link | None = None
        self._info: DeviceInfo | None = None
        self._mode: Mode = "pcm"
        self._configuration = b""
        self._journal = Journal()
        self._passed = 0  # requests of the journal that the link has got
        self._tally = Tally()
        self._restarts = 0  # without a new answer in between
        self._gates: NDArray[np.uint8] = np.zeros(0, np.uint8)  # of the last packed answer

    def __enter__(self) -> Session:
        self._transport = self._opened()
        try:
            self._greet()
            self.configure("pcm" if self.info.has_audio else "features")
            self.reset()
        except BaseException:
            self.close(orderly=False)
            raise
        return self

    def _opened(self) -> VirtualBoard | Transport:
        if self._given is not None:
            return self._given
        if self._port is None:
            return VirtualBoard(self._board, self._image.elf, self._options)
        if self._port.startswith(SCHEME):
            return SocketPort(self._port)
        return SerialPort(self._port, self._board.baud)

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
                self._notice = lambda text: None
                if self._open_link.bye() and isinstance(transport, VirtualBoard):
                    transport.wait()
        finally:
            transport.close()
            self._journal.close()

    @property
    def info(self) -> DeviceInfo:
        """What the firmware says of itself."""
        if self._info is None:
            raise RuntimeError("The session was not entered.")
        return self._info

    @property
    def errors(self) -> LinkErrors:
        """What went wrong on the link and was mended."""
        return self._tally.errors

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes to the board and bytes from it so far, all that was repeated included."""
        return self._tally.sent_bytes, self._tally.received_bytes

    @property
    def pid(self) -> int | None:
        """Process number of the virtual board, None for hardware."""
        return self._transport.pid if isinstance(self._transport, VirtualBoard) else None

    def reset(self) -> None:
        """Bring network and front end to their exact initial state; forced gates stay forced."""
        self._check_idle()
        self._journal.restart()
        self._passed = 0
        self._gates = np.zeros(self.info.gate_bytes, np.uint8)
        self._change(Kind.CONFIGURE, self._configuration)
        self._change(Kind.RESET, b"")

    def configure(self, mode: Mode, *, gates: Gates | NDArray[np.uint8] = "model", limit: int | None = None) -> None:
        """Choose what frames carry and who decides the gates.

        Args:
            mode: ``"pcm"``: audio in and out; ``"features"``: quantized features in, quantized mask out.
            gates: Decided by the ``"model"``, all ``"open"``, all ``"closed"``, or a pattern
                ``uint8 [gate_bytes]`` of packed bits.
            limit: Most channels of each gate, and components of a policy, that the model may open, 0 or more; None:
                all.

        Raises:
            LinkError: The model has no front end, or the pattern sets bits that belong to no channel.
            ValueError: The pattern has another shape or type, or the limit is negative.
        """
        number = _PACKED if mode == "pcm" and self._packed else _MODES[mode]
        if isinstance(gates, str):
            payload = bytes([number, _GATES[gates]])
        else:
            if gates.dtype != np.uint8 or gates.shape != (self.info.gate_bytes,):
                raise ValueError(f"A gate pattern is uint8 [{self.info.gate_bytes}].")
            payload = bytes([number, _PATTERN]) + gates.tobytes()
        if limit is not None:
            if limit < 0:
                raise ValueError("A limit is 0 or more.")
            payload += struct.pack("<H", min(limit, NO_LIMIT))
        if mode == "pcm" and not self.info.has_audio:
            raise LinkError(
                f"{self.info.model_name} has no audio front end, so it takes no audio.",
                hint="Use the mode features.",
            )
        self._change(Kind.CONFIGURE, payload)
        self._mode, self._configuration = mode, payload

    def frames(self, inputs: Iterable[NDArray[np.int16] | NDArray[np.int8]]) -> Iterator[FrameResult]:
        """Stream frames through the board, as many at once as it allows; yield their results in order.

        Until the stream has ended or was closed, no other request can be made.

        Args:
            inputs: ``int16 [hop]`` (mode pcm), or ``int8`` or ``int16 [input_size]`` (mode features) per frame.

        Raises:
            ValueError: A frame has another shape or type.
        """
        source = iter(inputs)
        index = 0
        more = True
        try:
            while True:
                while more and self._has_room():
                    values = next(source, None)
                    more = values is not None
                    if values is not None:
                        self._submit(Kind.FRAME, self._frame_payload(values))
                if self._under_way == 0:
                    return
                if self._wait(or_room=more):
                    yield self._frame_result(index, self._collect())
                    index += 1
        except (GeneratorExit, ValueError):
            while self._transport is not None and self._under_way:
                self._frame_result(index, self._collect())
            raise

    def layers(self) -> tuple[LayerResult, ...]:
        """Return each layer's cost in the last frame.

        Raises:
            LinkError: The build is not instrumented.
        """
        names = self.info.layers
        costs: list[tuple[int, int]] = []
        while not costs or len(costs) < len(names):
            answer = self._ask(Kind.LAYERS, struct.pack("<H", len(costs)))
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
            answer = self._ask(Kind.DUMP, struct.pack("<HIH", index, len(data), count))
            if len(answer) != count:
                raise self._unreadable("dump")
            data += answer
        return np.frombuffer(bytes(data), np.int8)

    def status(self) -> DeviceStatus:
        """Return memory and link counters of the board."""
        answer = self._ask(Kind.STATUS)
        if len(answer) != _STATUS.size:
            raise self._unreadable("status")
        return DeviceStatus(*_STATUS.unpack(answer))

    @property
    def _link(self) -> Link:
        if self._open_link is None or self._transport is None:
            raise RuntimeError("The session is not open.")
        return self._open_link

    # ---- requests, and a board that restarts ----

    @property
    def _under_way(self) -> int:
        """Requests of the journal whose answers were not collected yet."""
        return self._journal.sent - self._journal.answered

    def _ask(self, kind: Kind, payload: bytes = b"") -> bytes:
        """Make a request that changes nothing."""
        self._check_idle()
        return self._asked(kind, payload)

    def _asked(self, kind: Kind, payload: bytes) -> bytes:
        while True:
            try:
                return self._link.request(kind, payload)
            except RestartedError as error:
                self._recover(error)

    def _change(self, kind: Kind, payload: bytes) -> None:
        """Make a request that changes the board's state, and is made again after a restart."""
        self._check_idle()
        self._submit(kind, payload)
        try:
            self._collect()
        except RequestError:
            self._journal.take_back()
            self._passed = self._journal.sent
            raise

    def _check_idle(self) -> None:
        if self._under_way:
            raise ValueError("Requests are under way: collect their answers first.")

    def _submit(self, kind: Kind, payload: bytes) -> None:
        self._journal.write(kind, payload)
        self._pass_on()

    def _pass_on(self) -> None:
        """Give the link what the journal holds, as far as there is room."""
        while self._passed < self._journal.sent and self._link.has_room:
            for kind, payload in self._journal.requests(self._passed, self._passed + 1):
                self._link.submit(kind, payload)
            self._passed += 1

    def _has_room(self) -> bool:
        return self._passed == self._journal.sent and self._link.has_room

    def _wait(self, or_room: bool) -> bool:
        """Wait until the oldest request under way is answered (True), or there is room for one more (False)."""
        while True:
            self._pass_on()
            if or_room and self._has_room():
                return False
            try:
                if self._link.wait(or_room or self._passed < self._journal.sent):
                    return True
            except RestartedError as error:
                self._recover(error)

    def _collect(self) -> bytes:
        """The answer to the oldest request under way."""
        self._wait(or_room=False)
        answer = self._link.collect()
        self._restarts = 0
        self._journal.answer(answer)
        return answer

    def _recover(self, error: RestartedError) -> None:
        """Bring a board that has restarted to where it was: every request since the reset, in order.

        Raises:
            LinkError: It restarts again and again, or its answers are not what they were.
        """
        while True:
            self._restarts += 1
            if self._restarts > _MOST_RESTARTS:
                raise LinkError(
                    f"{self._name} restarted {_MOST_RESTARTS} times without one answer in between.",
                    hint="Check its power supply, and whether the firmware crashes.",
                ) from error
            self._tally.mended["restarts"] += 1
            self._notice(f"{self._name} has restarted; it gets {self._journal.answered} requests once more.")
            try:
                self._greet()
                self._replay()
            except RestartedError as again:
                error = again
            else:
                return

    def _replay(self) -> None:
        """Make all requests again that were answered, and compare."""
        link, count, checked = self._link, self._journal.answered, 0
        for kind, payload in self._journal.requests(0, count):
            while not link.has_room:
                if link.wait(or_room=True):
                    self._check_again(checked, link.collect())
                    checked += 1
            link.submit(kind, payload)
        while checked < count:
            self._check_again(checked, link.collect())
            checked += 1
        self._passed = count

    def _check_again(self, number: int, answer: bytes) -> None:
        if not self._journal.is_same(number, answer):
            raise LinkError(
                f"{self._name} restarted, and then answered request {number} since the reset not like before.",
                hint="Look with `slimse diff` for memory that is read before it is written.",
            )

    def _greet(self) -> None:
        assert self._transport is not None
        link = Link(
            self._transport,
            sequence=secrets.randbelow(65536),
            patience_s=self._patience_s,
            locate=self._image.function_at,
            tally=self._tally,
            notice=self._notice,
        )
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
        link.window, link.duplex = hello.info.window, hello.info.duplex
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
            part = list(parse(self._asked(Kind.DESCRIBE, struct.pack("<BH", kind, len(found)))))
            if not part:
                raise ValueError("the list is too short")
            found += part
        return found

    def _frame_payload(self, values: NDArray[np.int16] | NDArray[np.int8]) -> bytes:
        info = self.info
        size, dtype = (info.hop, np.dtype(np.int16)) if self._mode == "pcm" else (info.input_size, info.input_dtype)
        if values.dtype != dtype or values.shape != (size,):
            raise ValueError(f"A frame is {dtype.name} [{size}], not {values.dtype.name} {values.shape}.")
        if self._is_packed:
            return pack_audio(values.astype(np.int16))
        return values.astype(values.dtype.newbyteorder("<")).tobytes()

    @property
    def _is_packed(self) -> bool:
        return self._mode == "pcm" and self._packed

    def _frame_result(self, index: int, answer: bytes) -> FrameResult:
        info = self.info
        tail = _DIGEST.size if info.instrumented else 0
        body = answer[_COSTS.size : len(answer) - tail]
        try:
            macs, network, total = _COSTS.unpack(answer[: _COSTS.size])
            gates, output = self._packed_parts(body) if self._is_packed else self._plain_parts(body)
            digest = _DIGEST.unpack(answer[len(answer) - tail :])[0] if tail else None
        except (ValueError, struct.error) as error:
            raise self._unreadable("frame") from error
        return FrameResult(
            index=index,
            output=output,
            gates=gates,
            macs=macs,
            count=self._count(network),
            count_total=self._count(total),
            digest=digest,
        )

    def _plain_parts(self, body: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int16] | NDArray[np.int8]]:
        """Gates and output as they are."""
        info = self.info
        dtype, size = (np.dtype(np.int16), info.hop) if self._mode == "pcm" else (info.output_dtype, info.output_size)
        if len(body) != info.gate_bytes + size * dtype.itemsize:
            raise ValueError("a part of the answer is missing")
        output = np.frombuffer(body, dtype.newbyteorder("<"), size, info.gate_bytes).astype(dtype)
        return np.frombuffer(body, np.uint8, info.gate_bytes).copy(), output

    def _packed_parts(self, body: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
        """Gates, told as what changed, and audio."""
        (size,) = _SIZE.unpack(body[: _SIZE.size])
        self._gates = unpack_gates(body[_SIZE.size : _SIZE.size + size], self._gates)
        return self._gates, unpack_audio(body[_SIZE.size + size :], self.info.hop)

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
