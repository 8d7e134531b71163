/*
 * In assembly for the reason of slimse_quads.S; the copies of four quads lie in the stack frame.
 */
#include "slimse_gather.h"
#include "slimse_quad_steps.h"

    .syntax unified
    .thumb

    .set STEPS, 0
    .set QUAD_BYTES, 4
    .set LIST, 8
    .set WEIGHTS, 12
    .set ENTRY, 16
    .set INPUT, 20
    .set BIAS, 24
    .set QUADS_LEFT, 28
    .set SUMS, 32
    .set COPY, 40
    .set FRAME, COPY + 4 * 64 * SLIMSE_GATHER_STEPS
    .set ARGUMENTS, FRAME + 64 + 36

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
    strd r6, r7, [sp, #BIAS]
    str r8, [sp, #SUMS]
    /* The last of the steps lies behind as many as may come before it. */
    subs r3, #1
    movs r4, #STEP_BYTES
    mul r3, r3, r4
    adr r4, 5f
    subs r4, r4, r3
    adds r4, #1
    strd r4, r5, [sp, #ENTRY]

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
    dls lr, lr
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

    /* Two copied quads, then the other two; r11 says which. */
    add r1, sp, #COPY
    movs r11, #0
3:  ldrd r9, r7, [sp, #BIAS]
    subs r7, #2
    ldr r3, [sp, #STEPS]
    add r3, r1, r3, lsl #6
    ldm r9!, {r0, r2, r4, r6, r8, r10, r12, lr}
    strd r9, r7, [sp, #BIAS]
    ldrd r9, r5, [sp, #ENTRY]
    vldrb.u8 q7, [r5], #16
    load_first
    bx r9
    .balign 4
4:
    .rept SLIMSE_GATHER_STEPS - 1
    multiply_pair_and_load u8
    .endr
    .balign 4
5:  multiply_pair u8
    ldr r9, [sp, #SUMS]
    stm r9!, {r0, r2, r4, r6, r8, r10, r12, lr}
    str r9, [sp, #SUMS]
    ldr r7, [sp, #QUADS_LEFT]
    cmp r7, #0
    ble 6f
    mov r1, r3
    eors r11, r11, #1
    bne 3b
    b 1b

6:  add sp, #FRAME
    vpop {d8-d15}
    pop {r4-r11, pc}
    .size slimse_gather_quads_u8, . - slimse_gather_quads_u8

/* ---- inputs without offset: r0 input, r12 their sum ---- */

    .section .text.slimse_inputs_u8, "ax", %progbits
    .balign 4
    .global slimse_inputs_u8
    .type slimse_inputs_u8, %function
    .thumb_func
slimse_inputs_u8:
    push {r4, lr}
    mov r12, #0x80
    vdup.8 q1, r12
    mov r12, #0
    dlstp.8 lr, r1
1:  vldrb.u8 q0, [r0], #16
    veor q0, q0, q1
    vaddva.u8 r12, q0
    vstrb.8 q0, [r2], #16
    letp lr, 1b
    mov r0, r12
    pop {r4, pc}
    .size slimse_inputs_u8, . - slimse_inputs_u8

    .section .text.slimse_listed_inputs_u8, "ax", %progbits
    .balign 4
    .global slimse_listed_inputs_u8
    .type slimse_listed_inputs_u8, %function
    .thumb_func
slimse_listed_inputs_u8:
    push {r4, lr}
    vmov.i16 q3, #0x80
    mov r12, #0
    lsr lr, r2, #3
    wls lr, lr, 2f
1:  vldrh.u16 q0, [r1], #16
    vldrb.u16 q1, [r0, q0]
    veor q1, q1, q3
    vaddva.u16 r12, q1
    vstrb.16 q1, [r3], #8
    le lr, 1b
    /* The rest, and zeros up to the next multiple of 16. */
2:  ands r4, r2, #15
    beq 3f
    and r2, r2, #7
    vctp.16 r2
    vpst
    vldrht.u16 q0, [r1]
    vstrh.16 q0, [r1], #16
    vldrb.u16 q1, [r0, q0]
    vmov.i32 q2, #0
    vpst
    veort q2, q1, q3
    vaddva.u16 r12, q2
    vstrb.16 q2, [r3], #8
    cmp r4, #8
    bhs 3f
    vmov.i32 q2, #0
    vstrh.16 q2, [r1]
    vstrb.16 q2, [r3]
3:  mov r0, r12
    pop {r4, pc}
    .size slimse_listed_inputs_u8, . - slimse_listed_inputs_u8
