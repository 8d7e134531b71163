"""The pipeline that Cortex-M3 and Cortex-M4 share: one instruction at a time, a table of cycles, a few rules."""

from __future__ import annotations

from dataclasses import dataclass

from slimse_mcu.cores import Run
from slimse_mcu.cores.kinds import kind, written_list
from slimse_mcu.disassembly import Instruction

_DIVIDE = 7
_SINGLE_LOADS = ("load", "float load")
_MEMORY = (
    "load",
    "store",
    "load double",
    "store double",
    "load multiple",
    "store multiple",
    "float load",
    "float store",
)


@dataclass(frozen=True, slots=True)
class Timings:
    """Cycles in which the two cores differ."""

    multiply: int
    multiply_accumulate: int
    multiply_long: int
    multiply_accumulate_long: int


def once(run: Run, timings: Timings) -> int:
    """Cycles of one execution of a block that goes on behind its end."""
    total = 0
    before = run.instructions[-1] if run.repeats else None
    for instruction in run.instructions:
        total += _own(instruction, before, timings) + _stall(instruction, before)
        before = instruction
    return total


def branches(run: Run) -> int:
    """Cycles of all its taken branches beyond their own."""
    if run.target is None:
        return 2 * run.taken
    return run.taken * (2 if run.target.size == 4 and run.target.address % 4 else 1)


def _own(instruction: Instruction, before: Instruction | None, timings: Timings) -> int:
    """Cycles of an instruction, given the one before."""
    what = kind(instruction)
    if what in _SINGLE_LOADS:
        return 1 if _overlaps(instruction, before) else 2
    if what in ("store", "float store"):
        return 2 if _has_register_offset(instruction) and not _overlaps(instruction, before) else 1
    if what in ("load double", "store double"):
        return 3
    if what.endswith("multiple"):
        return 1 + written_list(instruction)
    if what == "it":
        return 0 if before is not None and before.size == 2 else 1
    if what in ("multiply", "multiply high"):
        return timings.multiply_accumulate if len(instruction.operands) == 4 else timings.multiply
    if what == "multiply long":
        accumulates = "mlal" in instruction.mnemonic or "smls" in instruction.mnemonic
        return timings.multiply_accumulate_long if accumulates else timings.multiply_long
    if what == "divide":
        return _DIVIDE
    if what == "float":
        return _float(instruction)
    if what == "system":
        return 2
    return 1


def _float(instruction: Instruction) -> int:
    name = instruction.mnemonic
    if name.startswith(("vdiv", "vsqrt")):
        return 14
    if name.startswith(("vmla", "vmls", "vfma", "vfms", "vnmla", "vnmls", "vfnma", "vfnms")):
        return 3
    return 1


def _overlaps(instruction: Instruction, before: Instruction | None) -> bool:
    """Whether the load before hides a cycle of this load or store."""
    return before is not None and kind(before) in _SINGLE_LOADS and not (before.writes & instruction.address_registers)


def _stall(instruction: Instruction, before: Instruction | None) -> int:
    """Cycles that an instruction waits for the result of the one before."""
    if before is None:
        return 0
    what, earlier = kind(instruction), kind(before)
    if what in _MEMORY and earlier not in _MEMORY and before.writes & instruction.address_registers:
        return 1
    if what.startswith("float") and earlier == "float" and _is_arithmetic(before) and before.writes & instruction.reads:
        return 1
    return 0


def _is_arithmetic(instruction: Instruction) -> bool:
    return not instruction.mnemonic.startswith(("vmov", "vabs", "vneg", "vcmp", "vmrs", "vmsr"))


def _has_register_offset(instruction: Instruction) -> bool:
    return len(instruction.address_registers) > 1
