/*
 * In assembly because six to eight accumulators and as many pointers take every register: a compiler spills.
 *
 * VMLADAVA adds to even registers only, so sums lie in even ones, pointers in odd ones.
 */
    .syntax unified
    .thumb

/* ---- eight rows through one pointer: r1 weights, r3 input, r5 steps left, r9 bias ---- */

/* Steps of a run; the first run is entered where as many are left as it shall have. */
    .set CHAIN, 8
    .set STEP_BYTES, 68

    .set INPUT, 0
    .set RUNS, 4
    .set ENTRY, 8
    .set TAIL, 12
    .set END, 16
    .set FRAME, 24
    .set OCTETS, FRAME + 64 + 36
    .set SUMS, OCTETS + 4

/*
 * Products of 16 columns with the input in q7, all but the last row's, whose weights stay in q3 for the next step.
 * Loads and products alternate, because their units work side by side.
 */
.macro multiply_octet
    vldrw.u32 q1, [r1, #-112]
    vmladava.s8 r0, q0, q7
    vldrw.u32 q2, [r1, #-96]
    vmladava.s8 r2, q1, q7
    vldrw.u32 q3, [r1, #-80]
    vmladava.s8 r4, q2, q7
    vldrw.u32 q0, [r1, #-64]
    vmladava.s8 r6, q3, q7
    vldrw.u32 q1, [r1, #-48]
    vmladava.s8 r8, q0, q7
    vldrw.u32 q2, [r1, #-32]
    vmladava.s8 r10, q1, q7
    vldrw.u32 q3, [r1, #-16]
    vmladava.s8 r12, q2, q7
.endm

    .section .text.slimse_octets_s8, "ax", %progbits
    .balign 4
    .global slimse_octets_s8
    .type slimse_octets_s8, %function
    .thumb_func
slimse_octets_s8:
    push {r4-r11, lr}
    vpush {d8-d15}
    sub sp, #FRAME
    lsr r4, r3, #4
    and r5, r3, #15
    vctp.8 r5
    ldrd r6, r7, [sp, #OCTETS]
    add r6, r7, r6, lsl #5
    strd r5, r6, [sp, #TAIL]
    lsr r5, r4, #3
    strd r2, r5, [sp, #INPUT]
    and r4, r4, #7
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
    vldrw.u32 q0, [r1], #128
    vmladava.s8 lr, q3, q7
    vldrb.u8 q7, [r3], #16
    multiply_octet
    .endr
    .balign 4
3:  subs r5, #1
    bhs 2b
    vmladava.s8 lr, q3, q7
    ldr r5, [sp, #TAIL]
    cbz r5, 4f
    vldrw.u32 q0, [r1], #128
    vpst
    vldrbt.u8 q7, [r3]
    multiply_octet
    vmladava.s8 lr, q3, q7
4:  ldr r7, [sp, #SUMS]
    stm r7!, {r0, r2, r4, r6, r8, r10, r12, lr}
    str r7, [sp, #SUMS]
    ldr r5, [sp, #END]
    cmp r7, r5
    bne 1b

    add sp, #FRAME
    vpop {d8-d15}
    pop {r4-r11, pc}
    .size slimse_octets_s8, . - slimse_octets_s8

/* ---- any rows, six by six, then two by two: r1 r3 r5 r7 r9 r11 weights, r12 input ---- */

    .set STEPS, 4
    .set ROWS_TAIL, 8
    .set ROWS, 12
    .set LIMIT, 16
    .set ROWS_FRAME, 24
    .set ROW_SUMS, ROWS_FRAME + 64 + 36

/* As multiply_octet, of six rows; the last one's weights stay in q1. */
.macro multiply_six
    vldrw.u32 q1, [r3], #128
    vmladava.s8 r0, q0, q7
    vldrw.u32 q2, [r5], #128
    vmladava.s8 r2, q1, q7
    vldrw.u32 q3, [r7], #128
    vmladava.s8 r4, q2, q7
    vldrw.u32 q0, [r9], #128
    vmladava.s8 r6, q3, q7
    vldrw.u32 q1, [r11], #128
    vmladava.s8 r8, q0, q7
.endm

.macro step_six
    vldrw.u32 q0, [r1], #128
    vmladava.s8 r10, q1, q7
    vldrb.u8 q7, [r12], #16
    multiply_six
.endm

.macro multiply_two
    vldrw.u32 q0, [r1], #128
    vldrw.u32 q1, [r3], #128
    vmladava.s8 r0, q0, q7
    vmladava.s8 r2, q1, q7
.endm

    .section .text.slimse_octet_rows_s8, "ax", %progbits
    .balign 4
    .global slimse_octet_rows_s8
    .type slimse_octet_rows_s8, %function
    .thumb_func
slimse_octet_rows_s8:
    push {r4-r11, lr}
    vpush {d8-d15}
    sub sp, #ROWS_FRAME
    lsr r4, r2, #4
    strd r1, r4, [sp, #INPUT]
    and r4, r2, #15
    vctp.8 r4
    strd r4, r0, [sp, #ROWS_TAIL]
    ldr r7, [sp, #ROW_SUMS]
    add r4, r7, r3, lsl #2
    str r4, [sp, #LIMIT]
    subs r3, #6
    blo 5f

    /* Six rows while six are left; between groups r7 holds the sums. */
1:  ldr r12, [sp, #ROWS]
    ldm r7, {r0, r2, r4, r6, r8, r10}
    ldm r12!, {r1, r3, r5, r7, r9, r11}
    str r12, [sp, #ROWS]
    ldrd r12, lr, [sp, #INPUT]
    vmov.i32 q1, #0
    lsrs lr, lr, #1
    bcc 2f
    step_six
2:  wls lr, lr, 4f
3:  step_six
    step_six
    le lr, 3b
4:  ldr lr, [sp, #ROWS_TAIL]
    vmladava.s8 r10, q1, q7
    cmp lr, #0
    beq 41f
    vldrw.u32 q0, [r1], #128
    vpst
    vldrbt.u8 q7, [r12]
    multiply_six
    vmladava.s8 r10, q1, q7
41: ldr r7, [sp, #ROW_SUMS]
    stm r7!, {r0, r2, r4, r6, r8, r10}
    str r7, [sp, #ROW_SUMS]
    ldr r3, [sp, #LIMIT]
    subs r3, r3, r7
    cmp r3, #24
    bhs 1b

5:  ldr r6, [sp, #LIMIT]
    ldr r5, [sp, #ROWS]
    cmp r7, r6
    beq 9f
6:  ldrd r0, r2, [r7]
    ldrd r1, r3, [r5], #8
    ldrd r12, lr, [sp, #INPUT]
    wls lr, lr, 8f
7:  vldrb.u8 q7, [r12], #16
    multiply_two
    le lr, 7b
8:  ldr lr, [sp, #ROWS_TAIL]
    cmp lr, #0
    beq 81f
    vpst
    vldrbt.u8 q7, [r12]
    multiply_two
81: strd r0, r2, [r7], #8
    cmp r7, r6
    bne 6b

9:  add sp, #ROWS_FRAME
    vpop {d8-d15}
    pop {r4-r11, pc}
    .size slimse_octet_rows_s8, . - slimse_octet_rows_s8

/* ---- where listed rows begin, four at a time ---- */

    .section .text.slimse_octet_starts, "ax", %progbits
    .balign 4
    .global slimse_octet_starts
    .type slimse_octet_starts, %function
    .thumb_func
slimse_octet_starts:
    push {r4-r6, lr}
    ldrd r4, r5, [sp, #16]
    ldr r6, [sp, #24]
    sub r2, r2, #128
    dlstp.32 lr, r4
1:  vldrh.u32 q0, [r3], #8
    vshl.i32 q1, q0, #4
    vshr.u32 q2, q0, #3
    vadd.i32 q1, q1, r0
    vldrw.u32 q3, [r1, q0, uxtw #2]
    vmla.s32 q1, q2, r2
    vstrw.32 q3, [r6], #16
    vstrw.32 q1, [r5], #16
    letp lr, 1b
    pop {r4-r6, pc}
    .size slimse_octet_starts, . - slimse_octet_starts
