/*
 * counter_systick.c - core clock cycles by SysTick, for cores without a cycle counter (Armv6-M) and
 * for emulated boards without a better timer, where emulated time yields the executed instructions.
 *
 * SysTick counts 24 bits down; its exception counts the wraps.  It goes on during measurements,
 * in which only the other interrupts wait: a wrap costs some 30 cycles in 16.7 million.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

enum { RANGE = 1 << 24, RUN = 7 /* processor clock, exception, on */ };

static volatile uint32_t *const SYST_CSR = (volatile uint32_t *)0xE000E010u;
static volatile uint32_t *const SYST_RVR = (volatile uint32_t *)0xE000E014u;
static volatile uint32_t *const SYST_CVR = (volatile uint32_t *)0xE000E018u;
static volatile uint32_t *const NVIC_ISER = (volatile uint32_t *)0xE000E100u;
static volatile uint32_t *const NVIC_ICER = (volatile uint32_t *)0xE000E180u;


enum { IRQ_WORDS = 4 };

static volatile uint32_t wraps;
static uint32_t masked[IRQ_WORDS];

void hal_systick(void);

void hal_systick(void)
{
    wraps = wraps + 1u;
}

hal_counter_t counter_start(uint32_t core_hz)
{
    *SYST_RVR = RANGE - 1;
    *SYST_CVR = 0;
    counter_run(true);
    if (family_emulated()) {
        return (hal_counter_t){.kind = HAL_COUNTER_INSTRUCTIONS, .hz = core_hz};
    }
    return (hal_counter_t){.kind = HAL_COUNTER_CYCLES, .hz = 0};
}

void counter_run(bool run)
{
    *SYST_CSR = run ? RUN : RUN - 1;
}

uint32_t hal_counter(void)
{
    uint32_t before;
    uint32_t value;

    do {
        before = wraps;
        value = *SYST_CVR;
    } while (before != wraps);
    return before * RANGE + ((RANGE - value) & (RANGE - 1)); /* at 0 the wrap has been counted */
}

void hal_measure_begin(void)
{
    for (uint32_t i = 0; i < IRQ_WORDS; i++) {
        masked[i] = NVIC_ISER[i];
        NVIC_ICER[i] = masked[i];
    }
    __asm volatile("dsb\n isb" ::: "memory");
}

void hal_measure_end(void)
{
    for (uint32_t i = 0; i < IRQ_WORDS; i++) {
        NVIC_ISER[i] = masked[i];
    }
}
