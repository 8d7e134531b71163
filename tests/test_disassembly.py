"""Instructions as the disassembler writes them: names, conditions, registers, lists, targets."""

from __future__ import annotations

import pytest

from slimse_mcu.disassembly import Instruction, parse

#: Line of the disassembler, name, condition, registers written, registers read.
LINES = (
    ("   0:\t4d0f      \tldr\tr5, [pc, #60]\t@ (3c <f+0x3c>)", "ldr", "", "r5", "pc"),
    ("   0:\t18c7      \tadds\tr7, r0, r3", "adds", "", "r7", "r0 r3"),
    ("   0:\t4408      \tadd\tr0, r1", "add", "", "r0", "r0 r1"),
    ("   0:\tbfb8      \tit\tlt", "it", "", "", ""),
    ("   0:\t4603      \tmovlt\tr3, r0", "mov", "lt", "r3", "r0"),
    ("   0:\t4343      \tmuls\tr3, r0", "muls", "", "r3", "r0 r3"),
    ("   0:\t01db      \tlsls\tr3, r3, #7", "lsls", "", "r3", "r3"),
    ("   0:\tea43 0302 \torr.w\tr3, r3, r2", "orr", "", "r3", "r2 r3"),
    ("   0:\tf919 3b01 \tldrsb.w\tr3, [r9], #1", "ldrsb", "", "r3 r9", "r9"),
    ("   0:\tf827 0f02 \tstrh.w\tr0, [r7, #2]!", "strh", "", "r7", "r0 r7"),
    ("   0:\te9d3 4001 \tldrd\tr4, r0, [r3, #4]", "ldrd", "", "r0 r4", "r3"),
    ("   0:\te8b2 00f0 \tldmia.w\tr2!, {r4, r5, r6, r7}", "ldmia", "", "r2 r4 r5 r6 r7", "r2"),
    ("   0:\tbd70      \tpop\t{r4, r5, r6, pc}", "pop", "", "pc r4 r5 r6 sp", "sp"),
    ("   0:\tfbc4 c0a0 \tsmlal\tr12, r10, r4, r0", "smlal", "", "r10 r12", "r0 r10 r12 r4"),
    ("   0:\tfb22 1303 \tsmlad\tr3, r2, r3, r1", "smlad", "", "r3", "r1 r2 r3"),
    ("   0:\ted9f 4b31 \tvldr\td4, [pc, #196]\t@ 1c8 <f+0x10c>", "vldr", "", "d4", "pc"),
    ("   0:\teea7 0aa7 \tvfma.f32\ts0, s15, s15", "vfma.f32", "", "s0", "s0 s15"),
    ("   0:\ted2d 8b04 \tvpush\t{d8-d9}", "vpush", "", "sp", "d8 d9"),
    ("   0:\tecbc 7e10 \tvldrb.u8\tq3, [r12], #16", "vldrb.u8", "", "q3 r12", "r12"),
    ("   0:\tfc92 8f41 \tvldrw.u32\tq4, [r2, q0, uxtw #2]", "vldrw.u32", "", "q4", "q0 r2"),
    ("   0:\teef6 6f24 \tvmlava.s8\tr6, q3, q2", "vmlava.s8", "", "r6", "q2 q3 r6"),
    ("   0:\tfc92 1e01 \tvld40.8\t{q0, q1, q2, q3}, [r2]", "vld40.8", "", "q0 q1 q2 q3", "r2"),
)


def one(line: str) -> Instruction:
    (instruction,) = parse(line)
    return instruction


@pytest.mark.parametrize(("line", "name", "condition", "writes", "reads"), LINES)
def test_instruction(line, name, condition, writes, reads):
    instruction = one(line)
    assert (instruction.mnemonic, instruction.condition) == (name, condition)
    assert instruction.writes == frozenset(writes.split())
    assert instruction.reads == frozenset(reads.split())
    assert instruction.size == len(line.split("\t")[1].replace(" ", "")) // 2


def test_targets_are_those_of_direct_branches():
    assert one("  10:\td1fa      \tbne.n\t8 <f+0x8>").target == 8
    assert one("  10:\tf7ff fffe \tbl\t40 <g>").target == 0x40
    assert one("  10:\tf00f c807 \tle\tlr, 4 <f+0x4>").target == 4
    assert one("  10:\tb1f3      \tcbz\tr3, 52 <f+0x52>").target == 0x52
    assert one("  10:\t4770      \tbx\tlr").target is None
    assert one("  10:\t4b02      \tldr\tr3, [pc, #8]\t@ (1c <f+0x1c>)").target is None


def test_data_between_functions_is_no_code():
    text = "00000000 <f>:\n   0:\t4770      \tbx\tlr\n   2:\tbf00      \tnop\n   4:\t20002408 \t.word\t0x20002408\n"
    assert [instruction.mnemonic for instruction in parse(text)] == ["bx", "nop"]
