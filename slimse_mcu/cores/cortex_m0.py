"""Cortex-M0: the timings of Arm's Technical Reference Manual (DDI 0432, section 3.3), with the fast multiplier."""

from __future__ import annotations

from slimse_mcu.cores import COMMON_LIMITS
from slimse_mcu.cores.small_core import SmallCore

BASIS = "Arm's Cortex-M0 Technical Reference Manual (DDI 0432): cycles per instruction, one-cycle multiplier."
LIMITS = f"{COMMON_LIMITS} A core with the small multiplier takes 32 cycles per multiplication."

_CORE = SmallCore({"b": 2, "bl": 3, "bx": 2, "blx": 2, "pop": 3}, taken_otherwise=2, system=4)
once = _CORE.once
branches = _CORE.branches
