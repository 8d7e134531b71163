"""Constants of the front and back end as C text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CTable:
    """One constant array of the generated C.

    Attributes:
        name: C identifier.
        ctype: Element type.
        length: Elements.
        comment: Shape, unit, range.
        lines: Elements as C text, a few per line, no comma at the very end.
    """

    name: str
    ctype: str
    length: int
    comment: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CPart:
    """One stage of the path as it stands in the generated C.

    Attributes:
        header: Name of its header in ``firmware/dsp``, without ending.
        source: Name of its source.
        function: What is called; ``{}`` stands for the direction.
        ctype: Type of the structure that holds its constants.
        fields: Members of that structure: name and C value.
        tables: Arrays that they point to.
    """

    header: str
    source: str
    function: str
    ctype: str
    fields: Mapping[str, str]
    tables: tuple[CTable, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The structure's initializers."""
        return tuple(f".{name} = {value}," for name, value in self.fields.items())


def c_float(value: float | np.floating[Any]) -> str:
    """A float32 value as an exact C constant, for example ``0x1.8p-1f``."""
    text = float(np.float32(value)).hex()
    mantissa, power = text.split("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{power}f"


def table(name: str, ctype: str, values: NDArray[Any], comment: str) -> CTable:
    """An array of floats or integers."""
    items = [c_float(one) if values.dtype.kind == "f" else _integer(one) for one in values.reshape(-1)]
    return CTable(name, ctype, len(items), comment, _lines(items))


def complex_table(name: str, ctype: str, values: NDArray[Any], comment: str) -> CTable:
    """An array ``[..., 2]`` of structures with real and imaginary part."""
    pairs = values.reshape(-1, 2)
    items = [f"{{{', '.join(c_float(v) if values.dtype.kind == 'f' else str(int(v)) for v in one)}}}" for one in pairs]
    return CTable(name, ctype, len(items), comment, _lines(items))


def _integer(value: np.integer[Any]) -> str:
    return f"{int(value):#010x}u" if value.dtype == np.uint32 else str(int(value))


def _lines(items: Sequence[str], width: int = 96) -> tuple[str, ...]:
    lines = [""]
    for n, item in enumerate(items):
        text = item + ("," if n + 1 < len(items) else "")
        if lines[-1] and len(lines[-1]) + 1 + len(text) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {text}" if lines[-1] else text
    return tuple(lines)
