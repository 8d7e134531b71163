/*
 * cortex_m.h - what the files of a Cortex-M board layer share: interrupts, bounded waiting.
 */
#ifndef HAL_CORTEX_M_H
#define HAL_CORTEX_M_H

#include <stdbool.h>
#include <stdint.h>

static inline void hal_interrupts_off(void)
{
    __asm volatile("cpsid i" ::: "memory");
}

static inline void hal_interrupts_on(void)
{
    __asm volatile("cpsie i" ::: "memory");
}

/* Let interrupt `number` through (NVIC_ISER). */
static inline void hal_interrupt_enable(uint32_t number)
{
    volatile uint32_t *const enable = (volatile uint32_t *)0xE000E100u;

    enable[number / 32u] = 1u << (number % 32u);
}

/* Poll until the masked bits of `*word` are `wanted`; false after so many polls that it never will. */
static inline bool hal_wait_for(const volatile uint32_t *word, uint32_t mask, uint32_t wanted)
{
    for (uint32_t i = 0; i < 100000u; i++) { /* some milliseconds at the clock after reset */
        if ((*word & mask) == wanted) {
            return true;
        }
    }
    return false;
}

/* Whether the cycle counter counts, which it does not in QEMU; starts it.  Armv7-M and later. */
static inline bool hal_cycle_counter_start(void)
{
    volatile uint32_t *const demcr = (volatile uint32_t *)0xE000EDFCu;
    volatile uint32_t *const dwt_ctrl = (volatile uint32_t *)0xE0001000u;
    volatile uint32_t *const dwt_cyccnt = (volatile uint32_t *)0xE0001004u;
    volatile uint32_t *const dwt_lar = (volatile uint32_t *)0xE0001FB0u;
    uint32_t start;

    *demcr |= 1u << 24;
    *dwt_lar = 0xC5ACCE55u; /* Cortex-M7 locks the unit; elsewhere nothing is there to be written */
    *dwt_ctrl |= 1u;
    start = *dwt_cyccnt;
    __asm volatile("nop\n nop\n nop\n nop");
    return *dwt_cyccnt != start;
}

#endif
