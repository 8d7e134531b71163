/*
 * In assembly for the reason of slimse_quads.S; the copies of four quads lie in the stack frame.
 */
    .syntax unified
    .thumb

    .set STEPS, 0
    .set COLUMNS, 4
    .set LIST, 8
    .set WEIGHTS, 12
    .set QUADS_LEFT, 16
    .set BIAS, 20
    .set SUMS_AT, 24
    .set INPUT, 28
    .set COPY, 32
    .set COPY_BYTES, 4 * 4 * 16 * 6
    .set FRAME, COPY + COPY_BYTES
    .set ARGUMENTS, FRAME + 64 + 36

.macro load_first
    vld40.8 {q0, q1, q2, q3}, [r1]
    vld41.8 {q0, q1, q2, q3}, [r1]
    vld42.8 {q0, q1, q2, q3}, [r1]
    vld43.8 {q0, q1, q2, q3}, [r1]!
.endm

/* Products of 16 columns of two quads, whose input is in q7. */
.macro step_pair
    vldrb.u8 q7, [r5], #16
    load_first
    vmladava.u8 r6, q3, q7
    vld40.8 {q3, q4, q5, q6}, [r3]
    vmladava.u8 r0, q0, q7
    vld41.8 {q3, q4, q5, q6}, [r3]
    vmladava.u8 r2, q1, q7
    vld42.8 {q3, q4, q5, q6}, [r3]
    vmladava.u8 r4, q2, q7
    vld43.8 {q3, q4, q5, q6}, [r3]!
    vmladava.u8 r8, q3, q7
    vmladava.u8 r10, q4, q7
    vmladava.u8 r12, q5, q7
    vmladava.u8 lr, q6, q7
.endm

/* The sums of two copied quads, the first at r1, the second at r3. */
.macro sum_pair
    ldr r9, [sp, #BIAS]
    ldm r9!, {r0, r2, r4, r6, r8, r10, r12, lr}
    str r9, [sp, #BIAS]
    ldr r5, [sp, #INPUT]
    ldr r7, [sp, #STEPS]
    cbz r7, 92f
91: step_pair
    subs r7, #1
    bne 91b
92: ldr r9, [sp, #SUMS_AT]
    stm r9!, {r0, r2, r4, r6, r8, r10, r12, lr}
    str r9, [sp, #SUMS_AT]
.endm

    .section .text.slimse_gather_quads_u8, "ax", %progbits
    .balign 4
    .global slimse_gather_quads_u8
    .type slimse_gather_quads_u8, %function
    .thumb_func
slimse_gather_quads_u8:
    push {r4-r11, lr}
    vpush {d8-d15}
    sub sp, #FRAME
    lsl r1, r1, #2
    strd r3, r1, [sp, #STEPS]
    strd r2, r0, [sp, #LIST]
    add r4, sp, #ARGUMENTS
    ldm r4, {r5, r6, r7, r8}        /* input, bias, quads, sums */
    str r5, [sp, #INPUT]
    strd r7, r6, [sp, #QUADS_LEFT]
    str r8, [sp, #SUMS_AT]

    /* Copy four quads; where fewer are left, the last one again. */
1:  ldrd lr, r9, [sp, #STEPS]
    ldrd r0, r1, [sp, #LIST]
    ldr r10, [sp, #QUADS_LEFT]
    cmp r10, #2
    ite hs
    addhs r2, r1, r9
    movlo r2, r1
    cmp r10, #3
    ite hs
    addhs r3, r2, r9
    movlo r3, r2
    cmp r10, #4
    ite hs
    addhs r8, r3, r9
    movlo r8, r3
    add r9, r9, r8
    str r9, [sp, #WEIGHTS]
    add r4, sp, #COPY
    add r5, r4, lr, lsl #6
    add r6, r5, lr, lsl #6
    add r7, r6, lr, lsl #6
    lsl lr, lr, #2
    wls lr, lr, 3f
2:  vldrh.u32 q0, [r0], #8
    vldrw.u32 q1, [r1, q0, uxtw #2]
    vstrw.32 q1, [r4], #16
    vldrw.u32 q2, [r2, q0, uxtw #2]
    vstrw.32 q2, [r5], #16
    vldrw.u32 q3, [r3, q0, uxtw #2]
    vstrw.32 q3, [r6], #16
    vldrw.u32 q4, [r8, q0, uxtw #2]
    vstrw.32 q4, [r7], #16
    le lr, 2b

3:  ldr r3, [sp, #STEPS]
    add r1, sp, #COPY
    add r3, r1, r3, lsl #6
    sum_pair
    ldr r7, [sp, #QUADS_LEFT]
    subs r7, #2
    bls 9f
    str r7, [sp, #QUADS_LEFT]
    ldr r7, [sp, #STEPS]
    mov r1, r3
    add r3, r3, r7, lsl #6
    sum_pair
    ldr r7, [sp, #QUADS_LEFT]
    subs r7, #2
    str r7, [sp, #QUADS_LEFT]
    bhi 1b

9:  add sp, #FRAME
    vpop {d8-d15}
    pop {r4-r11, pc}
    .size slimse_gather_quads_u8, . - slimse_gather_quads_u8
