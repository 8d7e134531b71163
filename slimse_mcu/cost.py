"""What executed code costs: instructions, counted, and cycles, modelled."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from elftools.elf.elffile import ELFFile

from slimse_mcu.cores import Core, Run
from slimse_mcu.disassembly import Instruction
from slimse_mcu.harness.call_trace import Block, Window


@dataclass(frozen=True, slots=True)
class Cost:
    """Of some code, all its executions together.

    Attributes:
        instructions: Executed, exact.
        cycles: Modelled; 0 where there is no model of the core.
    """

    instructions: int = 0
    cycles: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.instructions + other.instructions, self.cycles + other.cycles)


@dataclass(frozen=True, slots=True)
class Function:
    """A function's code."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FunctionCost:
    """A function over all its calls.

    Attributes:
        name: Its name.
        calls: How often it was called.
        own: Its own instructions.
        total: With those of the functions that it called.
    """

    name: str
    calls: int
    own: Cost
    total: Cost


class CostModel:
    """Turns executed blocks into costs.

    Args:
        instructions: Of the image, by address.
        core: The model of its core; None: cycles are 0.
    """

    def __init__(self, instructions: Mapping[int, Instruction], core: Core | None) -> None:
        self._instructions = instructions
        self._core = core
        self._once: dict[tuple[int, int], tuple[list[Instruction], int]] = {}

    def cost(self, block: Block) -> Cost:
        """Cost of one block's executions."""
        code, once = self._execution(block)
        if not code:
            return Cost()
        cycles = once * block.count
        if self._core is not None and block.taken:
            cycles += self._core.branches(self._run(code, block))
        return Cost(len(code) * block.count, cycles)

    def nodes(self, window: Window) -> list[Cost]:
        """Cost of each call path's own code."""
        costs = [Cost()] * len(window.nodes)
        for block in window.blocks:
            costs[block.node] += self.cost(block)
        return costs

    def _execution(self, block: Block) -> tuple[list[Instruction], int]:
        """A block's instructions, and the cycles of one execution."""
        key = (block.start, block.end)
        if key not in self._once:
            code = list(self._between(*key))
            once = self._core.once(self._run(code, block)) if self._core is not None and code else 0
            self._once[key] = (code, once)
        return self._once[key]

    def _run(self, code: list[Instruction], block: Block) -> Run:
        target = code[-1].target
        return Run(code, block.count, block.taken, None if target is None else self._instructions.get(target))

    def _between(self, start: int, end: int) -> Iterator[Instruction]:
        while start < end and (one := self._instructions.get(start)) is not None:
            yield one
            start = one.end


def totals(window: Window, own: Iterable[Cost]) -> list[Cost]:
    """Cost of each call path with everything that it called."""
    costs = list(own)
    for index in range(len(costs) - 1, 0, -1):  # parents stand before their children
        costs[window.nodes[index].parent] += costs[index]
    return costs


def subtree(window: Window, index: int) -> Window:
    """A call path and everything below it, as a window of its own."""
    new = {index: 0}
    nodes = [replace(window.nodes[index], parent=0)]
    for old, node in enumerate(window.nodes):
        if old > index and node.parent in new:  # parents stand before their children
            new[old] = len(nodes)
            nodes.append(replace(node, parent=new[node.parent]))
    blocks = (replace(block, node=new[block.node]) for block in window.blocks if block.node in new)
    return Window(tuple(nodes), tuple(blocks))


def functions(elf: Path) -> list[Function]:
    """The functions of an image, by address.

    One that states no size ends where the next one begins; inside of another function it is a label.
    """
    found: dict[int, tuple[str, int]] = {}
    with elf.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        for symbol in table.iter_symbols() if table is not None else ():
            if symbol["st_info"]["type"] == "STT_FUNC":
                found[symbol["st_value"] & ~1] = (symbol.name, symbol["st_size"])
    starts, inside = [], 0
    for start in sorted(found):
        size = found[start][1]
        if size or start >= inside:
            starts.append(start)
            inside = max(inside, start + size)
    code = []
    for start, following in zip(starts, [*starts[1:], 1 << 32], strict=True):
        name, size = found[start]
        code.append(Function(name, start, start + size if size else following))
    return code


def function_costs(window: Window, model: CostModel, code: Iterable[Function]) -> list[FunctionCost]:
    """Costs by function, the costliest first.

    A function that was left by a tail call is charged for what it left to in ``total``, not in ``own``.
    """
    names = _Names(code)
    own: dict[str, Cost] = {}
    for block in window.blocks:
        name = names.at(block.start)
        own[name] = own.get(name, Cost()) + model.cost(block)
    total: dict[str, Cost] = {}
    calls: dict[str, int] = {}
    for node, cost in zip(window.nodes, totals(window, model.nodes(window)), strict=True):
        name = names.at(node.entry)
        calls[name] = calls.get(name, 0) + node.calls
        total[name] = total.get(name, Cost()) + cost
    costs = [FunctionCost(name, calls.get(name, 0), cost, total.get(name, cost)) for name, cost in own.items()]
    return sorted(costs, key=lambda one: -one.own.instructions)


class _Names:
    """Function names by address."""

    def __init__(self, code: Iterable[Function]) -> None:
        self._code = sorted(code, key=lambda one: one.start)
        self._starts = [one.start for one in self._code]

    def at(self, address: int) -> str:
        index = bisect_right(self._starts, address) - 1
        if index >= 0 and address < self._code[index].end:
            return self._code[index].name
        return f"0x{address:x}"
