"""Cortex-M55 with Helium: the pipeline as Arm described it to LLVM's scheduler (ARMScheduleM55.td)."""

from __future__ import annotations

import re

from slimse_mcu.cores import COMMON_LIMITS, Run
from slimse_mcu.cores.in_order import Demand, block_cycles
from slimse_mcu.cores.kinds import is_vector, kind, shifts_operand, written_list
from slimse_mcu.disassembly import Instruction

BASIS = (
    "Arm's description of the core in LLVM's scheduling model (ARMScheduleM55.td): in order; a vector instruction "
    "keeps one of the pipes load/store, integer and multiply/float busy for two cycles, and the next one overlaps by a "
    "cycle if it uses another pipe; scalar loads, shifts and multiplications have results after two cycles; some pairs "
    "of 16-bit instructions issue together."
)
LIMITS = (
    f"{COMMON_LIMITS} A gather or scatter takes a cycle per element. A taken branch costs two cycles beyond its own, "
    "the end of a low-overhead loop none. A division takes 7 cycles."
)

_TAKEN = 2
_INTEGER_2 = re.compile(r"v(?:rshr|q?rshl|qshl|adc|sbc|(?:max|min)a?v)")
_NARROW = re.compile(r"v(?:q?movu?n|q?r?shru?n)")
_MULTIPLY = re.compile(
    r"v(?:r?mul|q?r?d?mul|q?r?d?ml[as]|ml[as]|rml[as]|nml|addl?v|cmul|cmla|fm[as]|cvt|rint|cmp|pt|maxnm|minnm)"
)
_FAST_MULTIPLY = re.compile(r"v(?:cmp|pt|add|sub|abs|abd|neg|max|min)")
_DUAL = frozenset({"nop", "it"})
_DUAL_NAMES = re.compile(r"(?:adds?|subs?|movs?|[us]xt[bh])")


def once(run: Run) -> int:
    """Cycles of one execution of a block that goes on behind its end; of a repeating block, of a further round."""
    return block_cycles(run.instructions, demand, pairs, repeats=run.repeats)


def branches(run: Run) -> int:
    """Cycles beyond those, of all its taken branches together."""
    return 0 if run.instructions[-1].mnemonic.startswith("le") else run.taken * _TAKEN


def pairs(first: Instruction, second: Instruction) -> bool:
    """Two 16-bit instructions of which one is simple."""
    if first.size != 2 or second.size != 2 or first.writes & (second.reads | second.writes):
        return False
    return _joins(first) or _joins(second)


def _joins(instruction: Instruction) -> bool:
    what = kind(instruction)
    if what in _DUAL or what == "branch":
        return True
    if _DUAL_NAMES.fullmatch(instruction.mnemonic) is None:
        return False
    return what == "extend" or instruction.mnemonic.startswith("mov") or "#" in instruction.operands[-1]


def demand(instruction: Instruction) -> Demand:
    """What an instruction takes."""
    if is_vector(instruction):
        return _vector(instruction)
    what = kind(instruction)
    if what in ("load", "store"):
        return Demand(units={"memory": 1}, latency=2)
    if what in ("load double", "store double"):
        return Demand(issue=2, units={"memory": 2}, latency=2)
    if what.endswith("multiple"):
        words = written_list(instruction)
        return Demand(issue=words, units={"memory": words}, latency=words + 1)
    if what == "loop":
        return Demand(issue=0) if instruction.mnemonic.startswith("le") else Demand()
    if what == "divide":
        return Demand(issue=7, latency=8)
    if what == "system":
        return Demand(issue=2)
    if what.startswith("float"):
        return _float(instruction, what)
    is_slow = what in ("multiply", "multiply high", "multiply long", "saturate", "bit field", "parallel")
    is_slow = is_slow or (shifts_operand(instruction) and instruction.size == 4)
    return Demand(latency=2 if is_slow else 1)


def _float(instruction: Instruction, what: str) -> Demand:
    if what in ("float load", "float store"):
        return Demand(units={"memory": 1}, latency=2)
    name = instruction.mnemonic
    if name.startswith(("vdiv", "vsqrt")):
        return Demand(units={"multiply": 14}, latency=16)
    if name.startswith(("vmla", "vmls", "vnmla", "vnmls")):
        return Demand(units={"multiply": 1}, latency=4)
    return Demand(units={"multiply": 1}, latency=2 if not name.startswith("vcmp") else 1)


def _vector(instruction: Instruction) -> Demand:
    name = instruction.mnemonic
    if name.startswith(("vld", "vst")):
        beats = _elements(instruction) if _is_gather(instruction) else 2
        return Demand(
            issue=max(1, beats - 1),
            units={"memory": beats},
            latency=beats - 1 if beats == 2 else beats,
            base_latency=1,
        )
    if name.startswith(("vctp", "vpst", "vpnot")):
        return Demand(latency=1)
    if name.startswith("vmov") and not all(one.startswith("q") for one in instruction.operands[:2]):
        return Demand(units={"multiply": 2}, latency=2 if "#" in instruction.operands[-1] else 1)
    if _MULTIPLY.match(name) or ".f" in name:
        return Demand(units={"multiply": 2}, latency=1 if _FAST_MULTIPLY.match(name) and "addv" not in name else 2)
    if _NARROW.match(name):
        return Demand(units={"integer": 2}, latency=3)
    return Demand(units={"integer": 2}, latency=2 if _INTEGER_2.match(name) else 1)


def _is_gather(instruction: Instruction) -> bool:
    return any(register.startswith("q") for register in instruction.address_registers)


def _elements(instruction: Instruction) -> int:
    """Elements that a gather or scatter moves, by the width of its lanes."""
    found = re.search(r"(\d+)$", instruction.mnemonic)
    return 128 // int(found.group(1)) if found else 16
