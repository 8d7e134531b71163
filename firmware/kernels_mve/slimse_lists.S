/*
 * Eight bits at a time by a table of the bits that each byte has set; comparisons yield sixteen bits at once.
 */
    .syntax unified
    .thumb

    .section .rodata.slimse_lists, "a", %progbits
    .balign 8
/* [256][8] the numbers of the bits that are set, ascending; last how many there are, less one, which for eight is the same. */
set_bits:
    .set byte, 0
    .rept 256
    .set length, 0
    .irp bit, 0, 1, 2, 3, 4, 5, 6, 7
    .if (byte >> \bit) & 1
    .byte \bit
    .set length, length + 1
    .endif
    .endr
    .if length < 7
    .skip 7 - length
    .endif
    .if length < 8
    .byte length - 1
    .endif
    .set byte, byte + 1
    .endr

/* Append the bits of \byte to the list at r3; r4 is the number of the first of them, r5 is the table. */
.macro append byte, spare
    add \spare, r5, \byte, lsl #3
    vldrb.u16 q0, [\spare]
    ldrsb \spare, [\spare, #7]
    vadd.i16 q0, q0, r4
    adds r4, #8
    vstrh.16 q0, [r3], #2
    add r3, r3, \spare, lsl #1
.endm

    .section .text.slimse_list_bits, "ax", %progbits
    .balign 4
    .global slimse_list_bits
    .type slimse_list_bits, %function
    .thumb_func
slimse_list_bits:
    push {r2, r4-r7, lr}
    mov r3, r2
    ldr r5, =set_bits
    movs r4, #0
    lsr lr, r1, #3
    wls lr, lr, 2f
1:  ldrb r2, [r0], #1
    append r2, r7
    le lr, 1b
2:  ands r1, r1, #7
    beq 3f
    /* The last ones end where the list may end. */
    ldrb r2, [r0]
    add r7, r5, r2, lsl #3
    ldrsb r2, [r7, #7]
    vldrb.u16 q0, [r7]
    adds r2, #1
    vctp.16 r2
    vadd.i16 q0, q0, r4
    vpst
    vstrht.16 q0, [r3]
    add r3, r3, r2, lsl #1
3:  pop {r2}
    subs r0, r3, r2
    lsrs r0, r0, #1
    pop {r4-r7, pc}
    .ltorg
    .size slimse_list_bits, . - slimse_list_bits

    .section .text.slimse_list_nonzero, "ax", %progbits
    .balign 4
    .global slimse_list_nonzero
    .type slimse_list_nonzero, %function
    .thumb_func
slimse_list_nonzero:
    push {r3-r8, lr}
    ldr r5, =set_bits
    movs r4, #0
    lsr lr, r1, #4
    wls lr, lr, 2f
1:  vldrb.u8 q1, [r0], #16
    vcmp.i8 ne, q1, r2
    vmrs r8, p0
    uxtb r12, r8
    lsr r8, r8, #8
    append r12, r7
    append r8, r7
    le lr, 1b
2:  ands r1, r1, #15
    beq 3f
    vctp.8 r1
    vpstt
    vldrbt.u8 q1, [r0]
    vcmpt.i8 ne, q1, r2
    vmrs r8, p0
    uxtb r12, r8
    lsr r8, r8, #8
    append r12, r7
    append r8, r7
3:  pop {r2}
    subs r0, r3, r2
    lsrs r0, r0, #1
    pop {r4-r8, pc}
    .ltorg
    .size slimse_list_nonzero, . - slimse_list_nonzero

    .section .text.slimse_positive_bits, "ax", %progbits
    .balign 4
    .global slimse_positive_bits
    .type slimse_positive_bits, %function
    .thumb_func
slimse_positive_bits:
    push {r4, lr}
    add lr, r1, #15
    lsr lr, lr, #4
    wls lr, lr, 4f
    /* Narrowing in pairs brings back the order in which VLD4 dealt; it keeps the sign. */
1:  vld40.32 {q0, q1, q2, q3}, [r0]
    vld41.32 {q0, q1, q2, q3}, [r0]
    vld42.32 {q0, q1, q2, q3}, [r0]
    vld43.32 {q0, q1, q2, q3}, [r0]!
    vqmovnb.s32 q0, q0
    vqmovnb.s32 q1, q1
    vqmovnt.s32 q0, q2
    vqmovnt.s32 q1, q3
    vqmovnb.s16 q0, q0
    vqmovnt.s16 q0, q1
    vcmp.s8 gt, q0, zr
    vmrs r3, p0
    subs r1, #16
    blo 2f
    strh r3, [r2], #2
    le lr, 1b
    pop {r4, pc}
    /* The last ones, fewer than 16. */
2:  add r1, #16
    movs r4, #1
    lsl r4, r4, r1
    subs r4, #1
    ands r3, r3, r4
    strb r3, [r2], #1
    cmp r1, #8
    bls 4f
    lsrs r3, r3, #8
    strb r3, [r2]
4:  pop {r4, pc}
    .size slimse_positive_bits, . - slimse_positive_bits
