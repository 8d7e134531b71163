/*
 * counter_dwt.c - core clock cycles by the cycle counter of the data watchpoint and trace unit
 * (Armv7-M and Armv8-M Architecture Reference Manuals, DWT_CYCCNT).
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

hal_counter_t counter_start(uint32_t core_hz)
{
    (void)core_hz;
    if (!hal_cycle_counter_start()) {
        return (hal_counter_t){.kind = HAL_COUNTER_NONE, .hz = 0};
    }
    return (hal_counter_t){.kind = HAL_COUNTER_CYCLES, .hz = 0};
}

void counter_run(bool run)
{
    (void)run;
}

uint32_t hal_counter(void)
{
    return *(volatile uint32_t *)0xE0001004u;
}

void hal_measure_begin(void)
{
    hal_interrupts_off();
}

void hal_measure_end(void)
{
    hal_interrupts_on();
}
