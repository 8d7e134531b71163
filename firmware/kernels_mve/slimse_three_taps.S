/*
 * In assembly because gcc 12 sends what VLD4 loads through the stack.
 *
 * Products of int8 are added in pairs as int16, which just holds two of them, then as int32.  Long multiplications part
 * even and odd channels, VLD4 deals the elements 4j + k of biases and multipliers to vector k, and narrowing in pairs brings
 * all back in order.
 *   r0 multipliers   r1 shifts   r3 output   r4 bias   r5 r6 r7 frames   r8 r9 r10 weights   r12 zero point   lr blocks left
 * Of listed channels also: r2 channels left   r11 list
 */
    .syntax unified
    .thumb

/* Fields of slimse_rescaling_t. */
    .set OUTPUT_OFFSET, 8
    .set ROUNDS, 12

.macro load_four first, second, third, fourth, from
    vld40.32 {\first, \second, \third, \fourth}, [\from]
    vld41.32 {\first, \second, \third, \fourth}, [\from]
    vld42.32 {\first, \second, \third, \fourth}, [\from]
    vld43.32 {\first, \second, \third, \fourth}, [\from]!
.endm

/* Ties go away from zero: a negative value is one less before it is rounded half up. */
.macro round_away value, spare
    vshr.s32 \spare, \value, #31
    vadd.i32 \value, \value, \spare
.endm

.macro three_taps rectify
1:  vldrb.u8 q4, [r5], #16
    vldrb.u8 q5, [r8], #16
    vmullb.s8 q0, q4, q5
    vldrb.u8 q6, [r6], #16
    vmullt.s8 q1, q4, q5
    vldrb.u8 q7, [r9], #16
    vmullb.s8 q2, q6, q7
    vldrb.u8 q4, [r7], #16
    vmullt.s8 q3, q6, q7
    vldrb.u8 q5, [r10], #16
    vadd.i16 q0, q0, q2
    vmullb.s8 q6, q4, q5
    vadd.i16 q1, q1, q3
    vmullt.s8 q7, q4, q5
    /* Even channels: q0 + q6 to vectors 0 and 2; odd ones: q1 + q7 to vectors 1 and 3. */
    vmovlt.s16 q2, q0
    vmovlt.s16 q4, q6
    vmovlt.s16 q3, q1
    vmovlt.s16 q5, q7
    vadd.i32 q2, q2, q4
    vadd.i32 q3, q3, q5
    vmovlb.s16 q0, q0
    vmovlb.s16 q6, q6
    vmovlb.s16 q1, q1
    vmovlb.s16 q7, q7
    vadd.i32 q0, q0, q6
    vadd.i32 q1, q1, q7
    load_four q4, q5, q6, q7, r4
    vadd.i32 q0, q0, q4
    vadd.i32 q1, q1, q5
    vadd.i32 q2, q2, q6
    vadd.i32 q3, q3, q7
    load_four q4, q5, q6, q7, r0
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
    vstrb.8 q0, [r3], #16
    le lr, 1b
    vpop {d8-d15}
    pop {r4-r10, pc}
.endm

    .section .text.slimse_three_taps_s8, "ax", %progbits
    .balign 4
    .global slimse_three_taps_s8
    .type slimse_three_taps_s8, %function
    .thumb_func
slimse_three_taps_s8:
    push {r4-r10, lr}
    vpush {d8-d15}
    ldm r1, {r5, r6, r7}
    mov r8, r2
    add r9, r8, r3
    add r10, r9, r3
    add r4, sp, #64 + 32
    ldm r4, {r4, lr}
    ldr r3, [sp, #64 + 32 + 8]
    lsr lr, lr, #4
    dls lr, lr
    ldrb r2, [r0, #ROUNDS]
    ldrsh r12, [r0, #OUTPUT_OFFSET]
    ldrd r0, r1, [r0]
    cmp r2, #1
    bhi 2f
    three_taps 0
2:  three_taps 1
    .size slimse_three_taps_s8, . - slimse_three_taps_s8

/* ---- listed channels, eight at a time: even ones of the list in one vector, odd ones in another ---- */

.macro three_taps_listed rectify
1:  vctp.16 r2
    vpst
    vldrht.u16 q0, [r11], #16
    vldrb.s16 q1, [r5, q0]
    vldrb.s16 q2, [r8, q0]
    vmul.i16 q1, q1, q2
    vldrb.s16 q2, [r6, q0]
    vldrb.s16 q3, [r9, q0]
    vmul.i16 q2, q2, q3
    vldrb.s16 q3, [r7, q0]
    vldrb.s16 q4, [r10, q0]
    vadd.i16 q1, q1, q2
    vmul.i16 q2, q3, q4
    vmovlb.u16 q3, q0
    vmovlt.u16 q4, q0
    vldrw.u32 q5, [r4, q3, uxtw #2]
    vldrw.u32 q6, [r4, q4, uxtw #2]
    vmovlb.s16 q7, q1
    vadd.i32 q5, q5, q7
    vmovlt.s16 q1, q1
    vadd.i32 q6, q6, q1
    vmovlb.s16 q7, q2
    vadd.i32 q5, q5, q7
    vmovlt.s16 q2, q2
    vadd.i32 q6, q6, q2
    vldrw.u32 q1, [r0, q3, uxtw #2]
    vqrdmulh.s32 q5, q5, q1
    vldrw.u32 q2, [r0, q4, uxtw #2]
    vqrdmulh.s32 q6, q6, q2
.if \rectify == 0
    round_away q5, q7
    round_away q6, q7
.endif
    vldrb.s32 q1, [r1, q3]
    vrshl.s32 q5, q5, q1
    vldrb.s32 q2, [r1, q4]
    vrshl.s32 q6, q6, q2
    vqmovnb.s32 q5, q5
    vqmovnt.s32 q5, q6
    vqadd.s16 q5, q5, r12
    subs r2, #8
    vqmovnb.s16 q5, q5
    vpst
    vstrbt.16 q5, [r3, q0]
    bhi 1b
    vpop {d8-d15}
    pop {r4-r11, pc}
.endm

    .section .text.slimse_three_taps_listed_s8, "ax", %progbits
    .balign 4
    .global slimse_three_taps_listed_s8
    .type slimse_three_taps_listed_s8, %function
    .thumb_func
slimse_three_taps_listed_s8:
    push {r4-r11, lr}
    vpush {d8-d15}
    ldm r1, {r5, r6, r7}
    mov r8, r2
    add r9, r8, r3
    add r10, r9, r3
    add r4, sp, #64 + 36
    ldm r4, {r4, r11}
    ldrd r2, r3, [sp, #64 + 36 + 8]
    ldrb lr, [r0, #ROUNDS]
    ldrsh r12, [r0, #OUTPUT_OFFSET]
    ldrd r0, r1, [r0]
    cmp lr, #1
    bhi 2f
    three_taps_listed 0
2:  three_taps_listed 1
    .size slimse_three_taps_listed_s8, . - slimse_three_taps_listed_s8
