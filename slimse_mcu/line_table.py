"""Which line of a source each address of an image comes from, by the compiler's debugging information."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile


class LineTable:
    """Lines of one source file.

    Args:
        elf: The image, built with debugging information.
        source: Name of the file as the compiler was given it, such as ``model.c``.
    """

    def __init__(self, elf: Path, source: str) -> None:
        with elf.open("rb") as stream:
            file = ELFFile(stream)
            found = sorted(_entries(file.get_dwarf_info(), source)) if file.has_dwarf_info() else []
        self._starts = [start for start, _ in found]
        self._lines = [line for _, line in found]

    def line(self, address: int) -> int:
        """The line that an instruction comes from; 0 where none is known."""
        index = bisect_right(self._starts, address) - 1
        return self._lines[index] if index >= 0 else 0


def _entries(dwarf: Any, source: str) -> Iterator[tuple[int, int]]:
    """Address and line where a line's code begins; line 0 where a run of addresses ends."""
    for unit in dwarf.iter_CUs():
        name = unit.get_top_DIE().attributes.get("DW_AT_name")
        if name is None or Path(name.value.decode(errors="replace")).name != source:
            continue
        program = dwarf.line_program_for_CU(unit)
        for entry in program.get_entries() if program is not None else ():
            state = entry.state
            if state is not None:
                yield state.address, 0 if state.end_sequence else state.line
