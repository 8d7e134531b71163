"""Counts by call path: exact on programs whose counts are known, with calls, tail calls, loops and interrupts."""

from __future__ import annotations

import itertools
import shutil

import pytest
from conftest import needs_arm, needs_qemu

from slimse_mcu import cores
from slimse_mcu.board import board
from slimse_mcu.cost import Cost, CostModel, functions, subtree, totals
from slimse_mcu.disassembly import disassemble
from slimse_mcu.errors import BoardError, BuildError
from slimse_mcu.harness import call_trace, cycles
from slimse_mcu.harness.call_trace import Block, Node, Window

pytestmark = [needs_arm, needs_qemu, pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")]

BOARDS = ("virtual-m0plus", "virtual-m4", "virtual-m33", "virtual-m55")
#: Loops of 3 instructions a round; ``twice`` calls one and leaves to another; ``far`` lies across a page of QEMU's.
PROGRAM = """
#include <stdint.h>

__attribute__((naked, noinline)) void rounds(uint32_t n)
{
    __asm volatile(".syntax unified\\n 1: nop\\n subs r0, #1\\n bne 1b\\n bx lr");
}

__attribute__((naked, noinline)) void leave(uint32_t n)
{
    __asm volatile(".syntax unified\\n movs r0, #7\\n .type label_inside, %function\\n label_inside: ldr r3, =rounds\\n"
                   " bx r3\\n .ltorg");
}

__attribute__((naked, noinline)) void twice(uint32_t n)
{
    __asm volatile(".syntax unified\\n push {r4, lr}\\n bl rounds\\n movs r0, #2\\n bl rounds\\n bl leave\\n"
                   " pop {r4, pc}");
}

__attribute__((naked, noinline, aligned(1024))) void far(uint32_t n)
{
    __asm volatile(".syntax unified\\n push {r4, lr}\\n b 1f\\n .space 1016\\n 1: nop\\n bl rounds\\n pop {r4, pc}");
}

int main(int argc, char **argv)
{
    (void)argv;
    for (uint32_t i = 1; i <= 3; i++) {
        twice(10u * i + (uint32_t)argc);
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """``programs(board name)``: the program, linked once."""
    linked = {}

    def get(name: str):
        if name not in linked:
            folder = tmp_path_factory.mktemp(name)
            (folder / "main.c").write_text(PROGRAM)
            linked[name] = cycles.link(board(name), [folder / "main.c"], folder)
        return linked[name]

    return get


def rounds(n: int) -> int:
    """Instructions of ``rounds(n)``."""
    return 3 * n + 1


@pytest.mark.parametrize("name", BOARDS)
def test_counts_are_exact(name, programs):
    tables = cycles.costs(board(name), programs(name), root="twice")
    assert len(tables) == 3
    for index, table in enumerate(tables, 1):
        costs = {one.name: one for one in table}
        assert costs["twice"].own.instructions == 6
        assert costs["leave"].own.instructions == 3
        # A tail call belongs to whom it left from.
        assert costs["leave"].total.instructions == 3 + rounds(7)
        assert costs["rounds"].calls == 2
        assert costs["rounds"].total.instructions == rounds(10 * index) + rounds(2)
        assert costs["rounds"].own.instructions == rounds(10 * index) + rounds(2) + rounds(7)
        assert costs["twice"].total.instructions == 9 + rounds(10 * index) + rounds(2) + rounds(7)
        assert costs["twice"].total.cycles > costs["twice"].own.cycles > 0


def test_without_a_root_all_is_counted(programs):
    (table,) = cycles.costs(board("virtual-m4"), programs("virtual-m4"))
    costs = {one.name: one for one in table}
    assert costs["twice"].calls == 3
    assert costs["twice"].own.instructions == 3 * 6
    assert costs["main"].total.instructions > costs["twice"].total.instructions
    assert costs["hal_reset"].total.instructions > costs["main"].total.instructions
    text = cycles.table(table)
    assert text.splitlines()[0].startswith("function")
    assert len(text.splitlines()) == 1 + len(table)


def test_a_block_at_the_end_of_a_page_is_counted_right(programs, tmp_path):
    """QEMU looks at the instruction behind the page and tells a size that includes it."""
    (tmp_path / "main.c").write_text(PROGRAM.replace("twice(10u * i + (uint32_t)argc)", "far(4)"))
    elf = cycles.link(board("virtual-m4"), [tmp_path / "main.c"], tmp_path)
    tables = cycles.costs(board("virtual-m4"), elf, root="far")
    assert len(tables) == 3
    for table in tables:
        assert {one.name: one.own.instructions for one in table} == {"far": 5, "rounds": rounds(4)}


def test_errors(programs, tmp_path):
    target = board("virtual-m4")
    with pytest.raises(BoardError, match="no function nowhere"):
        cycles.costs(target, programs("virtual-m4"), root="nowhere")
    with pytest.raises(BoardError, match="no virtual board"):
        cycles.costs(board("host"), programs("virtual-m4"))
    (tmp_path / "main.c").write_text("int main(int argc, char **argv) { for (;;) { } }")
    endless = cycles.link(target, [tmp_path / "main.c"], tmp_path, ["-Wno-unused-parameter"])
    with pytest.raises(BoardError, match="did not end"):
        cycles.costs(target, endless, timeout_s=1.0)
    (tmp_path / "main.c").write_text("int main(int argc, char **argv) { return nothing; }")
    with pytest.raises(BuildError, match="nothing"):
        cycles.link(target, [tmp_path / "main.c"], tmp_path)
    with pytest.raises(BoardError, match="no counts"):
        call_trace.read(tmp_path / "missing")


def test_windows_that_were_not_completed_are_left_out(tmp_path):
    text = "window\nn 0 0 0 100 1\nb 0 100 104 3 1\nend\nwindow\nn 0 0 0 100 1\n"
    (tmp_path / "counts").write_text(text)
    (window,) = call_trace.read(tmp_path / "counts")
    assert window == Window((Node(0, 0, 0x100, 1),), (Block(0, 0x100, 0x104, 3, 1),))


def test_subtree_and_totals():
    nodes = (Node(0, 0, 1, 1), Node(0, 4, 2, 1), Node(0, 8, 3, 2), Node(1, 6, 3, 5))
    blocks = (Block(0, 1, 2, 1, 0), Block(1, 2, 3, 1, 0), Block(3, 3, 4, 1, 0), Block(2, 3, 4, 1, 0))
    window = Window(nodes, blocks)
    own = [Cost(1, 10), Cost(2, 20), Cost(4, 40), Cost(8, 80)]
    assert totals(window, own) == [Cost(15, 150), Cost(10, 100), Cost(4, 40), Cost(8, 80)]
    below = subtree(window, 1)
    assert below.nodes == (Node(0, 4, 2, 1), Node(0, 6, 3, 5))
    assert below.blocks == (Block(0, 2, 3, 1, 0), Block(1, 3, 4, 1, 0))


def test_functions_without_a_size_end_where_the_next_begins(programs):
    elf = programs("virtual-m0plus")
    code = functions(elf)
    assert all(one.start < one.end for one in code)
    assert all(one.end <= other.start or one.end == other.end for one, other in itertools.pairwise(code))


def test_cost_without_a_model_of_the_core(programs):
    model = CostModel(disassemble(programs("virtual-m4")), None)
    start = next(one.start for one in functions(programs("virtual-m4")) if one.name == "rounds")
    assert model.cost(Block(0, start, start + 6, 5, 4)) == Cost(15, 0)
    assert cores.core("host") is None
