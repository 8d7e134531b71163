"""Timing of cores without pipeline effects between instructions (Armv6-M): each takes its own cycles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from slimse_mcu.cores import Run
from slimse_mcu.cores.kinds import kind, written_list
from slimse_mcu.disassembly import Instruction


@dataclass(frozen=True, slots=True)
class SmallCore:
    """What the cores of this kind differ in, all in cycles.

    Attributes:
        taken: What a taken branch costs beyond its own cycle, by mnemonic.
        taken_otherwise: The same for all other branches.
        system: A system instruction.
    """

    taken: Mapping[str, int]
    taken_otherwise: int
    system: int

    def once(self, run: Run) -> int:
        """Cycles of one execution of a block that goes on behind its end."""
        return sum(self._own(one) for one in run.instructions)

    def branches(self, run: Run) -> int:
        """Cycles beyond those, of all its taken branches together."""
        return run.taken * self.taken.get(run.instructions[-1].mnemonic, self.taken_otherwise)

    def _own(self, instruction: Instruction) -> int:
        what = kind(instruction)
        if what in ("load", "store"):
            return 2
        if what.endswith("multiple"):
            return 1 + written_list(instruction)
        return self.system if what == "system" else 1
