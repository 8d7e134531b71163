/*
 * cortex_m.c - what all Cortex-M boards share: start, stack guard, stack high-water mark, faults,
 * exit.
 *
 * The linker script puts the stack at the bottom of RAM, its lowest bytes are the guard:
 *   hal_stack_bottom .. hal_stack_floor  the guard, no access (Armv7-M: an MPU region)
 *   hal_stack_floor .. hal_stack_top     the stack; Armv8-M: MSPLIM is hal_stack_floor, no guard
 */
#include "hal.h"
#include "parts.h"
#include "semihosting.h"

static hal_info_t board_info;

extern uint32_t hal_stack_bottom[], hal_stack_floor[], hal_stack_top[];

_Noreturn void hal_start(void);
_Noreturn void hal_reset(void); /* cortex_m_start.S */
_Noreturn void hal_fault(const uint32_t *frame);

enum { STACK_PAINT = (int)0xA5A5A5A5u };

#ifndef __ARM_ARCH_6M__
static volatile uint32_t *const SCB_CFSR = (volatile uint32_t *)0xE000ED28u;
static volatile uint32_t *const SCB_HFSR = (volatile uint32_t *)0xE000ED2Cu;
static volatile uint32_t *const SCB_MMFAR = (volatile uint32_t *)0xE000ED34u;
static volatile uint32_t *const SCB_BFAR = (volatile uint32_t *)0xE000ED38u;
static volatile uint32_t *const SCB_SHCSR = (volatile uint32_t *)0xE000ED24u;
#endif

#define CFSR_STACKING ((1u << 4) | (1u << 12)) /* MSTKERR, STKERR */
#define CFSR_MMARVALID (1u << 7)
#define CFSR_BFARVALID (1u << 15)
#define CFSR_STKOF (1u << 20)

static void stack_guard(void)
{
#if __ARM_ARCH < 8
    volatile uint32_t *const mpu_type = (volatile uint32_t *)0xE000ED90u;
    volatile uint32_t *const mpu_ctrl = (volatile uint32_t *)0xE000ED94u;
    volatile uint32_t *const mpu_rnr = (volatile uint32_t *)0xE000ED98u;
    volatile uint32_t *const mpu_rbar = (volatile uint32_t *)0xE000ED9Cu;
    volatile uint32_t *const mpu_rasr = (volatile uint32_t *)0xE000EDA0u;

    if (*mpu_type == 0u || &hal_stack_floor[0] == &hal_stack_bottom[0]) {
        return; /* without a guard the stack ends where the RAM does, and nothing lies below that */
    }
    *mpu_rnr = 0;
    *mpu_rbar = (uint32_t)(uintptr_t)hal_stack_bottom;
    *mpu_rasr = (1u << 28) | (7u << 1) | 1u; /* execute never, no access, 2^(7+1) bytes, enabled */
    *mpu_ctrl = (1u << 2) | 1u;              /* everything else as without an MPU */
    __asm volatile("dsb\n isb" ::: "memory");
#endif
}

_Noreturn void hal_start(void)
{
    stack_guard();
#ifndef __ARM_ARCH_6M__
    *SCB_SHCSR |= 7u << 16; /* memory, bus and usage faults by their own name */
#endif
    __asm volatile("dsb\n isb\n cpsie i" ::: "memory");
    hal_exit(main(0, NULL));
}

void hal_init(int argc, char **argv)
{
    const bool emulated = family_emulated();
    const hal_clocks_t clocks = family_start();
    const hal_counter_t counter = counter_start(clocks.core_hz);

    (void)argc;
    (void)argv;
    board_info = (hal_info_t){
        .board = HAL_BOARD,
        .clock_hz = clocks.core_hz,
        .counter_hz = counter.hz,
        .counter_kind = counter.kind,
        .window = emulated ? 4 : 1,
        .duplex = 1, /* bytes are taken by an interrupt, or wait in a pipe */
    };
    serial_start(clocks.uart_hz);
    hal_mark(HAL_MARK_BUSY, true);
}

const hal_info_t *hal_info(void)
{
    return &board_info;
}

uint32_t hal_stack_bytes(void)
{
    return (uint32_t)((uintptr_t)hal_stack_top - (uintptr_t)hal_stack_floor);
}

uint32_t hal_stack_peak(void)
{
    const volatile uint32_t *word = hal_stack_floor;

    while (word < hal_stack_top && *word == (uint32_t)STACK_PAINT) {
        word++;
    }
    return (uint32_t)((uintptr_t)hal_stack_top - (uintptr_t)word);
}

static bool overflowed(const hal_fault_t *fault)
{
    const uint32_t bottom = (uint32_t)(uintptr_t)hal_stack_bottom;
    const uint32_t floor = (uint32_t)(uintptr_t)hal_stack_floor;

    if ((fault->cfsr & CFSR_STKOF) != 0u) {
        return true;
    }
    if (fault->sp < floor + 0x20u) {
        return true;
    }
    if ((fault->cfsr & CFSR_MMARVALID) != 0u) {
        return fault->mmfar >= bottom && fault->mmfar < floor;
    }
    /* Far below the guard nothing of ours is mapped. */
    return (fault->cfsr & CFSR_BFARVALID) != 0u && fault->bfar < bottom
           && fault->bfar >= bottom - 0x100000u;
}

static void unstack(hal_fault_t *fault, const uint32_t *frame)
{
    const bool inside = frame >= hal_stack_floor && frame + 8 <= hal_stack_top;

    if (!inside || (fault->cfsr & CFSR_STACKING) != 0u) {
        return;
    }
    fault->r0 = frame[0];
    fault->r1 = frame[1];
    fault->r2 = frame[2];
    fault->r3 = frame[3];
    fault->r12 = frame[4];
    fault->lr = frame[5];
    fault->pc = frame[6];
    fault->xpsr = frame[7];
    fault->frame_valid = 1;
}

_Noreturn void hal_fault(const uint32_t *frame)
{
    static hal_fault_t fault;
    static volatile uint32_t entered;
    uint32_t ipsr;

    if (entered != 0u) {
        hal_exit(71); /* the report itself faulted */
    }
    entered = 1;
    __asm volatile("mrs %0, ipsr" : "=r"(ipsr));
    fault.exception = (uint8_t)ipsr;
    fault.sp = (uint32_t)(uintptr_t)frame;
#ifndef __ARM_ARCH_6M__ /* which has no status registers: every fault is a hard fault */
    fault.cfsr = *SCB_CFSR;
    fault.hfsr = *SCB_HFSR;
    fault.mmfar = *SCB_MMFAR;
    fault.bfar = *SCB_BFAR;
#endif
    unstack(&fault, frame);
    fault.stack_overflow = overflowed(&fault) ? 1 : 0;
    app_fault(&fault);
    hal_exit(70);
}

_Noreturn void hal_exit(int code)
{
    hal_flush();
#if HAL_SEMIHOSTING
    if (family_emulated()) {
        enum { APPLICATION_EXIT = 0x20026 };

        (void)semihosting(SEMIHOSTING_EXIT_EXTENDED,
                          (semihosting_arguments_t){{APPLICATION_EXIT, (uint32_t)code}});
    }
#endif
    if (code == 0) { /* ready for the next peer */
#ifdef HAL_IMAGE_IN_RAM
        hal_reset(); /* a reset of the part would lose the image */
#else
        *(volatile uint32_t *)0xE000ED0Cu = 0x05FA0004u; /* system reset */
#endif
    }
    for (;;) {
        __asm volatile("wfi");
    }
}
