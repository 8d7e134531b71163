/*
 * In assembly because eight accumulators take every even register, the loop counter's lr included: a compiler spills.
 *
 * Registers as in slimse_quad_steps.h, and:
 *   r7  runs of CHAIN steps left   r9  bias   r11  bytes of a quad, of few columns what two of them are above 64
 */
#include "slimse_quad_steps.h"

    .syntax unified
    .thumb

/* Steps of a run; the first run is entered where as many are left as it shall have. */
    .set CHAIN, 8

/* Fields of slimse_quads_t. */
    .set WEIGHTS, 0
    .set QUADS, 4
    .set QUAD_BYTES, 8
    .set COLUMNS, 12
    .set INPUT, 16
    .set INPUT_PITCH, 20
    .set BIAS, 24
    .set BIAS_PITCH, 28
    .set POSITIONS, 32
    .set SUMS, 36

/* The stack frame. */
    .set INPUT_AT, 0
    .set RUNS, 4
    .set SLACK, 8
    .set SUMS_AT, 12
    .set ENTRY, 16
    .set TAIL, 20
    .set END, 24
    .set POSITIONS_LEFT, 28
    .set JOB, 32
    .set BIAS_AT, 36
    .set FRAME, 40

.macro multiply_single type
    vmladava.\type r0, q0, q7
    vmladava.\type r2, q1, q7
    vmladava.\type r4, q2, q7
    vmladava.\type r6, q3, q7
.endm

/* is_general: also up to 16 columns, and more positions than one. */
.macro quads_function type, is_general
    .section .text.slimse_quads_\type, "ax", %progbits
    .balign 4
    .global slimse_quads_\type
    .type slimse_quads_\type, %function
    .thumb_func
