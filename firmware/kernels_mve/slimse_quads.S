/*
 * In assembly because eight accumulators take every even register, the loop counter's lr included: a compiler spills.
 *
 * Registers as in slimse_quad_steps.h, and:
 *   r7  runs of CHAIN steps left   r9  bias   r11  bytes of a quad
 */
#include "slimse_quad_steps.h"

    .syntax unified
    .thumb

/* Steps of a run; the first run is entered where as many are left as it shall have. */
    .set CHAIN, 8

/* The stack frame, and the arguments behind what was pushed. */
    .set INPUT, 0
    .set RUNS, 4
    .set SLACK, 8
    .set SUMS, 12
    .set ENTRY, 16
    .set TAIL, 20
    .set END, 24
    .set FRAME, 32
    .set QUADS, FRAME + 64 + 36
    .set SUMS_ARGUMENT, QUADS + 4
    .set QUAD_BYTES, QUADS + 8

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
    mov r9, r1
    mov r1, r0
    add r7, sp, #QUADS
    ldm r7, {r6, r7, r11}
    bic r8, r6, #1
    add r8, r7, r8, lsl #4
    cmp r3, #16
    bls 10f

    /* Steps of 16 columns, and the columns of one that is not full. */
    lsr r4, r3, #4
    and r5, r3, #15
    vctp.8 r5
    strd r5, r8, [sp, #TAIL]
    str r7, [sp, #SUMS]
    add r10, r3, #15
    lsr r10, r10, #4
    sub r10, r11, r10, lsl #6
    str r10, [sp, #SLACK]
    subs r4, #1
    lsr r10, r4, #3
    strd r2, r10, [sp, #INPUT]
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
    ldrd r5, r7, [sp, #INPUT]
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
    str r7, [sp, #SUMS]
    ldr r5, [sp, #END]
    cmp r7, r5
    bne 1b

    ldr r7, [sp, #QUADS]
    lsls r7, #31
    beq 9f
    /* A single quad. */
6:  ldm r9, {r0, r2, r4, r6}
    ldrd r5, r7, [sp, #INPUT]
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
    cmp r6, #1
    beq 12f
11: ldm r9!, {r0, r2, r4, r6, r8, r10, r12, lr}
    load_first
    multiply_pair \type
    stm r7!, {r0, r2, r4, r6, r8, r10, r12, lr}
    add r1, r1, r11
    add r3, r3, r11
    cmp r7, r5
    bne 11b
    ldr r3, [sp, #QUADS]
    lsls r3, #31
    beq 9b
12: ldm r9, {r0, r2, r4, r6}
    load_first
    multiply_single \type
    stm r7, {r0, r2, r4, r6}
    b 9b
    .size slimse_quads_\type, . - slimse_quads_\type
.endm

    quads_function s8
    quads_function u8
