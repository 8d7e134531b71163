"""Where kernels under test run: this computer, or an emulated board with the kernels of its search order.

A test lays memory out in a ``Frame`` and calls functions with addresses; what a call writes is in the same arrays
afterwards.  On a board, tensors of int8 lie at any address, as in a model.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from native import WARNINGS
from numpy.typing import NDArray

from kernels.board_calls import BoardCalls, build_caller
from slimse_mcu import assets
from slimse_mcu.board import Board, boards
from slimse_mcu.graph import Node
from slimse_mcu.kernels import PORTABLE, SOURCE_SUFFIXES, adapt
from slimse_mcu.ops import operators
from slimse_mcu.ops.op import Constant, KernelCall
from slimse_mcu.runtime import TARGET_HEADER, kernel_files

_CTYPES = {
    "uint8_t": ctypes.c_uint8,
    "int8_t": ctypes.c_int8,
    "uint16_t": ctypes.c_uint16,
    "int16_t": ctypes.c_int16,
    "uint32_t": ctypes.c_uint32,
    "int32_t": ctypes.c_int32,
    "uint64_t": ctypes.c_uint64,
}


def optimised_boards() -> dict[str, Board]:
    """A virtual board for each search order that has kernels of its own, by its first folder."""
    found = {}
    for one in boards():
        if one.name.startswith("virtual-") and one.kernels[0] != PORTABLE and functions_of(one.kernels[:1]):
            found.setdefault(one.kernels[0], one)
    return found


def functions_of(kernels: Sequence[str]) -> set[str]:
    """All names of sources in folders of the firmware."""
    paths = (path for folder in kernels for path in (assets.root() / "firmware" / folder).glob("*"))
    return {path.stem for path in paths if path.suffix in SOURCE_SUFFIXES}


@cache
def _structures(kernels: tuple[str, ...]) -> dict[str, str]:
    """Bodies of all C structures of the runtime by name."""
    files = kernel_files(sorted(functions_of(kernels)), kernels)
    headers = [text for name, text in files.items() if name.endswith(".h") and TARGET_HEADER not in name]
    text = re.sub(r"/\*.*?\*/", "", "".join([assets.read_text("firmware/slimse.h"), *headers]), flags=re.DOTALL)
    return {name: body for body, name in re.findall(r"typedef struct \{([^}]*)\} (\w+);", text)}


@cache
def structure(name: str, kernels: tuple[str, ...], pointer: Any) -> type[ctypes.Structure]:
    """The C structure of that name."""
    fields: list[tuple[str, Any]] = []
    for ctype, star, field in re.findall(r"(?:const )?(\w+) (\*?)(\w+);", _structures(kernels)[name]):
        fields.append((field, pointer if star else _CTYPES.get(ctype) or structure(ctype, kernels, pointer)))
    return type(name, (ctypes.Structure,), {"_fields_": fields})


class Frame(ABC):
    """Memory of one call, and the call."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    @abstractmethod
    def pointer(self, array: NDArray[Any], *, aligned: bool = True) -> int:
        """Address of an array, which sees what calls write; not ``aligned``: any address will do."""

    @abstractmethod
    def address(self, values: ctypes.Structure) -> int:
        """Address of a structure."""

    @abstractmethod
    def call(self, function: str, arguments: Sequence[int | None]) -> int:
        """What a function returns, as 32 bits."""

    def tensor(self, array: NDArray[Any]) -> int:
        """Address of a tensor."""
        return self.pointer(array, aligned=array.itemsize > 1)

    def structure(self, name: str) -> Any:
        """A C structure."""
        return structure(name, self.machine.kernels, self.machine.pointer)()

    def constants(self, call: KernelCall) -> int:
        """Address of a call's constant structure."""
        values = self.structure(call.struct)
        for path, value in call.fields.items():
            part, _, key = path.rpartition(".")
            target = getattr(values, part) if part else values
            if isinstance(value, Constant):
                dtype = np.dtype(value.ctype.removesuffix("_t"))
                array = np.ascontiguousarray(value.values, dtype=dtype)
                np.testing.assert_array_equal(array, value.values, err_msg=f"{key} does not fit its C type")
                setattr(target, key, self.pointer(array))
            else:
                setattr(target, key, int(value))
                assert getattr(target, key) == int(value), f"{key} does not fit its C type"
        return self.address(values)

    def gate(
        self, is_open: NDArray[np.bool_] | None, forced: NDArray[np.uint8] | None = None, *, group: int = 0
    ) -> Any:
        """A gate with its open channels, which come in groups; None for None."""
        if is_open is None:
            return None
        values = self.structure("slimse_gate_t")
        room = np.zeros(len(is_open), np.uint16)
        indices = np.flatnonzero(is_open).astype(np.uint16)
        room[: len(indices)] = indices
        bits = np.packbits(is_open, bitorder="little")
        values.group = group
        values.open_count, values.open, values.bits = len(indices), self.pointer(room), self.pointer(bits)
        values.forced = 0 if forced is None else self.pointer(forced)
        values.lists = room, bits
        return values


