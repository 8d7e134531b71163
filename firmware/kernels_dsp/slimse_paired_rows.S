/*
 * slimse_paired_rows.S - see slimse_paired_rows.h.
 *
 * Sums: r0 = 256 row 0 + row 1, r1 = row 1, r2 = 256 row 2 + row 3, r3 = row 3.
 */
    .syntax unified
    .thumb

/* One quad of columns, which is two pairs: weights in r4, r5 of the first pair, r6, r7 of the second. */
.macro MULTIPLY x0, x1
    smlad   r0, r4, \x0, r0
    smlad   r2, r5, \x0, r2
    sxtb16  r4, r4
    sxtb16  r5, r5
    smlad   r0, r6, \x1, r0
    smlad   r2, r7, \x1, r2
    sxtb16  r6, r6
    sxtb16  r7, r7
    smlad   r1, r4, \x0, r1
    smlad   r3, r5, \x0, r3
    smlad   r1, r6, \x1, r1
    smlad   r3, r7, \x1, r3
.endm

#include "slimse_paired_blocks.h"

    .equ    BLOCK_BYTES, 28

/* r4 = constants of the block: the sums begin. */
.macro BEGIN_SUMS
    ldrd    r0, r2, [r4]
    movs    r1, #0
    movs    r3, #0
.endm

