/*
 * In assembly because eight accumulators take every even register, the loop counter's lr included: a compiler spills.
 *
 *   r0 r2 r4 r6 r8 r10 r12 lr  sums   r1 weights   r3 input   r5 runs of CHAIN steps left   r9 bias
 */
    .syntax unified
    .thumb

/* Steps of a run; the first run is entered where as many are left as it shall have. */
    .set CHAIN, 4
    .set STEP_BYTES, 68

    .set INPUT, 0
    .set RUNS, 4
    .set ENTRY, 8
    .set TAIL, 12
    .set END, 16
    .set FRAME, 24
    .set OCTETS, FRAME + 36
    .set SUMS, OCTETS + 4

/* Products of 8 columns with the input in q2, all but the last row's, whose weights stay in q3 for the next step. */
.macro multiply_octet
    vldrb.s16 q1, [r1, #-56]
    vmladava.s16 r0, q0, q2
    vldrb.s16 q0, [r1, #-48]
    vmladava.s16 r2, q1, q2
    vldrb.s16 q3, [r1, #-40]
    vmladava.s16 r4, q0, q2
    vldrb.s16 q0, [r1, #-32]
    vmladava.s16 r6, q3, q2
    vldrb.s16 q1, [r1, #-24]
    vmladava.s16 r8, q0, q2
    vldrb.s16 q0, [r1, #-16]
    vmladava.s16 r10, q1, q2
    vldrb.s16 q3, [r1, #-8]
    vmladava.s16 r12, q0, q2
.endm

    .section .text.slimse_half_octets_s16, "ax", %progbits
    .balign 4
    .global slimse_half_octets_s16
    .type slimse_half_octets_s16, %function
    .thumb_func
slimse_half_octets_s16:
    push {r4-r11, lr}
    sub sp, #FRAME
    lsr r4, r3, #3
    and r5, r3, #7
    vctp.16 r5
    ldrd r6, r7, [sp, #OCTETS]
    add r6, r7, r6, lsl #5
    strd r5, r6, [sp, #TAIL]
    lsr r5, r4, #2
    strd r2, r5, [sp, #INPUT]
    and r4, r4, #3
    movs r5, #STEP_BYTES
    mul r4, r4, r5
    adr r5, 3f
    subs r5, r5, r4
    adds r5, #1
    str r5, [sp, #ENTRY]
    mov r9, r1
    mov r1, r0

1:  ldm r9!, {r0, r2, r4, r6, r8, r10, r12, lr}
    ldrd r3, r5, [sp, #INPUT]
    vmov.i32 q3, #0
    ldr pc, [sp, #ENTRY]
    .balign 4
2:
    .rept CHAIN
    vldrb.s16 q0, [r1], #64
    vmladava.s16 lr, q3, q2
    vldrh.u16 q2, [r3], #16
    multiply_octet
    .endr
    .balign 4
3:  subs r5, #1
    bhs 2b
    vmladava.s16 lr, q3, q2
    ldr r5, [sp, #TAIL]
    cbz r5, 4f
    vldrb.s16 q0, [r1], #64
    vpst
    vldrht.u16 q2, [r3]
    multiply_octet
    vmladava.s16 lr, q3, q2
4:  ldr r7, [sp, #SUMS]
    stm r7!, {r0, r2, r4, r6, r8, r10, r12, lr}
    str r7, [sp, #SUMS]
    ldr r5, [sp, #END]
    cmp r7, r5
    bne 1b

    add sp, #FRAME
    pop {r4-r11, pc}
    .size slimse_half_octets_s16, . - slimse_half_octets_s16
