/*
 * slimse_paired_columns.S - see slimse_paired_columns.h.
 */
    .syntax unified
    .thumb

#include "slimse_paired_blocks.h"

/* One quad of columns of four rows: weights in r4-r7, inputs in \x0, \x1, sums in r0-r3. */
.macro MULTIPLY x0, x1
    smlad   r0, r4, \x0, r0
    smlad   r1, r5, \x0, r1
    smlad   r2, r6, \x0, r2
    smlad   r3, r7, \x0, r3
    sxtb16  r4, r4
    sxtb16  r5, r5
    sxtb16  r6, r6
    sxtb16  r7, r7
    smlad   r0, r4, \x1, r0
    smlad   r1, r5, \x1, r1
    smlad   r2, r6, \x1, r2
    smlad   r3, r7, \x1, r3
.endm

    .section .text.slimse_paired_columns_blocks, "ax", %progbits
    .balign 4
    .global slimse_paired_columns_blocks
    .type slimse_paired_columns_blocks, %function
    .thumb_func
slimse_paired_columns_blocks:
    ENTER_BLOCKS columns, 5
columns_next:
    ldr     r4, [sp, #S_ROWS]
    ldm     r4, {r0-r3}
    BLOCK_PRODUCTS columns
    ldrd    r10, r11, [sp, #S_ROWS]     /* and the output */
    add     lr, r10, #16
    ldm     lr!, {r4-r7}
    ldr     r9, [sp, #S_OFFSET]
    mov     r8, #1
    REQUANTIZE_FOUR
    ldr     r4, [sp, #S_END]
    str     r0, [r11], #4
    strd    lr, r11, [sp, #S_ROWS]
    cmp     lr, r4
    bne     columns_next
    add     sp, sp, #S_SIZE
    pop     {r4-r11, pc}
    .size slimse_paired_columns_blocks, . - slimse_paired_columns_blocks

    .section .text.slimse_paired_columns_signs, "ax", %progbits
    .balign 4
    .global slimse_paired_columns_signs
    .type slimse_paired_columns_signs, %function
    .thumb_func
slimse_paired_columns_signs:
    ENTER_BLOCKS signs, 4
signs_next:
    ldr     r4, [sp, #S_ROWS]
    ldm     r4!, {r0-r3}
    str     r4, [sp, #S_ROWS]
    BLOCK_PRODUCTS signs
    usat    r0, #1, r0                  /* 1 where positive */
    usat    r1, #1, r1
    usat    r2, #1, r2
    usat    r3, #1, r3
    ldrd    r6, r7, [sp, #S_ROWS]       /* and the output */
    orr     r0, r0, r1, lsl #1
    orr     r2, r2, r3, lsl #1
    orr     r0, r0, r2, lsl #2
    ldr     r4, [sp, #S_END]
    strb    r0, [r7], #1
    str     r7, [sp, #S_OUTPUT]
    cmp     r6, r4
    bne     signs_next
    add     sp, sp, #S_SIZE
    pop     {r4-r11, pc}
    .size slimse_paired_columns_signs, . - slimse_paired_columns_signs

/*
 * Listed rows: four at a time, of which each has a pointer to its words, 16 bytes apart.
 * r0-r3 sums, r4-r7 pointers, r8, r9 inputs, r10, r11 weights, r12 bytes of inputs left, lr inputs.
 */
.macro LISTED_QUAD at
    ldrd    r8, r9, [lr], #8
    ldr     r10, [r4, #\at]
    ldr     r11, [r5, #\at]
    smlad   r0, r10, r8, r0
    smlad   r1, r11, r8, r1
    sxtb16  r10, r10
    sxtb16  r11, r11
    smlad   r0, r10, r9, r0
    smlad   r1, r11, r9, r1
    ldr     r10, [r6, #\at]
    ldr     r11, [r7, #\at]
    smlad   r2, r10, r8, r2
    smlad   r3, r11, r8, r3
    sxtb16  r10, r10
    sxtb16  r11, r11
    smlad   r2, r10, r9, r2
    smlad   r3, r11, r9, r3
.endm

    .equ    L_VALUES, 0
    .equ    L_BYTES, 4      /* of inputs */
    .equ    L_WEIGHTS, 8
    .equ    L_ROWS, 12
    .equ    L_OUTPUT, 16
    .equ    L_OFFSET, 20
    .equ    L_LISTED, 24
    .equ    L_LEFT, 28      /* rows */
    .equ    L_ROW, 32       /* the four rows at work */
    .equ    L_SIZE, 48

/* Pointers of one row: \row -> r10 = its constants, \pointer = its words; r8 = first row's words, r9 = bytes of four. */
.macro LISTED_ROW row, pointer, sum
    and     r10, \row, #3
    bic     r11, \row, #3
    add     \pointer, r8, r10, lsl #2
    add     r10, r12, r10, lsl #2
    mla     \pointer, r11, r9, \pointer
    add     r10, r10, r11, lsl #3
    ldr     \sum, [r10]
    ldr     r11, [r10, #16]
    str     r11, [lr], #4
.endm

    .section .text.slimse_paired_columns_listed, "ax", %progbits
    .balign 4
    .global slimse_paired_columns_listed
    .type slimse_paired_columns_listed, %function
    .thumb_func
slimse_paired_columns_listed:
    push    {r4-r11, lr}
    sub     sp, sp, #(L_SIZE + 20)
    ldrd    r4, r5, [r0, #VALUES]
    ldrd    r6, r7, [r0, #WEIGHTS]
    ldrd    r8, r9, [r0, #OUTPUT]
    sub     r5, r5, r4
    strd    r4, r5, [sp, #L_VALUES]
    strd    r6, r7, [sp, #L_WEIGHTS]
    strd    r8, r9, [sp, #L_OUTPUT]
    strd    r1, r2, [sp, #L_LISTED]
listed_next:
    ldrd    r0, r1, [sp, #L_LISTED]     /* the list, rows left */
    subs    r1, r1, #4
    str     r1, [sp, #L_LEFT]
    blo     listed_few
    ldrh    r2, [r0, #2]                /* the last row stands for those that are missing */
    ldrh    r3, [r0, #4]
    ldrh    r4, [r0, #6]
    ldrh    r1, [r0], #8
    str     r0, [sp, #L_LISTED]
listed_go:
    str     r1, [sp, #L_ROW]
    str     r2, [sp, #(L_ROW + 4)]
    str     r3, [sp, #(L_ROW + 8)]
    str     r4, [sp, #(L_ROW + 12)]
    ldr     r9, [sp, #L_BYTES]
    ldrd    r8, r12, [sp, #L_WEIGHTS]   /* and the rows' constants */
    lsr     r9, r9, #1                  /* eight bytes of inputs, four of a row's weights per quad */
    add     lr, sp, #L_SIZE
    mov     r5, r2
    mov     r6, r3
    mov     r7, r4
    LISTED_ROW r1, r4, r0
    LISTED_ROW r5, r5, r1
    LISTED_ROW r6, r6, r2
    LISTED_ROW r7, r7, r3
    ldrd    lr, r12, [sp, #L_VALUES]
    tst     r12, #8
    beq     1f
    LISTED_QUAD 0
    add     r4, r4, #16
    add     r5, r5, #16
    add     r6, r6, #16
    add     r7, r7, #16
1:  subs    r12, r12, #16
    blo     3f
    tst     r12, #16
    bne     2f
    LISTED_QUAD 0
    LISTED_QUAD 16
    add     r4, r4, #32
    add     r5, r5, #32
    add     r6, r6, #32
    add     r7, r7, #32
    subs    r12, r12, #16
    blo     3f
2:  LISTED_QUAD 0
    LISTED_QUAD 16
    LISTED_QUAD 32
    LISTED_QUAD 48
    subs    r12, r12, #32
    add     r4, r4, #64
    add     r5, r5, #64
    add     r6, r6, #64
    add     r7, r7, #64
    bhs     2b
3:  add     r4, sp, #L_SIZE
    ldm     r4, {r4-r7}                 /* multipliers */
    ldrd    r12, r9, [sp, #L_OUTPUT]    /* and its offset */
    mov     r8, #1
    REQUANTIZE r0, r4
    REQUANTIZE r1, r5
    REQUANTIZE r2, r6
    REQUANTIZE r3, r7
    add     r4, sp, #L_ROW
    ldm     r4, {r4-r7}
    ldr     r8, [sp, #L_LEFT]
    strb    r0, [r12, r4]
    strb    r1, [r12, r5]
    strb    r2, [r12, r6]
    strb    r3, [r12, r7]
    cmp     r8, #0
    bgt     listed_next
    add     sp, sp, #(L_SIZE + 20)
    pop     {r4-r11, pc}
listed_few:
    adds    r1, r1, #3                  /* how many follow the first of them: 0, 1 or 2 */
    ldrh    r1, [r0]
    mov     r2, r1
    itt     ne
    ldrhne  r2, [r0, #2]
    movne   r3, r2
    it      eq
    moveq   r3, r1
    ldr     r4, [sp, #L_LEFT]
    cmn     r4, #1                      /* three rows */
    it      eq
    ldrheq  r3, [r0, #4]
    mov     r4, r3
    b       listed_go
    .size slimse_paired_columns_listed, . - slimse_paired_columns_listed
