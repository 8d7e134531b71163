"""Cortex-M0: the timings of Arm's Technical Reference Manual (DDI 0432, section 3.3), with the fast multiplier."""

from __future__ import annotations

from slimse_mcu.cores import COMMON_LIMITS, Run
from slimse_mcu.cores.kinds import kind, written_list
from slimse_mcu.disassembly import Instruction

BASIS = "Arm's Cortex-M0 Technical Reference Manual (DDI 0432): cycles per instruction, one-cycle multiplier."
LIMITS = f"{COMMON_LIMITS} A core with the small multiplier takes 32 cycles per multiplication."

_TAKEN = {"b": 2, "bl": 3, "bx": 2, "blx": 2, "pop": 3}


def once(run: Run) -> int:
    """Cycles of one execution of a block that goes on behind its end."""
    return sum(_own(one) for one in run.instructions)


def branches(run: Run) -> int:
    """Cycles beyond those, of all its taken branches together."""
    return run.taken * _TAKEN.get(run.instructions[-1].mnemonic, 2)


def _own(instruction: Instruction) -> int:
    what = kind(instruction)
    if what in ("load", "store"):
        return 2
    if what.endswith("multiple"):
        return 1 + written_list(instruction)
    return 4 if what == "system" else 1
