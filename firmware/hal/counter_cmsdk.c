/*
 * counter_cmsdk.c - a timer of the FPGA images of Arm's MPS2 and MPS3 boards:
 *   HAL_TIMER_BASE  CMSDK timer 0, counts down (Cortex-M System Design Kit TRM, APB timer); or
 *   HAL_UPCOUNTER   address of a free-running up-counter (FPGAIO)
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

#ifdef HAL_TIMER_BASE
typedef struct {
    volatile uint32_t ctrl; /* bit 0 runs */
    volatile uint32_t value;
    volatile uint32_t reload;
} timer_t;

static timer_t *const TIMER = (timer_t *)HAL_TIMER_BASE;
#endif

hal_counter_t counter_start(uint32_t core_hz)
{
    (void)core_hz;
#ifdef HAL_TIMER_BASE
    TIMER->reload = 0xFFFFFFFFu;
    TIMER->value = 0xFFFFFFFFu;
#endif
    counter_run(true);
    return (hal_counter_t){.kind = HAL_COUNTER_INSTRUCTIONS, .hz = HAL_COUNTER_HZ};
}

void counter_run(bool run)
{
#ifdef HAL_TIMER_BASE
    TIMER->ctrl = run ? 1u : 0u;
#else
    (void)run;
#endif
}

uint32_t hal_counter(void)
{
#ifdef HAL_TIMER_BASE
    return ~TIMER->value;
#else
    return *(volatile uint32_t *)HAL_UPCOUNTER;
#endif
}

void hal_measure_begin(void)
{
    hal_interrupts_off();
}

void hal_measure_end(void)
{
    hal_interrupts_on();
}
