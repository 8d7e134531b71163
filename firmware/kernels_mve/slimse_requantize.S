/*
 * In assembly because gcc 12 sends what VLD4 loads through the stack and knows no loops with tail predication.
 *
 * Consecutive rows, sixteen at a time: VLD4 deals the elements 4j + k to vector k, and narrowing in pairs brings them back in order.
 *   r0 multipliers   r1 shifts   r2 rows left   r3 sums   r4 output   r5 what is added   r12 zero point   lr blocks left
 */
    .syntax unified
    .thumb

/* Fields of slimse_rescaling_t. */
    .set SHIFT, 4
    .set OUTPUT_OFFSET, 8
    .set OUTPUT_MIN, 10
    .set OUTPUT_MAX, 11
    .set ROUNDS, 12

.macro load_four type, first, second, third, fourth, from
    vld40.\type {\first, \second, \third, \fourth}, [\from]
    vld41.\type {\first, \second, \third, \fourth}, [\from]
    vld42.\type {\first, \second, \third, \fourth}, [\from]
    vld43.\type {\first, \second, \third, \fourth}, [\from]!
.endm

/* Ties go away from zero: a negative value is one less before it is rounded half up. */
.macro round_away value, spare
    vshr.s32 \spare, \value, #31
    vadd.i32 \value, \value, \spare
.endm

/* 16 results into q0. */
.macro requantize_block rectify, shared
    load_four 32, q0, q1, q2, q3, r3
.if \shared
    vadd.i32 q0, q0, r5
    vadd.i32 q1, q1, r5
    vadd.i32 q2, q2, r5
    vadd.i32 q3, q3, r5
.endif
    load_four 32, q4, q5, q6, q7, r0
    vqrdmulh.s32 q0, q0, q4
    vqrdmulh.s32 q1, q1, q5
    vldrw.u32 q4, [r1], #16
    vqrdmulh.s32 q2, q2, q6
    vqrdmulh.s32 q3, q3, q7
.if \rectify == 0
    round_away q0, q5
    round_away q1, q6
    round_away q2, q7
    round_away q3, q5
.endif
    /* A shift is the lowest byte of an element. */
    vrshl.s32 q0, q0, q4
    vshr.u32 q5, q4, #8
    vshr.u32 q6, q4, #16
    vrshl.s32 q1, q1, q5
    vshr.u32 q7, q4, #24
    vrshl.s32 q2, q2, q6
    vqmovnb.s32 q0, q0
    vrshl.s32 q3, q3, q7
    vqmovnb.s32 q1, q1
    vqmovnt.s32 q0, q2
    vqmovnt.s32 q1, q3
.if \rectify == 0
    vqadd.s16 q0, q0, r12
    vqadd.s16 q1, q1, r12
    vqmovnb.s16 q0, q0
    vqmovnt.s16 q0, q1
.else
    vqmovunb.s16 q0, q0
    vqmovunt.s16 q0, q1
    vadd.i8 q0, q0, r12
.endif
.endm

/* The rows that do not fill a block go through the same code once more, with as many stored. */
.macro requantize_all rectify, shared
    mvn r6, #0
    vmsr p0, r6
    lsr lr, r2, #4
    and r2, r2, #15
    wls lr, lr, 2f
1:  requantize_block \rectify, \shared
    vpst
    vstrbt.8 q0, [r4], #16
    le lr, 1b
2:  cbz r2, 3f
    vctp.8 r2
    movs r2, #0
    mov lr, #1
    b 1b
3:  vpop {d8-d15}
    pop {r4, r5, r6, pc}
.endm

.macro requantize_function name, any, shared
    .section .text.\name, "ax", %progbits
    .balign 4
    .global \name
    .type \name, %function
    .thumb_func
\name:
    ldrb r12, [r0, #ROUNDS]
    cmp r12, #1
    blo.w \any
    push {r4, r5, r6, lr}
    vpush {d8-d15}
    ldrd r4, r5, [sp, #64 + 16]
    ldrsh r12, [r0, #OUTPUT_OFFSET]
    ldrd r0, lr, [r0]
    add r0, r0, r1, lsl #2
    add r1, r1, lr
    bne 4f
    requantize_all 0, \shared
4:  requantize_all 1, \shared
    .size \name, . - \name
.endm

    requantize_function slimse_requantize_rows, slimse_requantize_any, 0
    requantize_function slimse_requantize_plus, slimse_requantize_plus_any, 1

/*
 * ---- the same rows at many positions ----
 *   r5 bytes of sums that a last block reads too far   r6 positions left   r7 rows   r8 multipliers   r9 shifts
 *   r10 the position's output   r11 output pitch
 */

.macro requantize_positions rectify
1:  mov r0, r8
    mov r1, r9
    mov r4, r10
    lsr lr, r7, #4
    wls lr, lr, 3f
2:  requantize_block \rectify, 0
    vstrb.8 q0, [r4], #16
    le lr, 2b
3:  ands r2, r7, #15
    beq 4f
    requantize_block \rectify, 0
    sub r3, r3, r5
    vctp.8 r2
    vpst
    vstrbt.8 q0, [r4]
4:  add r10, r10, r11
    subs r6, #1
    bne 1b
    vpop {d8-d15}
    pop {r4-r11, pc}
.endm

    .section .text.slimse_requantize_positions, "ax", %progbits
    .balign 4
    .global slimse_requantize_positions
    .type slimse_requantize_positions, %function
    .thumb_func
slimse_requantize_positions:
    ldrb r12, [r0, #ROUNDS]
    cmp r12, #1
    blo.w slimse_requantize_positions_any
    push {r4-r11, lr}
    vpush {d8-d15}
    mov r7, r1
    mov r6, r2
    ldrd r10, r11, [sp, #64 + 36]
    add r5, r1, #3
    lsr r5, r5, #2
    rsb r5, r5, #0
    and r5, r5, #3
    lsl r5, r5, #4
    ldrsh r12, [r0, #OUTPUT_OFFSET]
    ldrd r8, r9, [r0]
    bne 5f
    requantize_positions 0
5:  requantize_positions 1
    .size slimse_requantize_positions, . - slimse_requantize_positions

/* ---- listed rows, four at a time: r0 multipliers, r1 list, r3 sums, r4 output, r5 shifts, r12 zero point ---- */

.macro requantize_listed rectify
    dlstp.32 lr, r2
1:  vldrh.u32 q0, [r1], #8
    vldrw.u32 q1, [r3], #16
    vldrw.u32 q2, [r0, q0, uxtw #2]
    vqrdmulh.s32 q1, q1, q2
    vldrb.s32 q3, [r5, q0]
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
    ldrb r12, [r0, #ROUNDS]
    cmp r12, #1
    blo.w slimse_requantize_listed_any
    push {r4, r5, r6, lr}
    vpush {d8-d11}
    ldr r4, [sp, #32 + 16]
    ldrsh r12, [r0, #OUTPUT_OFFSET]
    ldrsb r5, [r0, #OUTPUT_MAX]
    vdup.32 q4, r5
    ldrsb r5, [r0, #OUTPUT_MIN]
    vdup.32 q5, r5
    ldrd r0, r5, [r0]
    bne 4f
    requantize_listed 0
4:  requantize_listed 1
    .size slimse_requantize_listed, . - slimse_requantize_listed
