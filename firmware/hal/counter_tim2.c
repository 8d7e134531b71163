/*
 * counter_tim2.c - STM32F2 and F4 boards that QEMU models: cycles (DWT) on silicon; in QEMU, whose
 * cycle counter stands still, instructions by timer 2, one tick per emulated nanosecond.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

static volatile uint32_t *const RCC_APB1ENR = (volatile uint32_t *)0x40023840u;
static volatile uint32_t *const TIM2_CR1 = (volatile uint32_t *)0x40000000u;
static volatile uint32_t *const TIM2_CNT = (volatile uint32_t *)0x40000024u;

static bool emulated;

hal_counter_t counter_start(uint32_t core_hz)
{
    (void)core_hz;
    emulated = family_emulated();
    if (!emulated) {
        return (hal_counter_t){.kind = HAL_COUNTER_CYCLES, .hz = 0};
    }
    *RCC_APB1ENR |= 1u;
    *TIM2_CR1 = 1u;
    return (hal_counter_t){.kind = HAL_COUNTER_INSTRUCTIONS, .hz = HAL_COUNTER_HZ};
}

void counter_run(bool run)
{
    (void)run;
}

uint32_t hal_counter(void)
{
    return emulated ? *TIM2_CNT : *(volatile uint32_t *)0xE0001004u;
}

void hal_measure_begin(void)
{
    hal_interrupts_off();
}

void hal_measure_end(void)
{
    hal_interrupts_on();
}