class Machine(ABC):
    """Somewhere that kernels run."""

    kernels: tuple[str, ...]
    #: How structures hold an address.
    pointer: Any

    @abstractmethod
    def frame(self) -> Frame:
        """Fresh memory."""

    def calls(self, node: Node, parameters: dict[str, Any]) -> tuple[KernelCall, ...]:
        """The calls of the kernels that run here."""
        return tuple(adapt(call, node, self.kernels) for call in operators()[node.op].calls(node, parameters))


class HostFrame(Frame):
    """Arrays where NumPy has them."""

    def __init__(self, machine: Host) -> None:
        super().__init__(machine)
        self._library = machine.library
        self._kept: list[Any] = []

    def pointer(self, array: NDArray[Any], *, aligned: bool = True) -> int:
        self._kept.append(array)
        return int(array.ctypes.data)

    def address(self, values: ctypes.Structure) -> int:
        self._kept.append(values)
        return ctypes.addressof(values)

    def call(self, function: str, arguments: Sequence[int | None]) -> int:
        entry = getattr(self._library, function)
        entry.restype = ctypes.c_uint32
        return int(entry(*(ctypes.c_uint64(0 if one is None else one) for one in arguments)))


class Host(Machine):
    """The portable kernels here; undefined behaviour and reads out of bounds of constants end the process."""

    kernels = (PORTABLE,)
    pointer = ctypes.c_void_p

    def __init__(self, folder: Path) -> None:
        target = folder / "kernels.so"
        firmware = assets.path("firmware")
        sources = [str(path) for path in sorted((firmware / PORTABLE).glob("*.c"))]
        includes = [f"-I{firmware}", f"-I{firmware}/kernels", f"-I{firmware}/dsp"]
        options = ["-O2", "-fPIC", "-shared", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
        subprocess.run(["gcc", *WARNINGS, *options, *includes, *sources, "-o", str(target)], check=True)
        self.library = ctypes.CDLL(str(target))

    def frame(self) -> Frame:
        return HostFrame(self)


class BoardFrame(Frame):
    """Arrays copied to the board before a call and back after it."""

    def __init__(self, machine: Emulated) -> None:
        super().__init__(machine)
        self._calls = machine.board_calls
        self._arrays: list[tuple[int, NDArray[Any]]] = []
        self._structures: list[tuple[int, ctypes.Structure]] = []
        self._end = self._calls.base
        self._skew = 0

    def _place(self, size: int, skew: int) -> int:
        # A gap on both sides, and never the alignment that the next one happens to have.
        address = -(-(self._end + 8) // 8) * 8 + skew
        self._end = address + size
        return address

    def pointer(self, array: NDArray[Any], *, aligned: bool = True) -> int:
        if not aligned:
            self._skew = self._skew % 7 + 1
        address = self._place(array.nbytes, 0 if aligned else self._skew)
        self._arrays.append((address, array))
        return address

    def address(self, values: ctypes.Structure) -> int:
        address = self._place(ctypes.sizeof(values), 0)
        self._structures.append((address, values))
        return address

    def call(self, function: str, arguments: Sequence[int | None]) -> int:
        base = self._calls.base
        memory = bytearray(b"\xa5" * (self._end + 16 - base))
        for address, data in self._contents():
            memory[address - base : address - base + len(data)] = data
        words = [0 if one is None else one for one in arguments]
        after, (answer,) = self._calls.run(bytes(memory), [(self._calls.function(function), words)])
        self._take_back(after)
        self.machine.instructions = answer.instructions
        return answer.result

    def _contents(self) -> list[tuple[int, bytes]]:
        arrays = [(address, array.tobytes()) for address, array in self._arrays]
        return arrays + [(address, bytes(values)) for address, values in self._structures]

    def _take_back(self, after: bytes) -> None:
        """Read everything back, and check that what lies between was not written."""
        base = self._calls.base
        between = np.frombuffer(after, np.uint8).copy()
        for address, array in self._arrays:
            start = address - base
            data = np.frombuffer(after[start : start + array.nbytes], array.dtype).reshape(array.shape)
            if array.flags.writeable:
                array[...] = data
            else:
                np.testing.assert_array_equal(array, data, err_msg="wrote to a constant")
            between[start : start + array.nbytes] = 0xA5
        for address, values in self._structures:
            start, size = address - base, ctypes.sizeof(values)
            ctypes.memmove(ctypes.addressof(values), after[start : start + size], size)
            between[start : start + size] = 0xA5
        assert np.all(between == 0xA5), "wrote outside of its memory"


class Emulated(Machine):
    """The kernels of a board's search order on the emulated board."""

    pointer = ctypes.c_uint32

    def __init__(self, board: Board, folder: Path) -> None:
        self.kernels = board.kernels
        #: What the last call took.
        self.instructions = 0
        files = kernel_files(sorted(functions_of(board.kernels)), board.kernels)
        (folder / "kernels").mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        sources = [folder / name for name in sorted(files) if Path(name).suffix in SOURCE_SUFFIXES]
        firmware = assets.path("firmware")
        elf = build_caller(board, folder, sources, [folder / "kernels", firmware, firmware / "dsp"])
        self.board_calls = BoardCalls(board, elf)

    def frame(self) -> Frame:
        return BoardFrame(self)

    def close(self) -> None:
        self.board_calls.close()
