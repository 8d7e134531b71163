"""Cortex-M7: two instructions a cycle, as LLVM's scheduling model (ARMScheduleM7.td) describes it."""

from __future__ import annotations

import re

from slimse_mcu.cores import COMMON_LIMITS, Run
from slimse_mcu.cores.in_order import Demand, block_cycles
from slimse_mcu.cores.kinds import kind, shifts_operand, written_list
from slimse_mcu.disassembly import Instruction

BASIS = (
    "LLVM's scheduling model (ARMScheduleM7.td): in order, two instructions a cycle; per cycle at most two loads, or "
    "one load and one store, one multiplication, one shift, one parallel operation and that one first; addresses and "
    "shifted operands are needed a cycle early; words are loaded in one cycle, bytes and half-words in two; "
    "multiplications take two, accumulators are needed a cycle late."
)
LIMITS = (
    f"{COMMON_LIMITS} Code runs from tightly coupled memory or hits the cache. A conditional branch is predicted to go "
    "the way that it goes more often; the other way costs 6 cycles, and so does a branch to an address in a register "
    "that is no return. A division takes 7 cycles."
)

_MISPREDICTED = 6
_ALONE = re.compile(r"load double|store double|.*multiple|divide|system")
_FIRST_ONLY = ("parallel", "extend", "saturate", "bit field")


def once(run: Run) -> int:
    """Cycles of one execution of a block that goes on behind its end; of a repeating block, of a further round."""
    return block_cycles(run.instructions, _demand, _pairs, repeats=run.repeats)


def branches(run: Run) -> int:
    """Cycles beyond those, of all its branches that were predicted wrongly."""
    if run.instructions[-1].mnemonic in ("blx", "tbb", "tbh"):
        return run.taken * _MISPREDICTED
    return min(run.taken, run.count - run.taken) * _MISPREDICTED


def _pairs(first: Instruction, second: Instruction) -> bool:
    one, other = kind(first), kind(second)
    if _ALONE.fullmatch(one) or _ALONE.fullmatch(other) or other in _FIRST_ONLY:
        return False
    if first.writes & (second.reads | second.writes):
        return False
    return _unit(first) != _unit(second) or _unit(first) in ("alu", "load")


def _unit(instruction: Instruction) -> str:
    """What two instructions of the same cycle cannot both use; there are two units for plain arithmetic and loads."""
    what = kind(instruction)
    if what in ("load", "float load"):
        return "load"
    if what in ("store", "float store"):
        return "store"
    if what.startswith("multiply"):
        return "multiply"
    if what in ("branch", "float"):
        return what
    if what in _FIRST_ONLY or shifts_operand(instruction):
        return "shift"
    return "alu"


def _demand(instruction: Instruction) -> Demand:
    what = kind(instruction)
    address = instruction.address_registers
    if what in ("load", "float load"):
        narrow = instruction.mnemonic.startswith(("ldrb", "ldrh", "ldrs"))
        return Demand(latency=2 if narrow else 1, base_latency=0, early=address, early_by=1)
    if what in ("store", "float store"):
        data = instruction.reads - address
        return Demand(base_latency=0, early=address, early_by=1, late=data, late_by=1)
    if what in ("load double", "store double"):
        return Demand(latency=2, base_latency=0, early=address, early_by=1)
    if what.endswith("multiple"):
        pairs_of_words = -(-written_list(instruction) // 2)
        return Demand(issue=pairs_of_words, latency=pairs_of_words + 1)
    if what == "divide":
        return Demand(issue=7, latency=7)
    if what == "system":
        return Demand(issue=3, latency=3)
    if what.startswith("multiply"):
        accumulator = instruction.registers[3] if len(instruction.operands) == 4 else frozenset()
        return Demand(latency=2, late=accumulator, late_by=1)
    if what == "float":
        return _float(instruction)
    if what == "saturate":
        return Demand(latency=2, early=instruction.reads, early_by=1)
    if shifts_operand(instruction) and instruction.mnemonic.rstrip("s") not in ("lsl", "lsr", "asr", "ror"):
        return Demand(early=instruction.registers[-2] if len(instruction.registers) > 1 else frozenset(), early_by=1)
    return Demand()


def _float(instruction: Instruction) -> Demand:
    name = instruction.mnemonic
    if name.startswith(("vdiv", "vsqrt")):
        return Demand(latency=16)
    if name.startswith(("vmla", "vmls", "vfma", "vfms", "vnml", "vfnm")):
        return Demand(latency=6, late=instruction.registers[0], late_by=3)
    return Demand(latency=3)
