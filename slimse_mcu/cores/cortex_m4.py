"""Cortex-M4: the timings of Arm's Technical Reference Manual (DDI 0439, sections 3.3 and 7.2)."""

from __future__ import annotations

from slimse_mcu.cores import COMMON_LIMITS, Run, three_stages
from slimse_mcu.cores.three_stages import Timings

BASIS = (
    "Arm's Cortex-M4 Technical Reference Manual (DDI 0439): cycles per instruction, loads that follow one another "
    "overlap by a cycle, an address that was computed by the instruction before costs one, a float result that is used "
    "at once costs one, IT after a 16-bit instruction is free."
)
LIMITS = (
    f"{COMMON_LIMITS} A taken branch refills the pipeline in 1 to 3 cycles: 1 is assumed for a fixed target, 2 for one "
    "in a register or on the stack, and 1 more where the target is a 32-bit instruction that is not word-aligned. "
    "A division takes 2 to 12 cycles: 7."
)

_TIMINGS = Timings(multiply=1, multiply_accumulate=1, multiply_long=1, multiply_accumulate_long=1)


def once(run: Run) -> int:
    """Cycles of one execution of a block that goes on behind its end."""
    return three_stages.once(run, _TIMINGS)


def branches(run: Run) -> int:
    """Cycles beyond those, of all its taken branches together."""
    return three_stages.branches(run)
