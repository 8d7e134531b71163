"""The firmware's portable parts as shared libraries, called from Python."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path

import probe

from slimse_mcu.build import DSP_FLAGS, LANGUAGE, WARNINGS, Project
from slimse_mcu.harness.packets import Damage, Packet

TESTS = Path(__file__).parent
FIRMWARE = TESTS.parent / "firmware"
APP = tuple(FIRMWARE / "app" / name for name in ("engine.c", "link.c", "pack.c", "reply.c", "requests.c", "session.c"))
_EVENTS = {2: "stuffing", 3: "checksum", 4: "too long", 5: "too short"}


def write_project(folder: Path, project: Project) -> list[Path]:
    """Write a project's files; return its sources."""
    for name, text in project.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return sorted(folder.rglob("*.c"))


def write_probe(folder: Path) -> list[Path]:
    """Write the probe model's files; return its sources."""
    return write_project(folder, probe.project())


def includes(folder: Path) -> list[str]:
    """Compiler options to find the probe in ``folder``, the firmware and the tests' board."""
    return [f"-I{folder}", f"-I{FIRMWARE}", f"-I{FIRMWARE / 'hal'}", f"-I{TESTS / 'device'}"]


def shared_library(sources: Sequence[Path], options: Sequence[str], out: Path) -> ctypes.CDLL:
    """Compile sources to a shared library and load it."""
    command = ["gcc", "-shared", "-fPIC", "-O1", "-g", *LANGUAGE, *WARNINGS, *options, *map(str, sources)]
    subprocess.run([*command, "-o", str(out)], check=True)
    return ctypes.CDLL(str(out))


class Framing:
    """``firmware/app/link.c``."""

    def __init__(self, folder: Path) -> None:
        sources = [FIRMWARE / "app" / "link.c", TESTS / "device" / "link_shim.c"]
        self._library = shared_library(sources, includes(folder), folder / "framing.so")
        self._library.shim_encode.restype = ctypes.c_size_t
        self._library.shim_decode.restype = ctypes.c_size_t
        self._library.app_crc32.restype = ctypes.c_uint32

    def crc32(self, data: bytes) -> int:
        return int(self._library.app_crc32(data, ctypes.c_size_t(len(data))))

    def encode(self, packet: bytes) -> bytes:
        """Frame a packet that has its checksum."""
        wire = ctypes.create_string_buffer(len(packet) * 2 + 16)
        count = self._library.shim_encode(packet, ctypes.c_size_t(len(packet)), wire)
        return wire.raw[:count]

    def decode(self, wire: bytes, capacity: int = 2000) -> list[Packet | Damage]:
        """What the device makes of bytes, in the types of the Python side."""
        events = (ctypes.c_uint8 * (len(wire) + 1))()
        counts = (ctypes.c_uint32 * (len(wire) + 1))()
        packets = ctypes.create_string_buffer(len(wire) + 1)
        found = self._library.shim_decode(
            wire, ctypes.c_size_t(len(wire)), ctypes.c_uint32(capacity), events, counts, packets
        )
        result: list[Packet | Damage] = []
        position = 0
        for event, count in zip(events[:found], counts[:found], strict=True):
            body = packets.raw[position : position + count]
            position += count
            if event == 1:
                result.append(Packet(body[0], int.from_bytes(body[1:3], "little"), body[3:]))
            else:
                result.append(Damage(_EVENTS[event]))
        return result


class NativeBoard:
    """The whole application with a model, the probe unless told, in memory; a transport."""

    name = "the board in memory"

    def __init__(self, folder: Path, project: Project | None = None) -> None:
        written = write_probe(folder) if project is None else write_project(folder, project)
        sources = [*written, *APP, TESTS / "device" / "hal_memory.c"]
        options = ["-DMODEL_FAULTS=0", '-DHAL_BOARD="host"', *DSP_FLAGS, *includes(folder)]
        self._library = shared_library(sources, options, folder / "board.so")
        self._library.memory_take.restype = ctypes.c_size_t
        self._buffer = ctypes.create_string_buffer(1 << 16)

    def grant(self, window: int) -> None:
        """Say from now on that so many requests may be under way."""
        self._library.memory_grant(window)

    def start(self) -> None:
        """Start over, as after a reset of the board."""
        self._library.memory_start()

    def send(self, data: bytes) -> None:
        self._library.memory_feed(data, ctypes.c_size_t(len(data)))

    def receive(self, timeout_s: float) -> bytes:
        count = self._library.memory_take(self._buffer, ctypes.c_size_t(len(self._buffer)))
        return self._buffer.raw[:count]

    def reopen(self) -> bool:
        return False

    def close(self) -> None:
        pass
