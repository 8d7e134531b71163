/*
 * In assembly because gcc 12 keeps too few of these vectors in registers.
 *
 * A gate's input is (sum over the input x its multiplier + sum over the state x its multiplier + 2^31) / 2^32: VQDMLADH
 * forms its double, rounded down, of two pairs into the even elements, VQDMLADHX, with the multipliers in turn, that of
 * two others into the odd ones; halving rounds.
 *
 *   r0  multipliers of update   r1  of reset   r2  of candidate   r3  states   r4  what is written
 *   r6  sigmoid   r7  sigmoid, one further   r8  tanh   r9  tanh, one further   r12  sign
 *   q5  left shifts of sums   q7  addresses of the update's sums of units 0 and 2
 */
    .syntax unified
    .thumb

/* Fields of slimse_gru_gates_t. */
    .set SUMS, 0
    .set MULTIPLIER, 4
    .set GATE_BYTES, 8
    .set HIDDEN, 12
    .set QUADS, 16
    .set LEFT_INPUT, 20
    .set LEFT_HIDDEN, 24
    .set SIGMOID, 28
    .set TANH, 32
    .set GATE_SUMS_BYTES, 32 * 2 * 4

/* Even and odd units' sums of gate \gate into \even and \odd. */
.macro load_sums gate, even, odd
    vldrd.u64 \even, [q7, #\gate * GATE_SUMS_BYTES]
    vldrd.u64 \odd, [q7, #\gate * GATE_SUMS_BYTES + 8]
.endm

/* Gate inputs, Q3.12, into \to; the sums are lost. */
.macro gate_input to, even, odd, multiplier
    vshl.s32 \even, \even, q5
    vldrw.u32 q6, [\multiplier], #16
    vshl.s32 \odd, \odd, q5
    vqdmladh.s32 \to, \even, q6
    vldrw.u32 \even, [\multiplier], #16
    vqdmladhx.s32 \to, \odd, \even
    vrshr.s32 \to, \to, #1
.endm

/* A curve at Q3.12 values, saturated to int16, linear in between, rounded half up; \value becomes the curve's. */
.macro interpolate value, first, second, low, high
    vqshl.s32 \value, \value, #16
    vadd.i32 \value, \value, r12
    vshr.u32 q6, \value, #24
    vldrh.s32 \low, [\first, q6, uxtw #1]
    vldrh.s32 \high, [\second, q6, uxtw #1]
    vshl.i32 \value, \value, #8
    vsub.i32 \high, \high, \low
    vshr.u32 \value, \value, #24
    vmul.i32 \value, \value, \high
    vrshr.s32 \value, \value, #8
    vadd.i32 \value, \value, \low
.endm

/* The state \state with candidate \candidate and update \update, into \state. */
.macro blend state, candidate, update
    vsub.i32 \state, \state, \candidate
    vshl.i32 \update, \update, #16
    vqrdmulh.s32 \state, \state, \update
    vadd.i32 \state, \state, \candidate
.endm

/* What r0 points to into registers, the second argument into r4, the third into r10. */
.macro begin
    push {r4-r10, lr}
    vpush {d8-d15}
    mov r4, r1
    mov r10, r2
    ldrd r12, r1, [r0, #SUMS]
    ldrd r2, r3, [r0, #GATE_BYTES]
    ldrd lr, r5, [r0, #QUADS]
    ldr r9, [r0, #LEFT_HIDDEN]
    vmov q5[2], q5[0], r5, r5
    vmov q5[3], q5[1], r9, r9
    ldrd r6, r8, [r0, #SIGMOID]
    mov r0, r1
    add r1, r0, r2
    add r2, r1, r2
    adds r7, r6, #2
    add r9, r12, #16
    vmov q7[2], q7[0], r12, r9
    add r9, r8, #2
    mov r12, #0x80000000
    dls lr, lr
.endm

.macro finish
    vpop {d8-d15}
    pop {r4-r10, pc}
.endm

    .section .text.slimse_gru_after, "ax", %progbits
    .balign 4
    .global slimse_gru_after
    .type slimse_gru_after, %function
    .thumb_func
slimse_gru_after:
    begin
    /* Elements that hold sums over the state. */
    movw r10, #0xF0F0
    vmsr p0, r10
1:  load_sums 1, q0, q1
    gate_input q2, q0, q1, r1
    interpolate q2, r6, r7, q0, q1
    load_sums 2, q0, q1
    vshl.i32 q2, q2, #16
    vrev64.32 q3, q2
    /* The reset's share of the sums over the state: of units 0 and 2, of 1 and 3. */
    vpstt
    vqrdmulht.s32 q0, q0, q3
    vqrdmulht.s32 q1, q1, q2
    gate_input q4, q0, q1, r2
    interpolate q4, r8, r9, q0, q1
    load_sums 0, q0, q1
    gate_input q2, q0, q1, r0
    interpolate q2, r6, r7, q0, q1
    vldrh.s32 q3, [r3], #8
    blend q3, q4, q2
    movs r10, #32
    vadd.i32 q7, q7, r10
    vstrh.32 q3, [r4], #8
    le lr, 1b
    finish
    .size slimse_gru_after, . - slimse_gru_after

    .section .text.slimse_gru_keep, "ax", %progbits
    .balign 4
    .global slimse_gru_keep
    .type slimse_gru_keep, %function
    .thumb_func
slimse_gru_keep:
    begin
    mov r2, r10
    mov r10, #32
1:  load_sums 0, q0, q1
    gate_input q2, q0, q1, r0
    interpolate q2, r6, r7, q0, q1
    vstrh.32 q2, [r4], #8
    load_sums 1, q0, q1
    gate_input q2, q0, q1, r1
    interpolate q2, r6, r7, q0, q1
    vldrh.s32 q3, [r3], #8
    vshl.i32 q2, q2, #16
    vqrdmulh.s32 q3, q3, q2
    vadd.i32 q7, q7, r10
    vstrh.32 q3, [r2], #8
    le lr, 1b
    finish
    .size slimse_gru_keep, . - slimse_gru_keep

    .section .text.slimse_gru_blend, "ax", %progbits
    .balign 4
    .global slimse_gru_blend
    .type slimse_gru_blend, %function
    .thumb_func
slimse_gru_blend:
    begin
    mov r1, r10
    movs r0, #32
1:  load_sums 2, q0, q1
    gate_input q2, q0, q1, r2
    interpolate q2, r8, r9, q0, q1
    vldrh.s32 q0, [r4], #8
    vldrh.s32 q3, [r3], #8
    blend q3, q2, q0
    vadd.i32 q7, q7, r0
    vstrh.32 q3, [r1], #8
    le lr, 1b
    finish
    .size slimse_gru_blend, . - slimse_gru_blend
