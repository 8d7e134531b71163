"""Image files that flash tools and boot loaders take, made from the ELF file: ``hex``, ``bin``, ``uf2``."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from slimse_mcu.errors import BuildError

_BIN_GAP_BYTES = 1024 * 1024
_HEX_LINE_BYTES = 16
_UF2_PAYLOAD_BYTES = 256
_UF2_BLOCK = struct.Struct("<8I476sI")
_UF2_MAGIC = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
_UF2_FAMILY_PRESENT = 0x2000


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes and the address that they are loaded to."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        """The first address after it."""
        return self.address + len(self.data)


def segments(elf: Path) -> tuple[Segment, ...]:
    """What an ELF file loads, by address; neighbours are one segment.

    Raises:
        BuildError: The file is missing, no ELF file, or loads nothing.
    """
    try:
        with elf.open("rb") as stream:
            parts = sorted(_loaded(ELFFile(stream)))
    except (OSError, ELFError) as error:
        raise BuildError(f"{elf} is no firmware image: {error}.", hint="Build it again.") from error
    found: list[Segment] = []
    for address, data in parts:
        if found and found[-1].end == address:
            found[-1] = Segment(found[-1].address, found[-1].data + data)
        else:
            found.append(Segment(address, data))
    if not found:
        raise BuildError(f"{elf} loads nothing.", hint="Build it again.")
    return tuple(found)


def _loaded(file: ELFFile) -> Iterator[tuple[int, bytes]]:
    """Each section that is loaded, and the address that it is loaded to; without what lies between sections."""
    for segment in file.iter_segments("PT_LOAD"):
        shift = int(segment["p_paddr"]) - int(segment["p_vaddr"])
        for section in file.iter_sections():
            taken = section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_type"] != "SHT_NOBITS"
            if taken and section["sh_size"] and segment.section_in_segment(section):
                yield int(section["sh_addr"]) + shift, section.data()


def to_hex(parts: Sequence[Segment]) -> bytes:
    """Intel HEX with 32-bit addresses (Intel, Hexadecimal Object File Format Specification, 1988)."""
    lines = []
    upper = None
    for part in parts:
        for address, data in _pieces(part, _HEX_LINE_BYTES):
            if address >> 16 != upper:
                upper = address >> 16
                lines.append(_hex_record(0, 4, upper.to_bytes(2, "big")))
            lines.append(_hex_record(address & 0xFFFF, 0, data))
    lines.append(_hex_record(0, 1, b""))
    return "".join(f"{line}\n" for line in lines).encode()


def to_bin(parts: Sequence[Segment]) -> bytes:
    """The bytes from the first to the last address; gaps are filled with FFh, as erased flash.

    Raises:
        BuildError: The parts lie too far from each other, as in memories of different kinds.
    """
    image = bytearray()
    for part in parts:
        gap = part.address - parts[0].address - len(image)
        if gap > _BIN_GAP_BYTES:
            raise BuildError(
                f"The image has parts at {parts[0].address:#010x} and {part.address:#010x}, too far for one file.",
                hint="Use the format hex or elf.",
            )
        image += b"\xff" * gap + part.data
    return bytes(image)


def to_uf2(parts: Sequence[Segment], family: int) -> bytes:
    """USB Flashing Format (github.com/microsoft/uf2): blocks of 256 bytes at multiples of 256, filled with zeros.

    Args:
        parts: What is loaded.
        family: Number of the family of microcontrollers; boot loaders refuse those of others.
    """
    pages: dict[int, bytearray] = {}
    for part in parts:
        for address, data in _pieces(part, _UF2_PAYLOAD_BYTES):
            base = address - address % _UF2_PAYLOAD_BYTES
            page = pages.setdefault(base, bytearray(_UF2_PAYLOAD_BYTES))
            page[address - base : address - base + len(data)] = data
    start, second, end = _UF2_MAGIC
    return b"".join(
        _UF2_BLOCK.pack(
            start, second, _UF2_FAMILY_PRESENT, base, _UF2_PAYLOAD_BYTES, number, len(pages), family, bytes(page), end
        )
        for number, (base, page) in enumerate(sorted(pages.items()))
    )


FORMATS: Mapping[str, Callable[[Sequence[Segment]], bytes]] = {"hex": to_hex, "bin": to_bin}
"""Formats that need nothing but the image; ``elf`` is the image itself, ``uf2`` needs the family."""


def write_format(elf: Path, name: str, *, family: int | None = None) -> Path:
    """Write an image file beside the ELF file and return its path.

    Args:
        elf: The linked firmware.
        name: ``"elf"``, ``"hex"``, ``"bin"`` or ``"uf2"``.
        family: For ``uf2``.

    Raises:
        BuildError: The ELF file cannot be read, or the board has no UF2 boot loader.
    """
    if name == "elf":
        return elf
    parts = segments(elf)
    if name == "uf2":
        if family is None:
            raise BuildError(
                "The board has no boot loader that takes UF2 files.", hint="Use the format elf, hex or bin."
            )
        data = to_uf2(parts, family)
    else:
        data = FORMATS[name](parts)
    path = elf.with_suffix(f".{name}")
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)
    return path


def _pieces(part: Segment, size: int) -> Iterator[tuple[int, bytes]]:
    """Cut at multiples of ``size``."""
    address = part.address
    while address < part.end:
        end = min(address - address % size + size, part.end)
        yield address, part.data[address - part.address : end - part.address]
        address = end


def _hex_record(address: int, kind: int, data: bytes) -> str:
    body = bytes([len(data), address >> 8, address & 0xFF, kind]) + data
    return f":{body.hex()}{-sum(body) & 0xFF:02x}".upper()
