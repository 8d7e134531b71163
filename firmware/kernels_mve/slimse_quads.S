/*
 * In assembly because eight accumulators take every even register, the loop counter's lr included: a compiler spills.
 *
 * Registers of a pass over two quads:
 *   r0 r2 r4 r6  sums of the first quad's rows      r8 r10 r12 lr  of the second's
 *   r1 r3  weights of the two quads   r5  input   r7  steps left   r9  bias   r11  bytes of a quad
 */
    .syntax unified
    .thumb

/* Fields of the stack frame, and the arguments behind what was pushed. */
    .set INPUT, 0
    .set STEPS, 4
    .set TAIL, 8
    .set END, 12
    .set FRAME, 16
    .set QUADS, FRAME + 64 + 36
    .set SUMS, QUADS + 4

.macro load_first
    vld40.8 {q0, q1, q2, q3}, [r1]
    vld41.8 {q0, q1, q2, q3}, [r1]
    vld42.8 {q0, q1, q2, q3}, [r1]
    vld43.8 {q0, q1, q2, q3}, [r1]!
.endm

/* Products of 16 columns, whose input is in q7; loads and products alternate, because their units work side by side. */
.macro multiply_pair type
    vmladava.\type r6, q3, q7
    vld40.8 {q3, q4, q5, q6}, [r3]
    vmladava.\type r0, q0, q7
    vld41.8 {q3, q4, q5, q6}, [r3]
    vmladava.\type r2, q1, q7
    vld42.8 {q3, q4, q5, q6}, [r3]
    vmladava.\type r4, q2, q7
    vld43.8 {q3, q4, q5, q6}, [r3]!
    vmladava.\type r8, q3, q7
    vmladava.\type r10, q4, q7
    vmladava.\type r12, q5, q7
    vmladava.\type lr, q6, q7
.endm

.macro step_pair type
    vldrb.u8 q7, [r5], #16
    load_first
    multiply_pair \type
.endm

/* multiply_pair, between whose last products the next step's loads lie. */
.macro step_pair_and_load type
    vmladava.\type r6, q3, q7
    vld40.8 {q3, q4, q5, q6}, [r3]
    vmladava.\type r0, q0, q7
    vld41.8 {q3, q4, q5, q6}, [r3]
    vmladava.\type r2, q1, q7
    vld42.8 {q3, q4, q5, q6}, [r3]
    vmladava.\type r4, q2, q7
    vld43.8 {q3, q4, q5, q6}, [r3]!
    vmladava.\type r8, q3, q7
    vld40.8 {q0, q1, q2, q3}, [r1]
    vmladava.\type r10, q4, q7
    vld41.8 {q0, q1, q2, q3}, [r1]
    vmladava.\type r12, q5, q7
    vld42.8 {q0, q1, q2, q3}, [r1]
    vmladava.\type lr, q6, q7
    vld43.8 {q0, q1, q2, q3}, [r1]!
    vldrb.u8 q7, [r5], #16
.endm

.macro multiply_single type
    vmladava.\type r0, q0, q7
    vmladava.\type r2, q1, q7
    vmladava.\type r4, q2, q7
    vmladava.\type r6, q3, q7
.endm

.macro quads_function type
    .section .text.slimse_quads_\type, "ax", %progbits
    .balign 4
    .global slimse_quads_\type
    .type slimse_quads_\type, %function
    .thumb_func
slimse_quads_\type:
    push {r4-r11, lr}
    vpush {d8-d15}
    sub sp, #FRAME
    lsrs r4, r3, #4
    strd r2, r4, [sp, #INPUT]
    and r4, r3, #15
    vctp.8 r4
    str r4, [sp, #TAIL]
    lsl r11, r3, #2
    mov r9, r1
    mov r1, r0
    ldrd r6, r7, [sp, #QUADS]
    bic r8, r6, #1
    add r8, r7, r8, lsl #4
    str r8, [sp, #END]
    cmp r6, #1
    beq 6f
    cmp r11, #64
    bls 10f

1:  add r3, r1, r11
    ldm r9!, {r0, r2, r4, r6, r8, r10, r12, lr}
    ldrd r5, r7, [sp, #INPUT]
    subs r7, #4
    blo 3f
2:  vldrb.u8 q7, [r5], #16
    load_first
    step_pair_and_load \type
    step_pair_and_load \type
    step_pair_and_load \type
    multiply_pair \type
    subs r7, #4
    bhs 2b
3:  adds r7, #4
    beq 5f
4:  step_pair \type
    subs r7, #1
    bne 4b
5:  ldr r7, [sp, #TAIL]
    cbz r7, 51f
    vpst
    vldrbt.u8 q7, [r5]
    load_first
    multiply_pair \type
    rsb r7, r7, #16
    sub r3, r3, r7, lsl #2
51: mov r1, r3
    ldr r7, [sp, #SUMS]
    stm r7!, {r0, r2, r4, r6, r8, r10, r12, lr}
    str r7, [sp, #SUMS]
    ldr r5, [sp, #END]
    cmp r7, r5
    bne 1b

    ldr r7, [sp, #QUADS]
    lsls r7, #31
    beq 9f
6:  ldm r9!, {r0, r2, r4, r6}
    ldrd r5, lr, [sp, #INPUT]
    wls lr, lr, 8f
7:  vldrb.u8 q7, [r5], #16
    load_first
    multiply_single \type
    le lr, 7b
8:  ldr r7, [sp, #TAIL]
    cbz r7, 81f
    vpst
    vldrbt.u8 q7, [r5]
    load_first
    multiply_single \type
81: ldr r7, [sp, #SUMS]
    stm r7, {r0, r2, r4, r6}

9:  add sp, #FRAME
    vpop {d8-d15}
    pop {r4-r11, pc}

    /* Up to 16 columns: the input stays in q7. */
10: vctp.8 r3
    vpst
    vldrbt.u8 q7, [r2]
    mov r5, r8
    add r3, r1, r11
    lsl r11, r11, #1
    sub r11, r11, #64
11: ldm r9!, {r0, r2, r4, r6, r8, r10, r12, lr}
    load_first
    multiply_pair \type
    stm r7!, {r0, r2, r4, r6, r8, r10, r12, lr}
    add r1, r1, r11
    add r3, r3, r11
    cmp r7, r5
    bne 11b
    str r7, [sp, #SUMS]
    ldr r7, [sp, #QUADS]
    lsls r7, #31
    bne 6b
    b 9b
    .size slimse_quads_\type, . - slimse_quads_\type
.endm

    quads_function s8
    quads_function u8
