"""Modelled cycles: the examples of the manuals, and what each model says about short sequences."""

from __future__ import annotations

import pytest

from slimse_mcu import board, cores, disassembly


def run(text: str, *, count: int = 1, taken: int = 0, loop: bool = False) -> cores.Run:
    """A block from one instruction per line, ``name operands``, 16 bits wide or, with ``.w``, 32."""
    lines, address = [], 0
    for line in text.strip().split("\n"):
        name, _, operands = line.strip().partition(" ")
        wide = name.endswith(".w") or name.startswith(("v", "sml", "ldrd", "le"))
        lines.append(f"{address:4x}:\t{'0000 0000' if wide else '0000'} \t{name}\t{operands}")
        address += 4 if wide else 2
    code = list(disassembly.parse("\n".join(lines)))
    return cores.Run(code, count, taken, code[0] if loop else None)


def once(core: str, text: str, **kinds: bool) -> int:
    model = cores.core(core)
    assert model is not None
    return model.once(run(text, **kinds))


def test_every_core_of_a_board_of_qemu_has_a_model():
    for one in board.boards():
        if one.emulator == "qemu":
            model = cores.core(one.core)
            assert model is not None, one.core
            assert model.BASIS.endswith(".")
            assert cores.COMMON_LIMITS in model.LIMITS
    assert cores.core("cortex-a53") is None


@pytest.mark.parametrize(
    ("text", "cycles"),
    [
        # The manual's own examples of loads that overlap.
        ("ldr r0, [r1]\nldr r1, [r2]", 3),
        ("ldr r0, [r1, r2]\nstr r0, [r3, #20]", 3),
        ("ldr r0, [r1, r2]\nstr r1, [r3, r2]", 3),
        ("ldr r0, [r1, r5]\nldr r1, [r2]\nldr r2, [r3, #4]", 4),
        # A load whose address the load before yields does not overlap.
        ("ldr r0, [r1]\nldr r1, [r0]", 4),
        ("adds r0, r1, r2\nsubs r0, r0, #1", 2),
        # No forwarding from a data operation to an address.
        ("adds r0, r1, r2\nldr r3, [r0]", 4),
        ("ldmia.w r0!, {r4, r5, r6, r7}", 5),
        ("ldrd r4, r5, [r0]", 3),
        ("smlad r0, r1, r2, r3", 1),
        ("cmp r0, #0\nit lt\nmovlt r1, #0", 2),
        ("vmul.f32 s0, s1, s2\nvadd.f32 s3, s0, s4", 3),
        ("vmul.f32 s0, s1, s2\nvadd.f32 s3, s4, s5", 2),
        ("vfma.f32 s0, s1, s2", 3),
    ],
)
def test_cortex_m4(text, cycles):
    assert once("cortex-m4", text) == cycles


def test_taken_branches_of_cortex_m4():
    model = cores.core("cortex-m4")
    assert model.branches(run("subs r0, #1\nbne.n 0 <f>", count=10, taken=9, loop=True)) == 9
    assert model.branches(run("bx lr", count=3, taken=3)) == 6
    aligned, shifted = run("subs.w r0, r0, #1\nbne.n 0 <f>", taken=1, loop=True), run("nop\nsubs.w r0, r0, #1", taken=1)
    assert model.branches(aligned) == 1
    assert model.branches(cores.Run(shifted.instructions, 1, 1, shifted.instructions[1])) == 2


def test_cortex_m3_multiplies_slower():
    assert once("cortex-m3", "mla r0, r1, r2, r3") == 2
    assert once("cortex-m3", "smull r0, r1, r2, r3") == 4
    assert once("cortex-m4", "mla r0, r1, r2, r3") == once("cortex-m4", "smull r0, r1, r2, r3") == 1


def test_cortex_m0plus():
    assert once("cortex-m0plus", "ldr r0, [r1]\nmuls r0, r2\nstr r0, [r1]\npush {r4, r5, lr}") == 2 + 1 + 2 + 4


def test_vector_instructions_overlap_when_they_use_different_pipes():
    """The two sequences that LLVM's model of the Cortex-M55 draws."""
    assert once("cortex-m55", "vldrw.u32 q0, [r0]\nvadd.i32 q1, q0, q2\nvmul.i32 q3, q1, q2\nvstrw.32 q4, [r1]") == 4
    assert once("cortex-m55", "vldrw.u32 q0, [r0]\nvldrb.u8 q1, [r1]\nvadd.i32 q2, q0, q1\nvstrw.32 q3, [r2]") == 5


def test_a_loop_of_loads_and_products_is_bound_by_its_pipes():
    body = "vldrb.u8 q0, [r0], #16\nvldrb.u8 q1, [r1], #16\nvmlava.s8 r2, q0, q1\nle lr, 0 <f>"
    model = cores.core("cortex-m55")
    loop = run(body, count=100, taken=99, loop=True)
    assert model.once(loop) == 4  # two loads of two cycles each, the product beside them
    assert model.branches(loop) == 0


def test_without_overlap_every_vector_instruction_takes_its_two_cycles():
    text = (
        "vldrw.u32 q0, [r0]\nvadd.i32 q1, q0, q2\nvmul.i32 q3, q1, q2\nvstrw.32 q4, [r1]\nadds r0, #1\nadds r1, r2, r3"
    )
    assert once("cortex-m55-serial", text) == 4 * 2 + 1
    assert once("cortex-m55", text) == 4 + 1


def test_a_gather_takes_a_cycle_per_element():
    words = once("cortex-m55", "vldrw.u32 q0, [r0, q1]\nvadd.i32 q2, q0, q2")
    assert words == once("cortex-m55", "vldrw.u32 q0, [r0]\nvadd.i32 q2, q0, q2") + 3
    assert once("cortex-m55", "vldrb.u8 q0, [r0, q1]\nvadd.i8 q2, q0, q2") - words == 12


def test_results_of_loads_come_a_cycle_late_on_cortex_m33():
    assert once("cortex-m33", "ldr r0, [r1]\nadds r2, r0, #1") == 3
    assert once("cortex-m33", "ldr r0, [r1]\nadds r3, r4, #1\nadds r2, r0, #1") == 3
    assert once("cortex-m33", "smlad r0, r1, r2, r0\nsmlad r0, r3, r4, r0") == 2
    assert once("cortex-m33", "cmp r0, #1\nbne.n 40 <g>") == 1


def test_cortex_m7_issues_two_instructions_a_cycle():
    assert once("cortex-m7", "adds r0, r1, r2\nadds r3, r4, r5\nadds r6, r7, r1\nadds r2, r2, #1") == 2
    assert once("cortex-m7", "adds r0, r1, r2\nadds r3, r0, r5") == 2
    assert once("cortex-m7", "smlad r0, r1, r2, r0\nsmlad r3, r4, r5, r3") == 2
    assert once("cortex-m7", "ldr r0, [r1]\nsmlad r3, r4, r5, r3") == 1
    assert once("cortex-m7", "ldmia.w r0!, {r4, r5, r6, r7}") == 2


def test_a_branch_that_mostly_goes_one_way_is_predicted_on_cortex_m7():
    model = cores.core("cortex-m7")
    assert model.branches(run("subs r0, #1\nbne.n 0 <f>", count=100, taken=99, loop=True)) == 6
    assert model.branches(run("bx lr", count=100, taken=100)) == 0
