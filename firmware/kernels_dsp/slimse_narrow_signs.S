/*
 * slimse_narrow_signs.S - see slimse_narrow_signs.h.
 *
 * The vector stays in r0-r5; a compiler loads it again for every row.
 */
    .syntax unified
    .thumb

.macro SIGN
    ldm     r11!, {r7-r10}
    smlad   r7, r8, r0, r7
    sxtb16  r8, r8
    smlad   r7, r9, r2, r7
    sxtb16  r9, r9
    smlad   r7, r10, r4, r7
    sxtb16  r10, r10
    smlad   r7, r8, r1, r7
    smlad   r7, r9, r3, r7
    smlad   r7, r10, r5, r7
    lsls    r7, r7, #1              /* the sign is carried */
    adc     r6, r6, r6
.endm

    .section .text.slimse_narrow_signs, "ax", %progbits
    .balign 4
    .global slimse_narrow_signs
    .type slimse_narrow_signs, %function
    .thumb_func
slimse_narrow_signs:
    push    {r4-r11, lr}
    mov     r11, r1
    mov     r12, r2
    mov     lr, r3
    ldm     r0, {r0-r5}
1:  SIGN
    SIGN
    SIGN
    SIGN
    SIGN
    SIGN
    SIGN
    SIGN
    strb    r6, [r12], #1
    cmp     r12, lr
    bne     1b
    pop     {r4-r11, pc}
    .size slimse_narrow_signs, . - slimse_narrow_signs
