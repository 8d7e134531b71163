/*
 * In assembly because gcc 12 sends what VLD2 loads through the stack.
 *
 * Eight channels at a time.  Products of int8 are added in pairs as int16, which just holds two of them, then as int32:
 * even channels in one vector, odd ones in another, as VLD2 parts biases.
 *   r0 r1 r2 weights   r3 output   r4 bias   r5 r6 r7 frames   r8 multipliers   r9 SLIMSE_BELOW_SHIFT   r12 zero point
 *   lr blocks left
 */
#include "slimse_requantize.h"

    .syntax unified
    .thumb

.macro three_taps rectify
1:  vldrb.s16 q0, [r5], #8
    vldrb.s16 q1, [r0], #8
    vmul.i16 q0, q0, q1
    vldrb.s16 q2, [r6], #8
    vldrb.s16 q3, [r1], #8
    vmul.i16 q2, q2, q3
    vldrb.s16 q4, [r7], #8
    vldrb.s16 q5, [r2], #8
    vadd.i16 q0, q0, q2
    vmul.i16 q4, q4, q5
    vld20.32 {q2, q3}, [r4]
    vmovlb.s16 q6, q0
    vmovlt.s16 q7, q0
    vld21.32 {q2, q3}, [r4]!
    vadd.i32 q2, q2, q6
    vmovlb.s16 q6, q4
    vadd.i32 q3, q3, q7
    vmovlt.s16 q7, q4
    vadd.i32 q2, q2, q6
    vadd.i32 q3, q3, q7
    requantize_eight \rectify, r8, r9, r12
    vstrb.16 q0, [r3], #8
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
    add r4, sp, #64 + 32
    ldm r4, {r4, lr}
    lsr lr, lr, #3
    dls lr, lr
    ldrb r10, [r0, #IS_RECTIFIED]
    ldrsh r12, [r0, #OUTPUT_OFFSET]
    ldr r8, [r0]
    mov r9, #SLIMSE_BELOW_SHIFT
    mov r0, r2
    add r1, r0, r3
    add r2, r1, r3
    ldr r3, [sp, #64 + 32 + 8]
    cmp r10, #0
    bne 2f
    three_taps 0
2:  three_taps 1
    .size slimse_three_taps_s8, . - slimse_three_taps_s8

/*
 * ---- listed channels, eight at a time: even ones of the list in one vector, odd ones in another ----
 *   r0 multipliers   r1 SLIMSE_BELOW_SHIFT   r2 channels left   r3 output   r4 bias   r5 r6 r7 frames   r8 r9 r10 weights
 *   r11 list   r12 zero point
 */

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
    vrshr.s32 q3, q5, #SLIMSE_SUM_BITS
    vmla.s32 q5, q3, r1
    vldrw.u32 q2, [r0, q4, uxtw #2]
    vrshr.s32 q4, q6, #SLIMSE_SUM_BITS
    vmla.s32 q6, q4, r1
    vqrdmulh.s32 q5, q5, q1
    vqrdmulh.s32 q6, q6, q2
.if \rectify == 0
    round_away q5, q7
    round_away q6, q7
.endif
    vrshl.s32 q5, q5, q3
    vrshl.s32 q6, q6, q4
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
    ldrb lr, [r0, #IS_RECTIFIED]
    ldrsh r12, [r0, #OUTPUT_OFFSET]
    ldr r0, [r0]
    mov r1, #SLIMSE_BELOW_SHIFT
    cmp lr, #0
    bne 2f
    three_taps_listed 0
2:  three_taps_listed 1
    .size slimse_three_taps_listed_s8, . - slimse_three_taps_listed_s8
