/*
 * slimse_paired_blocks.h - assembly only: blocks of four rows over all columns, eight columns per turn.
 *
 * Fourteen values live in the inner loop: four sums, four weights, four inputs and two pointers.  Compilers spill two
 * or three of them there, which costs a third of the speed.
 *
 * The includer defines the macro MULTIPLY x0, x1: one quad of columns, weights in r4-r7, sums in r0-r3.
 */
#ifndef SLIMSE_PAIRED_BLOCKS_H
#define SLIMSE_PAIRED_BLOCKS_H

/* Members of the job. */
    .equ    VALUES, 0
    .equ    VALUES_END, 4
    .equ    WEIGHTS, 8
    .equ    ROWS, 12
    .equ    OUTPUT, 16
    .equ    OFFSET, 20
    .equ    BLOCKS, 24

/* What lies on the stack. */
    .equ    S_ENTRY, 0      /* where a block begins: at the odd quad, or among the pairs of quads */
    .equ    S_PAIRS, 4      /* where its pairs begin */
    .equ    S_VALUES, 8
    .equ    S_VALUES_END, 12
    .equ    S_ROWS, 16
    .equ    S_OUTPUT, 20
    .equ    S_OFFSET, 24
    .equ    S_END, 28       /* behind the last row's constants */
    .equ    S_SIZE, 36      /* with what keeps the stack aligned below nine registers */

/* Two quads; lr: inputs, r12: weights. */
.macro TWO_QUADS
    ldm     lr!, {r8-r11}
    ldm     r12!, {r4-r7}
    MULTIPLY r8, r9
    ldm     r12!, {r4-r7}
    MULTIPLY r10, r11
.endm

/*
 * Where the products of r5 / 8 quads begin, r6 = the table of places: r9 = entry, r8 = where its pairs begin; r7 is used.
 */
.macro ENTRIES
    ubfx    r7, r5, #4, #2          /* pairs of quads beyond whole turns */
    ldr     r8, [r6, r7, lsl #2]
    tst     r5, #8
    ite     ne
    ldrne   r9, [r6, #16]
    moveq   r9, r8
    cmp     r5, #8                  /* one quad alone: no pair at all */
    it      eq
    ldreq   r8, [r6, #20]
.endm

/*
 * A function begins: r0 = job.  The number of quads decides where its unrolled loop over eight quads is entered.
 * shift: a block's constants take 1 << shift bytes.
 */
.macro ENTER_BLOCKS name, shift
    push    {r4-r11, lr}
    sub     sp, sp, #S_SIZE
    ldrd    r4, r5, [r0, #VALUES]
    ldrd    r12, r6, [r0, #WEIGHTS]
    ldrd    r7, r8, [r0, #OUTPUT]
    ldr     r9, [r0, #BLOCKS]
    strd    r4, r5, [sp, #S_VALUES]
    strd    r6, r7, [sp, #S_ROWS]
    add     r9, r6, r9, lsl #\shift
    strd    r8, r9, [sp, #S_OFFSET]
    sub     r5, r5, r4              /* eight bytes of inputs per quad */
    adr     r6, \name\()_entries
    ENTRIES
    strd    r9, r8, [sp, #S_ENTRY]
    b       \name\()_next
    .balign 4
\name\()_entries:
    .word   \name\()_first, \name\()_fourth, \name\()_third, \name\()_second, \name\()_odd, \name\()_end
.endm

/* The products of a block, added to the sums in r0-r3. */
.macro BLOCK_PRODUCTS name
    ldr     lr, [sp, #S_VALUES]
    ldr     pc, [sp, #S_ENTRY]
    .thumb_func
\name\()_odd:
    ldm     r12!, {r4-r7}
    ldrd    r8, r9, [lr], #8
    MULTIPLY r8, r9
    ldr     pc, [sp, #S_PAIRS]
    .thumb_func
\name\()_first:
    TWO_QUADS
    .thumb_func
\name\()_second:
    TWO_QUADS
    .thumb_func
\name\()_third:
    TWO_QUADS
    .thumb_func
\name\()_fourth:
    TWO_QUADS
    ldr     r4, [sp, #S_VALUES_END]
    cmp     lr, r4
    bne     \name\()_first
    .thumb_func
\name\()_end:
.endm

/* A finished sum (slimse_rows.h), with r8 = 1 and r9 = the output's offset, to an int8; r10 is used. */
.macro REQUANTIZE sum, multiplier
    lsl     r10, r8, \sum
    asr     \sum, \sum, #7
    smmulr  \sum, \sum, \multiplier
    add     \sum, \sum, \sum, asr #31
    smmlar  \sum, \sum, r10, r9
    ssat    \sum, #8, \sum
.endm

/* Four finished sums with the multipliers r4-r7 to four outputs in r0. */
.macro REQUANTIZE_FOUR
    REQUANTIZE r0, r4
    REQUANTIZE r1, r5
    REQUANTIZE r2, r6
    REQUANTIZE r3, r7
    bfi     r0, r1, #8, #8
    bfi     r0, r2, #16, #8
    bfi     r0, r3, #24, #8
.endm

#endif
