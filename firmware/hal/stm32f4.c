/*
 * stm32f4.c - STM32F2, F4 and F7, whose clock control is laid out alike (RM0033, RM0090, RM0383,
 * RM0390, RM0385, RM0410: chapters PWR, RCC, FLASH).
 *
 *   HAL_HSE_HZ         crystal; with HAL_HSE_BYPASS=1 what the debug probe feeds in
 *   HAL_PLL_N, _P, _Q  the PLL's input is 1 MHz; core clock = HAL_PLL_N / HAL_PLL_P MHz
 *   HAL_FLASH_ACR      wait states, prefetch, caches
 *   HAL_PPRE1, _2      fields of RCC_CFGR: 0, 4, 5 divide by 1, 2, 4
 *   HAL_VOS            voltage scale, field of PWR_CR: 3 is scale 1, on F405 and F407 1, on F2 0
 *   HAL_OVERDRIVE      1: over-drive mode, which the highest clocks of some parts need
 *   HAL_UART_APB, HAL_UART_ENABLE_BIT, HAL_PIN_TX, HAL_PIN_RX, HAL_PIN_FUNCTION
 *   HAL_CACHES         1: Cortex-M7
 */
#include "cache.h"
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"
#include "stm32_gpio.h"

typedef struct {
    volatile uint32_t cr, pllcfgr, cfgr, cir, unused_10[8];
    volatile uint32_t ahb1enr, ahb2enr, ahb3enr, unused_3c;
    volatile uint32_t apb1enr, apb2enr;
} rcc_t;

typedef struct {
    volatile uint32_t cr, csr;
} pwr_t;

static rcc_t *const RCC = (rcc_t *)0x40023800u;
static pwr_t *const PWR = (pwr_t *)0x40007000u;
static volatile uint32_t *const FLASH_ACR = (volatile uint32_t *)0x40023C00u;

#ifndef HAL_HSE_BYPASS
#define HAL_HSE_BYPASS 0
#endif
#ifndef HAL_OVERDRIVE
#define HAL_OVERDRIVE 0
#endif
#ifndef HAL_CACHES
#define HAL_CACHES 0
#endif

#define GPIO_BASE 0x40020000u
#define RCC_HSE_ON (1u << 16)
#define RCC_HSE_READY (1u << 17)
#define RCC_HSE_BYPASS (1u << 18)
#define RCC_PLL_ON (1u << 24)
#define RCC_PLL_READY (1u << 25)
#define PLL_FROM_HSE (1u << 22)
#define PWR_OVERDRIVE (1u << 16)        /* in CR: on; in CSR: ready */
#define PWR_OVERDRIVE_SWITCH (1u << 17) /* likewise */

enum { INTERNAL_MHZ = 16 };

static void start_supply(void)
{
    RCC->apb1enr |= 1u << 28; /* PWR */
    (void)RCC->apb1enr;       /* two bus cycles until the clock runs (errata of the F2 and F4) */
    PWR->cr = (PWR->cr & ~(3u << 14)) | (uint32_t)HAL_VOS << 14; /* while the PLL is off */
}

static void start_overdrive(void)
{
    PWR->cr |= PWR_OVERDRIVE;
    (void)hal_wait_for(&PWR->csr, PWR_OVERDRIVE, PWR_OVERDRIVE);
    PWR->cr |= PWR_OVERDRIVE_SWITCH;
    (void)hal_wait_for(&PWR->csr, PWR_OVERDRIVE_SWITCH, PWR_OVERDRIVE_SWITCH);
}

/* From the crystal, or from the internal oscillator if the crystal does not start. */
static hal_clocks_t start_clocks(void)
{
    const uint32_t apb = HAL_UART_APB == 1 ? HAL_PPRE1 : HAL_PPRE2;
    uint32_t divider = INTERNAL_MHZ;
    uint32_t source = 0;
    uint32_t core_hz = INTERNAL_MHZ * 1000000u;

    start_supply();
    if (HAL_HSE_BYPASS) {
        RCC->cr |= RCC_HSE_BYPASS; /* before the oscillator is on */
    }
    RCC->cr |= RCC_HSE_ON;
    if (hal_wait_for(&RCC->cr, RCC_HSE_READY, RCC_HSE_READY)) {
        divider = HAL_HSE_HZ / 1000000u;
        source = PLL_FROM_HSE;
    }
    RCC->pllcfgr = divider | (uint32_t)HAL_PLL_N << 6 | (HAL_PLL_P / 2u - 1u) << 16 | source
                   | (uint32_t)HAL_PLL_Q << 24;
    RCC->cr |= RCC_PLL_ON;
    if (HAL_OVERDRIVE) {
        start_overdrive();
    }
    *FLASH_ACR = HAL_FLASH_ACR; /* before the clock rises */
    RCC->cfgr = (uint32_t)HAL_PPRE1 << 10 | (uint32_t)HAL_PPRE2 << 13;
    if (hal_wait_for(&RCC->cr, RCC_PLL_READY, RCC_PLL_READY)) {
        RCC->cfgr |= 2u;
        if (hal_wait_for(&RCC->cfgr, 3u << 2, 2u << 2)) {
            core_hz = HAL_PLL_N / HAL_PLL_P * 1000000u;
        }
    }
    return (hal_clocks_t){.core_hz = core_hz, .uart_hz = apb == 0u ? core_hz : core_hz >> (apb - 3u)};
}

hal_clocks_t family_start(void)
{
    hal_clocks_t clocks = start_clocks();

    if (family_emulated()) { /* QEMU has no clock control: it runs as if all had started */
        clocks.core_hz = HAL_CLOCK_HZ;
    }
    if (HAL_CACHES) {
        hal_caches_on();
    }
    RCC->ahb1enr |= stm32_port_bits();
#if HAL_UART_APB == 1
    RCC->apb1enr |= 1u << HAL_UART_ENABLE_BIT;
#else
    RCC->apb2enr |= 1u << HAL_UART_ENABLE_BIT;
#endif
    (void)RCC->apb2enr;
    stm32_pins_start(GPIO_BASE);
    return clocks;
}

bool family_emulated(void)
{
    return HAL_SEMIHOSTING && !hal_cycle_counter_start(); /* which stands still in QEMU */
}

void family_pin_write(uint32_t pin, bool high)
{
    stm32_pin_write(GPIO_BASE, pin, high);
}