slimse_quads_\type:
    push {r4-r11, lr}
    vpush {d8-d15}
    sub sp, #FRAME
    ldm r0, {r1, r6, r11}
    ldrd r3, r2, [r0, #COLUMNS]
    ldr r9, [r0, #BIAS]
    ldrd r4, r7, [r0, #POSITIONS]
    strd r4, r0, [sp, #POSITIONS_LEFT]
    str r9, [sp, #BIAS_AT]
    /* Where the sums of a position's pairs end. */
    bic r8, r6, #1
    add r8, r7, r8, lsl #4
.if \is_general
    cmp r3, #16
    bls 20f
.endif

    /* Steps of 16 columns, and the columns of one that is not full. */
    lsr r4, r3, #4
    and r5, r3, #15
    vctp.8 r5
    strd r5, r8, [sp, #TAIL]
    str r7, [sp, #SUMS_AT]
    add r10, r3, #15
    lsr r10, r10, #4
    sub r10, r11, r10, lsl #6
    str r10, [sp, #SLACK]
    subs r4, #1
    lsr r10, r4, #3
    strd r2, r10, [sp, #INPUT_AT]
    and r4, r4, #7
    movs r5, #STEP_BYTES
    mul r4, r4, r5
    adr r5, 3f
    subs r5, r5, r4
    adds r5, #1
    str r5, [sp, #ENTRY]
    cmp r6, #1
    beq 6f

1:  add r3, r1, r11
    ldm r9!, {r0, r2, r4, r6, r8, r10, r12, lr}
    ldrd r5, r7, [sp, #INPUT_AT]
    vldrb.u8 q7, [r5], #16
    load_first
    ldr pc, [sp, #ENTRY]
    .balign 4
2:
    .rept CHAIN
    multiply_pair_and_load \type
    .endr
    .balign 4
3:  subs r7, #1
    bhs 2b
    multiply_pair \type
    ldr r7, [sp, #TAIL]
    cbz r7, 4f
    vpst
    vldrbt.u8 q7, [r5]
    load_first
    multiply_pair \type
4:  ldrd r5, r7, [sp, #SLACK]
    add r1, r3, r5
    stm r7!, {r0, r2, r4, r6, r8, r10, r12, lr}
    str r7, [sp, #SUMS_AT]
    ldr r5, [sp, #END]
    cmp r7, r5
    bne 1b

    ldr r0, [sp, #JOB]
    ldr r6, [r0, #QUADS]
    lsls r3, r6, #31
    bne 6f
.if \is_general == 0
    b 9f
.else
    /* The next position. */
5:  ldr r4, [sp, #POSITIONS_LEFT]
    subs r4, #1
    beq 9f
    str r4, [sp, #POSITIONS_LEFT]
    ldr r1, [r0, #WEIGHTS]
    ldr r2, [sp, #INPUT_AT]
    ldr r3, [r0, #INPUT_PITCH]
    add r2, r2, r3
    str r2, [sp, #INPUT_AT]
    ldr r9, [sp, #BIAS_AT]
    ldr r3, [r0, #BIAS_PITCH]
    add r9, r9, r3, lsl #2
    str r9, [sp, #BIAS_AT]
    ldr r8, [sp, #END]
    add r8, r8, r6, lsl #4
    str r8, [sp, #END]
    cmp r6, #1
    bne 1b
.endif

    /* A single quad. */
6:  ldm r9, {r0, r2, r4, r6}
    ldrd r5, r7, [sp, #INPUT_AT]
    ldr lr, [sp, #ENTRY]
    vldrb.u8 q7, [r5], #16
    load_first
    multiply_single \type
    /* As many further steps as pairs would have: those behind the entry, and CHAIN for each run. */
    adr r3, 3b
    adds r3, #1
    sub r3, r3, lr
    movs r8, #STEP_BYTES
    udiv r3, r3, r8
    add lr, r3, r7, lsl #3
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
81: ldr r7, [sp, #SUMS_AT]
    stm r7!, {r0, r2, r4, r6}
.if \is_general
    str r7, [sp, #SUMS_AT]
    ldr r0, [sp, #JOB]
    ldr r6, [r0, #QUADS]
    b 5b
.endif

9:  add sp, #FRAME
    vpop {d8-d15}
    pop {r4-r11, pc}

.if \is_general
    /* Up to 16 columns: the input stays in q7. */
20: vctp.8 r3
    mov r5, r8
    strd r2, r7, [sp, #INPUT_AT]
    sub r11, r11, #32
    lsl r11, r11, #1
21: ldrd r3, r4, [r0, #QUADS]
    vpst
    vldrbt.u8 q7, [r2]
    cmp r3, #1
    add r3, r1, r4
    beq 23f
22: ldm r9!, {r0, r2, r4, r6, r8, r10, r12, lr}
    load_first
    multiply_pair \type
    stm r7!, {r0, r2, r4, r6, r8, r10, r12, lr}
    add r1, r1, r11
    add r3, r3, r11
    cmp r7, r5
    bne 22b
    ldr r0, [sp, #JOB]
    ldr r6, [r0, #QUADS]
    lsls r3, r6, #31
    beq 24f
23: ldm r9, {r0, r2, r4, r6}
    load_first
    multiply_single \type
    stm r7!, {r0, r2, r4, r6}
    ldr r0, [sp, #JOB]
    ldr r6, [r0, #QUADS]
24: ldr r4, [sp, #POSITIONS_LEFT]
    subs r4, #1
    beq 9b
    str r4, [sp, #POSITIONS_LEFT]
    ldr r1, [r0, #WEIGHTS]
    ldr r2, [sp, #INPUT_AT]
    ldr r3, [r0, #INPUT_PITCH]
    add r2, r2, r3
    str r2, [sp, #INPUT_AT]
    ldr r9, [sp, #BIAS_AT]
    ldr r3, [r0, #BIAS_PITCH]
    add r9, r9, r3, lsl #2
    str r9, [sp, #BIAS_AT]
    add r5, r5, r6, lsl #4
    b 21b
.endif
    .size slimse_quads_\type, . - slimse_quads_\type
.endm

    quads_function s8, 1
    quads_function u8, 0
