/*
 * Vector table, reset and fault entry of every Cortex-M board.  HAL_IRQS is the number of the
 * part's interrupts where it is not 112 (32 on Armv6-M).
 *
 * The coprocessor access register is set before any C runs: compilers use FPU and vector registers
 * for plain copies.  The fault entry leaves the stack, which may be full, before it calls C.
 */
    .syntax unified
    .thumb

#ifndef HAL_IRQS
#if __ARM_ARCH_6M__
#define HAL_IRQS 32
#else
#define HAL_IRQS 112
#endif
#endif

/* The table begins at a multiple of its size, rounded up to a power of two. */
#if HAL_IRQS > 112
#define TABLE_BYTES 1024
#elif HAL_IRQS > 48
#define TABLE_BYTES 512
#else
#define TABLE_BYTES 256
#endif

    .weak   hal_systick             /* where a board counts with SysTick */
    .set    hal_systick, hal_fault_entry

    .section .vectors, "a"
    .balign TABLE_BYTES
    .global hal_vectors
    .type hal_vectors, %object
hal_vectors:
    .word hal_stack_top
    .word hal_reset
    .rept 13
    .word hal_fault_entry
    .endr
    .word hal_systick
    .rept HAL_IRQS
    .word hal_interrupt
    .endr
    .size hal_vectors, . - hal_vectors

    .section .text.hal_reset, "ax"
    .global hal_reset
    .type hal_reset, %function
    .thumb_func
hal_reset:
    cpsid   i
    ldr     r0, =hal_stack_top
    msr     msp, r0
    ldr     r0, =0xE000ED08         /* VTOR */
    ldr     r1, =hal_vectors
    str     r1, [r0]
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    ldr     r0, =0xE000ED88         /* CPACR: full access to coprocessors 10 and 11 */
    ldr     r1, [r0]
    orr     r1, r1, #0x00F00000
    str     r1, [r0]
    dsb
    isb
#endif
    ldr     r0, =hal_stack_floor    /* paint the stack: hal_stack_peak() looks for the paint */
    ldr     r1, =hal_stack_top
    ldr     r2, =0xA5A5A5A5
1:  cmp     r0, r1
    bhs     2f
    str     r2, [r0]
    adds    r0, #4
    b       1b
2:  ldr     r0, =hal_data_start     /* initialised data */
    ldr     r1, =hal_data_end
    ldr     r2, =hal_data_load
3:  cmp     r0, r1
    bhs     4f
    ldr     r3, [r2]
    str     r3, [r0]
    adds    r0, #4
    adds    r2, #4
    b       3b
4:  ldr     r0, =hal_bss_start      /* zeroed data */
    ldr     r1, =hal_bss_end
    movs    r2, #0
5:  cmp     r0, r1
    bhs     6f
    str     r2, [r0]
    adds    r0, #4
    b       5b
6:
#if __ARM_ARCH >= 8
    ldr     r0, =hal_stack_floor
    msr     msplim, r0
#endif
    bl      hal_start
    .ltorg
    .size hal_reset, . - hal_reset

    .section .text.hal_fault_entry, "ax"
    .global hal_fault_entry
    .type hal_fault_entry, %function
    .thumb_func
hal_fault_entry:
    cpsid   i
    mrs     r0, msp
#if __ARM_ARCH >= 8
    movs    r1, #0
    msr     msplim, r1
#endif
    ldr     r1, =hal_fault_stack_top
    msr     msp, r1
    isb
    bl      hal_fault
    .ltorg
    .size hal_fault_entry, . - hal_fault_entry
