"""A scoreboard: instructions issue in order, one or two a cycle, when their operands and units are free."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from slimse_mcu.disassembly import Instruction


@dataclass(frozen=True, slots=True)
class Demand:
    """What an instruction takes.

    Attributes:
        issue: Cycles until the next instruction can issue; 0: it takes no time of its own.
        units: Unit -> cycles that it is busy.
        latency: Cycles until its result can be used.
        base_latency: Cycles until an address register that it moves on can be used.
        early: Registers that it needs ``early_by`` cycles sooner than the others, such as those of an address.
        early_by: See there.
        late: Registers that it needs ``late_by`` cycles later, such as an accumulator.
        late_by: See there.
    """

    issue: int = 1
    units: Mapping[str, int] | None = None
    latency: int = 1
    base_latency: int = 1
    early: frozenset[str] = frozenset()
    early_by: int = 0
    late: frozenset[str] = frozenset()
    late_by: int = 0


Pairs = Callable[[Instruction, Instruction], bool]
"""Whether the second instruction can issue in the same cycle as the first."""


def block_cycles(
    instructions: Sequence[Instruction],
    demand: Callable[[Instruction], Demand],
    pairs: Pairs,
    *,
    repeats: bool,
) -> int:
    """Cycles of one execution of a block; of one that repeats itself, those of a further round."""
    once = _time(instructions, demand, pairs)
    return _time([*instructions, *instructions], demand, pairs) - once if repeats else once


def _time(instructions: Sequence[Instruction], demand: Callable[[Instruction], Demand], pairs: Pairs) -> int:
    ready: dict[str, int] = {}
    busy: dict[str, int] = {}
    now = 0  # the next cycle in which an instruction can issue
    first: Instruction | None = None  # the instruction that issued last, if a second one may join it
    first_at = -1
    for instruction in instructions:
        needs = demand(instruction)
        earliest = _earliest(instruction, needs, ready, busy)
        if first is not None and needs.issue == 1 and earliest <= first_at and pairs(first, instruction):
            at, first = first_at, None
        else:
            at = max(now, earliest)
            first, first_at = (instruction, at) if needs.issue == 1 else (None, -1)
            now = at + needs.issue
        for unit, cycles in (needs.units or {}).items():
            busy[unit] = at + cycles
        for register in instruction.writes:
            moved = register in instruction.address_registers
            ready[register] = at + (needs.base_latency if moved else needs.latency)
    return now


def _earliest(instruction: Instruction, needs: Demand, ready: Mapping[str, int], busy: Mapping[str, int]) -> int:
    earliest = 0
    for register in instruction.reads & ready.keys():
        shift = needs.early_by if register in needs.early else -needs.late_by if register in needs.late else 0
        earliest = max(earliest, ready[register] + shift)
    return max([earliest, *(busy.get(unit, 0) for unit in needs.units or {})])
