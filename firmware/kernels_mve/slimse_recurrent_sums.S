/*
 * In assembly because eight accumulators take every even register, the loop counter's lr included: a compiler spills.
 *
 *   r0 r4 r8 r12  sums over the input   r2 r6 r10 lr  over the state
 *   r1 r3  weights of both   r5  input   r9  state   r7  runs of CHAIN steps left   r11  bias
 */
    .syntax unified
    .thumb

/* Steps of a run; the first run is entered where as many are left as it shall have. */
    .set CHAIN, 8
    .set STEP_BYTES, 36

/* Fields of slimse_recurrent_sums_t. */
    .set INPUT_WEIGHTS, 0
    .set INPUT_GATE_BYTES, 4
    .set RECURRENT_WEIGHTS, 8
    .set RECURRENT_GATE_BYTES, 12
    .set BIAS, 16
    .set BIAS_GATE_BYTES, 20
    .set INPUT, 24
    .set COLUMNS, 28
    .set HIDDEN, 32
    .set UNITS, 36
    .set GATES, 40
    .set QUADS, 44
    .set SUMS, 48
    .set GATE_SUMS_BYTES, 32 * 2 * 4

/* The stack frame. */
    .set JOB, 0
    .set GATES_LEFT, 4
    .set SUMS_AT, 8
    .set END, 12
    .set INPUT_AT, 16
    .set INPUT_RUNS, 20
    .set INPUT_ENTRY, 24
    .set INPUT_TAIL, 28
    .set HIDDEN_AT, 32
    .set HIDDEN_RUNS, 36
    .set HIDDEN_ENTRY, 40
    .set HIDDEN_TAIL, 44
    .set GATE_AT, 48
    .set FRAME, 64

