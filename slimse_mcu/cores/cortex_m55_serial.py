"""Cortex-M55 as if vector instructions never overlapped: a bound for the model of ``cortex_m55``."""

from __future__ import annotations

from dataclasses import replace

from slimse_mcu.cores import Run, cortex_m55
from slimse_mcu.cores.in_order import Demand, block_cycles
from slimse_mcu.cores.kinds import is_vector
from slimse_mcu.disassembly import Instruction

BASIS = f"{cortex_m55.BASIS} Here every vector instruction takes its two cycles alone, as if none overlapped."
LIMITS = cortex_m55.LIMITS


def once(run: Run) -> int:
    """Cycles of one execution of a block that goes on behind its end; of a repeating block, of a further round."""
    return block_cycles(run.instructions, _demand, cortex_m55.pairs, repeats=run.repeats)


def branches(run: Run) -> int:
    """Cycles beyond those, of all its taken branches together."""
    return cortex_m55.branches(run)


def _demand(instruction: Instruction) -> Demand:
    needs = cortex_m55.demand(instruction)
    if not is_vector(instruction):
        return needs
    return replace(needs, issue=max([needs.issue, *(needs.units or {}).values()]))
