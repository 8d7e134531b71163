"""Cortex-M3: the timings of Arm's Technical Reference Manual (DDI 0337, section 3.3)."""

from __future__ import annotations

from slimse_mcu.cores import COMMON_LIMITS, Run, three_stages
from slimse_mcu.cores.three_stages import Timings

BASIS = (
    "Arm's Cortex-M3 Technical Reference Manual (DDI 0337): cycles per instruction, loads that follow one another "
    "overlap by a cycle, an address that was computed by the instruction before costs one, IT after a 16-bit "
    "instruction is free."
)
LIMITS = (
    f"{COMMON_LIMITS} Long multiplications take 3 to 5 cycles (4 assumed), accumulating ones 4 to 7 (5), divisions "
    "2 to 12 (7). Taken branches as in the model of the Cortex-M4."
)

_TIMINGS = Timings(multiply=1, multiply_accumulate=2, multiply_long=4, multiply_accumulate_long=5)


def once(run: Run) -> int:
    """Cycles of one execution of a block that goes on behind its end."""
    return three_stages.once(run, _TIMINGS)


def branches(run: Run) -> int:
    """Cycles beyond those, of all its taken branches together."""
    return three_stages.branches(run)
