"""Cortex-M33: no table of Arm's is public; the pipeline as LLVM describes that of its relative, without vectors."""

from __future__ import annotations

from slimse_mcu.cores import COMMON_LIMITS, Run
from slimse_mcu.cores.in_order import Demand, block_cycles
from slimse_mcu.cores.kinds import kind, shifts_operand, written_list
from slimse_mcu.disassembly import Instruction

BASIS = (
    "LLVM's description of the Cortex-M55, which it says schedules its scalar instructions like the Cortex-M33: in "
    "order; loads, multiplications and saturating arithmetic have results after two cycles. Branches and IT issue "
    "together with a 16-bit instruction before them."
)
LIMITS = (
    f"{COMMON_LIMITS} Arm publishes no timings of this core. A taken branch costs one cycle beyond its own, one more "
    "where the target stands in a register. A division takes 7 cycles. Pairs of other 16-bit instructions, which the "
    "core can issue together to an extent that is not public, are counted one by one."
)


def once(run: Run) -> int:
    """Cycles of one execution of a block that goes on behind its end; of a repeating block, of a further round."""
    return block_cycles(run.instructions, _demand, _pairs, repeats=run.repeats)


def branches(run: Run) -> int:
    """Cycles beyond those, of all its taken branches together."""
    return run.taken * (1 if run.target is not None else 2)


def _pairs(first: Instruction, second: Instruction) -> bool:
    return first.size == 2 and second.size == 2 and kind(second) in ("branch", "it", "nop")


def _demand(instruction: Instruction) -> Demand:
    what = kind(instruction)
    if what in ("load", "float load"):
        return Demand(latency=2)
    if what in ("load double", "store double"):
        return Demand(issue=2, latency=2)
    if what.endswith("multiple"):
        words = written_list(instruction)
        return Demand(issue=words, latency=words + 1)
    if what == "divide":
        return Demand(issue=7, latency=8)
    if what == "system":
        return Demand(issue=2)
    if what == "float":
        return _float(instruction)
    if what in ("multiply", "multiply high", "multiply long") and _accumulator(instruction):
        return Demand(latency=2, late=_accumulator(instruction), late_by=1)
    is_slow = what in ("multiply", "multiply high", "multiply long", "saturate", "bit field", "parallel")
    is_slow = is_slow or (shifts_operand(instruction) and instruction.size == 4)
    return Demand(latency=2 if is_slow else 1)


def _float(instruction: Instruction) -> Demand:
    name = instruction.mnemonic
    if name.startswith(("vdiv", "vsqrt")):
        return Demand(issue=14, latency=14)
    if name.startswith(("vmla", "vmls", "vfma", "vfms", "vnml", "vfnm")):
        return Demand(issue=3, latency=3)
    return Demand(latency=2 if name.startswith(("vadd", "vsub", "vmul", "vcvt", "vnmul")) else 1)


def _accumulator(instruction: Instruction) -> frozenset[str]:
    """The register that a multiplication adds to, which it needs a cycle after its factors."""
    return instruction.registers[3] if len(instruction.operands) == 4 else frozenset()
