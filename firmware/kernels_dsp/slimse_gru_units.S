/*
 * slimse_gru_units.S - see slimse_gru_units.h.
 *
 * Three sums, three weights, four inputs, three pointers and a register to unpack in: a compiler spills here.
 */
    .syntax unified
    .thumb

/* One quad of the input: weights in r4-r6, sums in r0-r2. */
.macro INPUT_QUAD x0, x1
    smlad   r0, r4, \x0, r0
    smlad   r1, r5, \x0, r1
    smlad   r2, r6, \x0, r2
    sxtb16  r4, r4
    sxtb16  r5, r5
    sxtb16  r6, r6
    smlad   r0, r4, \x1, r0
    smlad   r1, r5, \x1, r1
    smlad   r2, r6, \x1, r2
.endm

.macro TWO_INPUT_QUADS
    ldm     lr!, {r8-r11}
    ldm     r12!, {r4-r6}
    INPUT_QUAD r8, r9
    ldm     r12!, {r4-r6}
    INPUT_QUAD r10, r11
.endm

/* One quad of the state. */
.macro STATE_QUAD h0, h1
    sxtb16  r3, r4
    sxtb16  r4, r4, ror #8
    smlad   r0, r3, \h0, r0
    sxtb16  r3, r5
    smlad   r0, r4, \h1, r0
    sxtb16  r5, r5, ror #8
    smlad   r1, r3, \h0, r1
    sxtb16  r3, r6
    smlad   r1, r5, \h1, r1
    sxtb16  r6, r6, ror #8
    smlad   r2, r3, \h0, r2
    smlad   r2, r6, \h1, r2
.endm

/* A gate's input from both sums and their multipliers: the high word, rounded half up. */
.macro GATE_INPUT result, input, input_multiplier, state, state_multiplier
    smull   r3, lr, \input, \input_multiplier
    smlal   r3, lr, \state, \state_multiplier
    add     \result, lr, r3, lsr #31
.endm

/* A curve at a Q3.12 value: a word holds both neighbours; r6 = 128, r7 and r8 are used. */
.macro INTERPOLATE value, curve
    ssat    \value, #16, \value
    asr     r7, \value, #8
    uxtb    r8, \value
    ldr     r7, [\curve, r7, lsl #1]
    rsb     r8, r8, r8, lsl #16         /* 256 - fraction, fraction */
    add     r8, r8, #256
    smlad   \value, r7, r8, r6
    asr     \value, \value, #8
.endm

    .equ    G_SUMS, 0       /* over the input: update, reset, candidate */
    .equ    G_ENTRY, 12
    .equ    G_VALUES, 16    /* from here on the step's members */
    .equ    G_HIDDEN, 24
    .equ    G_SIGMOID, 32
    .equ    G_HALF, 40
    .equ    G_SUM_SHIFT, 48
    .equ    G_OLD, 52
    .equ    G_SIZE, 68

    .section .text.slimse_gru_units, "ax", %progbits
    .balign 4
    .global slimse_gru_units
    .type slimse_gru_units, %function
    .thumb_func
slimse_gru_units:
    push    {r4-r11, lr}
    sub     sp, sp, #G_SIZE
    mov     r12, r1
    add     r1, sp, #G_VALUES
    ldm     r0!, {r4-r11}
    stm     r1!, {r4-r11}
    ldm     r0, {r4-r8}
    stm     r1, {r4-r8}
    ldrd    r4, r5, [sp, #G_VALUES]
    sub     r5, r5, r4
    tst     r5, #16                     /* an odd number of pairs of quads begins in the middle of a turn */
    adr     r6, units_entries
    ite     ne
    ldrne   r6, [r6, #4]
    ldreq   r6, [r6]
    str     r6, [sp, #G_ENTRY]
    b       units_next
    .balign 4
units_entries:
    .word   units_first, units_second
units_next:
    ldm     r12!, {r0-r2}
    ldrd    lr, r7, [sp, #G_VALUES]
    ldr     pc, [sp, #G_ENTRY]
    .thumb_func
units_first:
    TWO_INPUT_QUADS
    .thumb_func
units_second:
    TWO_INPUT_QUADS
    cmp     lr, r7
    bne     units_first
    ldr     r3, [sp, #G_SUM_SHIFT]
    asr     r0, r0, r3
    asr     r1, r1, r3
    asr     r2, r2, r3
    strd    r0, r1, [sp, #G_SUMS]
    str     r2, [sp, #(G_SUMS + 8)]
    ldm     r12!, {r0-r2}
    ldrd    lr, r7, [sp, #G_HIDDEN]
1:  ldm     lr!, {r8-r11}
    ldm     r12!, {r4-r6}
    STATE_QUAD r8, r9
    ldm     r12!, {r4-r6}
    STATE_QUAD r10, r11
    cmp     lr, r7
    bne     1b
    ldm     r12!, {r4-r6, r8-r10}
    ldrd    r7, r11, [sp, #G_SUMS]
    GATE_INPUT r0, r7, r4, r0, r5
    GATE_INPUT r1, r11, r6, r1, r8
    ldrd    r4, r5, [sp, #G_SIGMOID]
    mov     r6, #128
    INTERPOLATE r0, r4
    ldr     r11, [sp, #(G_SUMS + 8)]
    INTERPOLATE r1, r4
    smull   r3, r7, r2, r1              /* the candidate's sum over the state, reset: half up by 15 bits */
    lsrs    r3, r3, #15
    adc     r2, r3, r7, lsl #17
    GATE_INPUT r2, r11, r9, r2, r10
    INTERPOLATE r2, r5
    add     r4, sp, #G_OLD
    ldm     r4, {r4-r7}
    ldrsh   r8, [r4], #2
    mov     r9, #16384
    subs    r7, r7, #1
    sub     r8, r8, r2                  /* candidate + update (old - candidate), half up by 15 bits */
    mla     r8, r0, r8, r9
    ldrd    r10, r11, [sp, #G_HALF]
    add     r2, r2, r8, asr #15
    strh    r2, [r5], #2
    add     r2, r2, r10
    asr     r2, r2, r11
    ssat    r2, #8, r2
    strb    r2, [r6], #1
    add     r8, sp, #G_OLD
    stm     r8, {r4-r7}
    bne     units_next
    add     sp, sp, #G_SIZE
    pop     {r4-r11, pc}
    .size slimse_gru_units, . - slimse_gru_units