/* r10 = constants of the block: the sums of rows 0 to 3 in r0-r3, multipliers in r4-r7, lr = the next block's. */
.macro FINISH_SUMS
    ldrd    r8, r9, [r10, #8]
    sub     r0, r0, r1
    sub     r2, r2, r3
    add     r1, r8, r1, lsl #8
    add     r3, r9, r3, lsl #8
    add     lr, r10, #16
    ldm     lr!, {r4-r7}
.endm

    .section .text.slimse_paired_rows_blocks, "ax", %progbits
    .balign 4
    .global slimse_paired_rows_blocks
    .type slimse_paired_rows_blocks, %function
    .thumb_func
slimse_paired_rows_blocks:
    ENTER_BLOCKS rows, 5
rows_next:
    ldr     r4, [sp, #S_ROWS]
    BEGIN_SUMS
    BLOCK_PRODUCTS rows
    ldrd    r10, r11, [sp, #S_ROWS]     /* and the output */
    FINISH_SUMS
    ldr     r9, [sp, #S_OFFSET]
    mov     r8, #1
    REQUANTIZE_FOUR
    ldr     r4, [sp, #S_END]
    str     r0, [r11], #4
    strd    lr, r11, [sp, #S_ROWS]
    cmp     lr, r4
    bne     rows_next
    add     sp, sp, #S_SIZE
    pop     {r4-r11, pc}
    .size slimse_paired_rows_blocks, . - slimse_paired_rows_blocks

/*
 * A strip of positions: the blocks one after the other, each at all positions.
 */
    .equ    R_PAIRS, 0
    .equ    R_VALUES_END, 4
    .equ    R_RUN, 8            /* the run that comes next */
    .equ    R_LEFT, 12          /* positions */
    .equ    R_AT, 16            /* values of the position */
    .equ    R_TO, 20            /* its output */
    .equ    R_STRIP, 24         /* from here on the strip's members */
    .equ    R_VALUES, R_STRIP
    .equ    R_VALUE_PITCH, R_STRIP + 4
    .equ    R_POSITIONS, R_STRIP + 8
    .equ    R_WEIGHTS, R_STRIP + 12
    .equ    R_BLOCK_BYTES, R_STRIP + 16
    .equ    R_ROWS, R_STRIP + 20
    .equ    R_ROWS_END, R_STRIP + 24
    .equ    R_OUTPUT, R_STRIP + 28
    .equ    R_OUTPUT_PITCH, R_STRIP + 32
    .equ    R_OFFSET, R_STRIP + 36
    .equ    R_RUNS, R_STRIP + 40
    .equ    R_RUNS_END, R_STRIP + 44
    .equ    R_SIZE, R_STRIP + 52

    .section .text.slimse_paired_rows_strip, "ax", %progbits
    .balign 4
    .global slimse_paired_rows_strip
    .type slimse_paired_rows_strip, %function
    .thumb_func
slimse_paired_rows_strip:
    push    {r4-r11, lr}
    sub     sp, sp, #R_SIZE
    add     r1, sp, #R_STRIP
    ldm     r0!, {r4-r9}
    stm     r1!, {r4-r9}
    ldm     r0, {r4-r9}
    stm     r1, {r4-r9}
    ldrd    r1, r2, [sp, #R_RUNS]
    adr     r6, strip_entries
1:  ldrd    r4, r5, [r1, #8]
    sub     r5, r5, r4                  /* eight bytes of inputs per quad */
    ENTRIES
    strd    r9, r8, [r1], #20
    cmp     r1, r2
    bne     1b
    b       strip_block
    .balign 4
strip_entries:
    .word   strip_first, strip_fourth, strip_third, strip_second, strip_odd, strip_end
strip_block:
    ldr     r4, [sp, #R_VALUES]
    ldr     r5, [sp, #R_OUTPUT]
    ldr     r6, [sp, #R_POSITIONS]
    strd    r4, r5, [sp, #R_AT]
strip_position:
    str     r6, [sp, #R_LEFT]
    ldr     r4, [sp, #R_ROWS]
    BEGIN_SUMS
    ldr     r10, [sp, #R_RUNS]
strip_run:
    ldr     r11, [sp, #R_AT]
    ldr     r12, [sp, #R_WEIGHTS]
    ldm     r10!, {r5-r9}               /* entry, pairs, values, their end, weights */
    str     r10, [sp, #R_RUN]
    add     r8, r11, r8
    add     lr, r11, r7
    add     r12, r12, r9
    strd    r6, r8, [sp, #R_PAIRS]
    bx      r5
    .thumb_func
strip_odd:
    ldm     r12!, {r4-r7}
    ldrd    r8, r9, [lr], #8
    MULTIPLY r8, r9
    ldr     pc, [sp, #R_PAIRS]
    .thumb_func
strip_first:
    TWO_QUADS
    .thumb_func
strip_second:
    TWO_QUADS
    .thumb_func
strip_third:
    TWO_QUADS
    .thumb_func
strip_fourth:
    TWO_QUADS
    ldr     r4, [sp, #R_VALUES_END]
    cmp     lr, r4
    bne     strip_first
    .thumb_func
strip_end:
    ldr     r10, [sp, #R_RUN]
    ldr     r5, [sp, #R_RUNS_END]
    cmp     r10, r5
    bne     strip_run
    ldr     r10, [sp, #R_ROWS]
    FINISH_SUMS
    ldr     r9, [sp, #R_OFFSET]
    mov     r8, #1
    REQUANTIZE_FOUR
    ldrd    r6, r4, [sp, #R_LEFT]       /* and values */
    ldr     r5, [sp, #R_TO]
    ldr     r7, [sp, #R_VALUE_PITCH]
    ldr     r8, [sp, #R_OUTPUT_PITCH]
    str     r0, [r5]
    add     r4, r4, r7
    add     r5, r5, r8
    strd    r4, r5, [sp, #R_AT]
    subs    r6, r6, #1
    bne     strip_position
    ldrd    r4, r5, [sp, #R_WEIGHTS]    /* and bytes of a block */
    ldrd    r6, r7, [sp, #R_ROWS_END]   /* and the output */
    add     r4, r4, r5
    add     r7, r7, #4
    str     r4, [sp, #R_WEIGHTS]
    str     lr, [sp, #R_ROWS]
    str     r7, [sp, #R_OUTPUT]
    cmp     lr, r6
    bne     strip_block
    add     sp, sp, #R_SIZE
    pop     {r4-r11, pc}
    .size slimse_paired_rows_strip, . - slimse_paired_rows_strip

/*
 * Listed columns: r4, r5 the block's weights of rows 0, 1 and of rows 2, 3; lr the list, r12 its end.
 */
.macro BOTH offset, lanes
    ldr     r10, [r4, \offset]
    ldr     r11, [r5, \offset]
    smlad   r0, r10, \lanes, r0
    smlad   r2, r11, \lanes, r2
    sxtb16  r10, r10
    sxtb16  r11, r11
    smlad   r1, r10, \lanes, r1
    smlad   r3, r11, \lanes, r3
.endm

/* One column each of two pairs. */
.macro LOAD_SINGLES
    ldr     r9, [r4, r6]
    ldr     r10, [r4, r7]
    ldr     r6, [r5, r6]
    ldr     r7, [r5, r7]
.endm

.macro MULTIPLY_SINGLES
    smlad   r0, r9, r8, r0
    smlad   r2, r6, r8, r2
    sxtb16  r9, r9
    sxtb16  r6, r6
    smlad   r1, r9, r8, r1
    smlad   r3, r6, r8, r3
.endm

.macro LOWER
    ldm     lr!, {r6-r8}
    LOAD_SINGLES
    pkhbt   r9, r9, r10, lsl #16
    pkhbt   r6, r6, r7, lsl #16
    MULTIPLY_SINGLES
.endm

.macro UPPER
    ldmdb   lr!, {r6-r8}
    LOAD_SINGLES
    pkhtb   r9, r10, r9, asr #16
    pkhtb   r6, r7, r6, asr #16
    MULTIPLY_SINGLES
.endm

    .equ    L_WEIGHTS, 0
    .equ    L_BLOCK_BYTES, 4
    .equ    L_ROWS, 8
    .equ    L_OUTPUT, 12
    .equ    L_OFFSET, 16
    .equ    L_END, 20
    .equ    L_LISTS, 24
    .equ    L_SIZE, 28

    .section .text.slimse_paired_rows_listed, "ax", %progbits
    .balign 4
    .global slimse_paired_rows_listed
    .type slimse_paired_rows_listed, %function
    .thumb_func
slimse_paired_rows_listed:
    push    {r4-r11, lr}
    sub     sp, sp, #L_SIZE
    ldrd    r4, r6, [r0, #WEIGHTS]
    ldrd    r7, r8, [r0, #OUTPUT]
    ldrd    r9, r5, [r0, #BLOCKS]       /* and bytes of a block */
    add     r9, r6, r9, lsl #5
    strd    r4, r5, [sp, #L_WEIGHTS]
    strd    r6, r7, [sp, #L_ROWS]
    strd    r8, r9, [sp, #L_OFFSET]
    str     r1, [sp, #L_LISTS]
listed_next:
    ldr     r4, [sp, #L_ROWS]
    ldr     r11, [sp, #L_LISTS]
    BEGIN_SUMS
    ldrd    r4, r5, [sp, #L_WEIGHTS]
    ldrd    lr, r12, [r11]
    add     r5, r4, r5
    str     r5, [sp, #L_WEIGHTS]
    add     r5, r4, #4
    cmp     lr, r12
    beq     2f
1:  ldm     lr!, {r6-r9}
    BOTH    r6, r7
    BOTH    r8, r9
    cmp     lr, r12
    bne     1b
2:  ldr     r11, [sp, #L_LISTS]
    ldrd    lr, r12, [r11, #8]
    cmp     lr, r12
    beq     4f
3:  LOWER
    LOWER
    cmp     lr, r12
    bne     3b
4:  ldrd    lr, r12, [r11, #16]
    cmp     lr, r12
    beq     6f
5:  UPPER
    UPPER
    cmp     lr, r12
    bne     5b
6:  ldrd    r10, r11, [sp, #L_ROWS]
    FINISH_SUMS
    ldr     r9, [sp, #L_OFFSET]
    mov     r8, #1
    REQUANTIZE_FOUR
    ldr     r4, [sp, #L_END]
    str     r0, [r11], #4
    strd    lr, r11, [sp, #L_ROWS]
    cmp     lr, r4
    bne     listed_next
    add     sp, sp, #L_SIZE
    pop     {r4-r11, pc}
    .size slimse_paired_rows_listed, . - slimse_paired_rows_listed