/* Products of 16 columns with the input in q7, all but the last row's, whose weights stay in q3 for the next step. */
.macro multiply_input
    vldrw.u32 q1, [r1, #-48]
    vmladava.s8 r0, q0, q7
    vldrw.u32 q2, [r1, #-32]
    vmladava.s8 r4, q1, q7
    vldrw.u32 q3, [r1, #-16]
    vmladava.s8 r8, q2, q7
.endm

/* Products of 8 units with the state in \state, in the same way. */
.macro multiply_hidden state
    vldrb.s16 q1, [r3, #-24]
    vmladava.s16 r2, q0, \state
    vldrb.s16 q2, [r3, #-16]
    vmladava.s16 r6, q1, \state
    vldrb.s16 q3, [r3, #-8]
    vmladava.s16 r10, q2, \state
.endm

/* \count steps in runs: r7 further runs in \runs, and where the first one begins in \entry; \end is behind a run. */
.macro plan count, runs, entry, end
    lsr r7, \count, #3
    str r7, [sp, #\runs]
    and \count, \count, #7
    movs r7, #STEP_BYTES
    mul \count, \count, r7
    adr r7, \end
    subs r7, r7, \count
    adds r7, #1
    str r7, [sp, #\entry]
.endm

    .section .text.slimse_recurrent_sums_s8, "ax", %progbits
    .balign 4
    .global slimse_recurrent_sums_s8
    .type slimse_recurrent_sums_s8, %function
    .thumb_func
slimse_recurrent_sums_s8:
    push {r4-r11, lr}
    vpush {d8-d15}
    sub sp, #FRAME
    ldrd r5, r2, [r0, #INPUT]
    ldrd r9, r4, [r0, #HIDDEN]
    ldrd r6, r8, [r0, #GATES]
    ldr r7, [r0, #SUMS]
    lsl r8, r8, #5
    strd r0, r6, [sp, #JOB]
    cmp r2, #16
    it ls
    cmpls r4, #16
    bls 20f

    strd r7, r8, [sp, #SUMS_AT]
    str r5, [sp, #INPUT_AT]
    str r9, [sp, #HIDDEN_AT]
    and r6, r2, #15
    str r6, [sp, #INPUT_TAIL]
    and r6, r4, #7
    str r6, [sp, #HIDDEN_TAIL]
    lsr r2, r2, #4
    lsr r4, r4, #3
    plan r2, INPUT_RUNS, INPUT_ENTRY, 4f
    plan r4, HIDDEN_RUNS, HIDDEN_ENTRY, 7f
    ldr r1, [r0, #INPUT_WEIGHTS]
    ldr r3, [r0, #RECURRENT_WEIGHTS]
    ldr r11, [r0, #BIAS]
    strd r1, r3, [sp, #GATE_AT]
    str r11, [sp, #GATE_AT + 8]

    /* A gate; END is where its sums end. */
1:  ldrd r7, r8, [sp, #SUMS_AT]
    add r8, r8, r7
    str r8, [sp, #END]

2:  ldm r11!, {r0, r2, r4, r6, r8, r10, r12, lr}
    ldrd r5, r7, [sp, #INPUT_AT]
    vmov.i32 q3, #0
    ldr pc, [sp, #INPUT_ENTRY]
    .balign 4
3:
    .rept CHAIN
    vldrw.u32 q0, [r1], #64
    vmladava.s8 r12, q3, q7
    vldrb.u8 q7, [r5], #16
    multiply_input
    .endr
    .balign 4
4:  subs r7, #1
    bhs 3b
    vmladava.s8 r12, q3, q7
    ldr r7, [sp, #INPUT_TAIL]
    cbz r7, 5f
    vctp.8 r7
    vldrw.u32 q0, [r1], #64
    vpst
    vldrbt.u8 q7, [r5]
    multiply_input
    vmladava.s8 r12, q3, q7
5:  ldrd r9, r7, [sp, #HIDDEN_AT]
    vmov.i32 q3, #0
    ldr pc, [sp, #HIDDEN_ENTRY]
    .balign 4
6:
    .rept CHAIN
    vldrb.s16 q0, [r3], #32
    vmladava.s16 lr, q3, q6
    vldrh.u16 q6, [r9], #16
    multiply_hidden q6
    .endr
    .balign 4
7:  subs r7, #1
    bhs 6b
    vmladava.s16 lr, q3, q6
    ldr r7, [sp, #HIDDEN_TAIL]
    cbz r7, 8f
    vctp.16 r7
    vldrb.s16 q0, [r3], #32
    vpst
    vldrht.u16 q6, [r9]
    multiply_hidden q6
    vmladava.s16 lr, q3, q6
8:  ldr r7, [sp, #SUMS_AT]
    stm r7!, {r0, r2, r4, r6, r8, r10, r12, lr}
    str r7, [sp, #SUMS_AT]
    ldr r5, [sp, #END]
    cmp r7, r5
    bne 2b

    ldrd r0, r6, [sp, #JOB]
    subs r6, #1
    beq 9f
    str r6, [sp, #GATES_LEFT]
    ldr r8, [r0, #QUADS]
    lsl r8, r8, #5
    sub r7, r7, r8
    add r7, r7, #GATE_SUMS_BYTES
    strd r7, r8, [sp, #SUMS_AT]
    ldrd r1, r3, [sp, #GATE_AT]
    ldr r11, [sp, #GATE_AT + 8]
    ldr r6, [r0, #INPUT_GATE_BYTES]
    add r1, r1, r6
    ldr r6, [r0, #RECURRENT_GATE_BYTES]
    add r3, r3, r6
    ldr r6, [r0, #BIAS_GATE_BYTES]
    add r11, r11, r6
    strd r1, r3, [sp, #GATE_AT]
    str r11, [sp, #GATE_AT + 8]
    b 1b

9:  add sp, #FRAME
    vpop {d8-d15}
    pop {r4-r11, pc}

    /* Up to 16 columns and 16 units: input and state stay in q7, q5 and q6. */
20: vctp.8 r2
    vpst
    vldrbt.u8 q7, [r5]
    vctp.16 r4
    vpst
    vldrht.u16 q5, [r9]
    subs r10, r4, #8
    it lo
    movlo r10, #0
    vctp.16 r10
    vpst
    vldrht.u16 q6, [r9, #16]
    str r10, [sp, #HIDDEN_TAIL]
    ldr r1, [r0, #INPUT_WEIGHTS]
    ldr r3, [r0, #RECURRENT_WEIGHTS]
    ldr r11, [r0, #BIAS]
    mov r5, r7
21: ldr r8, [r0, #QUADS]
    add r9, r5, r8, lsl #5
    mov r7, r5
    strd r1, r3, [sp, #GATE_AT]
    str r11, [sp, #GATE_AT + 8]
    ldr r10, [sp, #HIDDEN_TAIL]
    cmp r10, #0
    bne 23f
22: ldm r11!, {r0, r2, r4, r6, r8, r10, r12, lr}
    vldrw.u32 q0, [r1], #64
    multiply_input
    vldrb.s16 q0, [r3], #32
    vmladava.s8 r12, q3, q7
    multiply_hidden q5
    vmladava.s16 lr, q3, q5
    stm r7!, {r0, r2, r4, r6, r8, r10, r12, lr}
    cmp r7, r9
    bne 22b
    b 24f
23: ldm r11!, {r0, r2, r4, r6, r8, r10, r12, lr}
    vldrw.u32 q0, [r1], #64
    multiply_input
    vldrb.s16 q0, [r3], #64
    vmladava.s8 r12, q3, q7
    vldrb.s16 q1, [r3, #-56]
    vmladava.s16 r2, q0, q5
    vldrb.s16 q2, [r3, #-48]
    vmladava.s16 r6, q1, q5
    vldrb.s16 q3, [r3, #-40]
    vmladava.s16 r10, q2, q5
    vldrb.s16 q0, [r3, #-32]
    vmladava.s16 lr, q3, q5
    multiply_hidden q6
    vmladava.s16 lr, q3, q6
    stm r7!, {r0, r2, r4, r6, r8, r10, r12, lr}
    cmp r7, r9
    bne 23b
24: ldrd r0, r6, [sp, #JOB]
    subs r6, #1
    beq 9b
    str r6, [sp, #GATES_LEFT]
    add r5, r5, #GATE_SUMS_BYTES
    ldrd r1, r3, [sp, #GATE_AT]
    ldr r11, [sp, #GATE_AT + 8]
    ldr r6, [r0, #INPUT_GATE_BYTES]
    add r1, r1, r6
    ldr r6, [r0, #RECURRENT_GATE_BYTES]
    add r3, r3, r6
    ldr r6, [r0, #BIAS_GATE_BYTES]
    add r11, r11, r6
    b 21b
    .size slimse_recurrent_sums_s8, . - slimse_recurrent_sums_s8
