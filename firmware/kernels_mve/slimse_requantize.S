/*
 * In assembly because gcc 12 sends what VLD2 loads through the stack and knows no loops with tail predication.
 *
 * Consecutive rows, eight at a time:
 *   r0 multipliers   r1 SLIMSE_BELOW_SHIFT   r2 rows left   r3 sums   r4 output   r5 what is added   r12 zero point
 *   lr blocks left
 */
#include "slimse_requantize.h"

    .syntax unified
    .thumb

.macro requantize_block rectify, shared
    vld20.32 {q2, q3}, [r3]
    vld21.32 {q2, q3}, [r3]!
.if \shared
    vadd.i32 q2, q2, r5
    vadd.i32 q3, q3, r5
.endif
    requantize_eight \rectify, r0, r1, r12
.endm

/* The rows that do not fill a block go through the same code once more, with as many stored. */
.macro requantize_all rectify, shared
    mvn r6, #0
    vmsr p0, r6
    lsr lr, r2, #3
    and r2, r2, #7
    wls lr, lr, 2f
1:  requantize_block \rectify, \shared
    vpst
    vstrbt.16 q0, [r4], #8
    le lr, 1b
2:  cbz r2, 3f
    vctp.16 r2
    movs r2, #0
    mov lr, #1
    b 1b
3:  vpop {d8-d11}
    pop {r4, r5, r6, pc}
.endm

/* Without care for rectified outputs where something is added: that is done behind columns, and few of those are. */
.macro requantize_function name, shared
    .section .text.\name, "ax", %progbits
    .balign 4
    .global \name
    .type \name, %function
    .thumb_func
\name:
    push {r4, r5, r6, lr}
    vpush {d8-d11}
    ldrd r4, r5, [sp, #32 + 16]
    ldrsh r12, [r0, #OUTPUT_OFFSET]
.if \shared == 0
    ldrb r6, [r0, #IS_RECTIFIED]
.endif
    ldr r0, [r0]
    add r0, r0, r1, lsl #2
    mov r1, #SLIMSE_BELOW_SHIFT
.if \shared == 0
    cmp r6, #0
    bne 4f
.endif
    requantize_all 0, \shared
.if \shared == 0
4:  requantize_all 1, \shared
.endif
    .size \name, . - \name
.endm

    requantize_function slimse_requantize_rows, 0
    requantize_function slimse_requantize_plus, 1

/*
 * ---- the same rows at many positions ----
 *   r5 bytes of sums that a last block reads too far   r6 positions left   r7 rows   r8 multipliers
 *   r10 the position's output   r11 output pitch
 */

.macro requantize_positions rectify
1:  mov r0, r8
    mov r4, r10
    lsr lr, r7, #3
    wls lr, lr, 3f
2:  requantize_block \rectify, 0
    vstrb.16 q0, [r4], #8
    le lr, 2b
3:  ands r2, r7, #7
    beq 4f
    requantize_block \rectify, 0
    sub r3, r3, r5
    vctp.16 r2
    vpst
    vstrbt.16 q0, [r4]
4:  add r10, r10, r11
    subs r6, #1
    bne 1b
    vpop {d8-d11}
    pop {r4-r8, r10, r11, pc}
.endm

    .section .text.slimse_requantize_positions, "ax", %progbits
    .balign 4
    .global slimse_requantize_positions
    .type slimse_requantize_positions, %function
    .thumb_func
slimse_requantize_positions:
    push {r4-r8, r10, r11, lr}
    vpush {d8-d11}
    mov r7, r1
    mov r6, r2
    ldrd r10, r11, [sp, #32 + 32]
    /* Four, where the last block has up to four rows. */
    add r5, r1, #3
    lsr r5, r5, #2
    and r5, r5, #1
    lsl r5, r5, #4
    ldrsh r12, [r0, #OUTPUT_OFFSET]
    ldrb r2, [r0, #IS_RECTIFIED]
    ldr r8, [r0]
    mov r1, #SLIMSE_BELOW_SHIFT
    cmp r2, #0
    bne 5f
    requantize_positions 0
5:  requantize_positions 1
    .size slimse_requantize_positions, . - slimse_requantize_positions

/* ---- listed rows, four at a time: r0 multipliers, r1 list, r3 sums, r4 output, r5 SLIMSE_BELOW_SHIFT, r12 zero ---- */

.macro requantize_listed rectify
    dlstp.32 lr, r2
1:  vldrh.u32 q0, [r1], #8
    vldrw.u32 q1, [r3], #16
    vrshr.s32 q3, q1, #SLIMSE_SUM_BITS
    vldrw.u32 q2, [r0, q0, uxtw #2]
    vmla.s32 q1, q3, r5
    vqrdmulh.s32 q1, q1, q2
.if \rectify == 0
    round_away q1, q2
.endif
    vrshl.s32 q1, q1, q3
    vadd.i32 q1, q1, r12
    vmin.s32 q1, q1, q4
    vmax.s32 q1, q1, q5
    vstrb.32 q1, [r4, q0]
    letp lr, 1b
    vpop {d8-d11}
    pop {r4, r5, r6, pc}
.endm

    .section .text.slimse_requantize_listed, "ax", %progbits
    .balign 4
    .global slimse_requantize_listed
    .type slimse_requantize_listed, %function
    .thumb_func
slimse_requantize_listed:
    push {r4, r5, r6, lr}
    vpush {d8-d11}
    ldr r4, [sp, #32 + 16]
    ldrsh r12, [r0, #OUTPUT_OFFSET]
    ldrb r6, [r0, #IS_RECTIFIED]
    vmov.i32 q4, #127
    vmvn.i32 q5, #127
    ldr r0, [r0]
    mov r5, #SLIMSE_BELOW_SHIFT
    cbnz r6, 4f
    requantize_listed 0
4:  requantize_listed 1
    .size slimse_requantize_listed, . - slimse_requantize_listed
