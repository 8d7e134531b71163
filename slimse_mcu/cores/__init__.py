"""How many cycles instructions take: one module per core, named like it.

QEMU counts instructions exactly and knows no cycles.  A model here turns what was executed, block by block, into the
cycles that the core would take with memory that never makes it wait.  Each model says what it rests on and what it
leaves out; its numbers are estimates, to compare programs by, and never called measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from slimse_mcu.disassembly import Instruction

#: What no model knows.
COMMON_LIMITS = (
    "Memory answers at once: no flash wait states, caches or bus contention. Each basic block is timed for itself, so "
    "stalls and overlaps between blocks are missed, except in a block that repeats itself."
)


@dataclass(frozen=True, slots=True)
class Run:
    """A basic block and how often it ran.

    Attributes:
        instructions: At least one.
        count: How often.
        taken: How often it went on elsewhere than behind its end.
        target: The first instruction at the target of its branch, where that is fixed.
    """

    instructions: Sequence[Instruction]
    count: int
    taken: int
    target: Instruction | None

    @property
    def repeats(self) -> bool:
        """Whether its branch leads to its own beginning."""
        return self.target is not None and self.target.address == self.instructions[0].address


class Core(Protocol):
    """A model of a core: a module of this package."""

    BASIS: str
    """What the numbers rest on."""
    LIMITS: str
    """What is left out."""

    def once(self, run: Run) -> int:
        """Cycles of one execution of a block that goes on behind its end; of a repeating block, of a further round."""

    def branches(self, run: Run) -> int:
        """Cycles beyond those, of all its taken branches together."""


def core(name: str) -> Core | None:
    """The model of ``"cortex-m4"``, ...; None where there is none."""
    module = f"{__name__}.{name.replace('-', '_')}"
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        return None
