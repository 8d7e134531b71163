/*
 * stm32f1.c - STM32F100 (value line, RM0041) and F103 (RM0008): chapters RCC, FLASH, GPIO.
 *
 *   HAL_HSE_HZ, HAL_HSE_BYPASS  8 MHz; bypass 1 where the debug probe feeds it in
 *   HAL_PLL_MUL                 core clock = HAL_HSE_HZ * HAL_PLL_MUL
 *   HAL_FLASH_ACR               wait states and prefetch; 0 on the value line, which has neither
 *   HAL_PPRE1                   field of RCC_CFGR: 0, 4 divide APB1 by 1, 2; APB2 is not divided
 *   HAL_UART_APB, HAL_UART_ENABLE_BIT
 *   HAL_PIN_TX, HAL_PIN_RX      pins of port A, by their bit
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

typedef struct {
    volatile uint32_t cr, cfgr, cir, apb2rstr, apb1rstr, ahbenr, apb2enr, apb1enr;
} rcc_t;

typedef struct {
    volatile uint32_t config[2], idr, odr, bsrr;
} gpio_t;

static rcc_t *const RCC = (rcc_t *)0x40021000u;
static gpio_t *const GPIOA = (gpio_t *)0x40010800u;
static volatile uint32_t *const FLASH_ACR = (volatile uint32_t *)0x40022000u;

#ifndef HAL_HSE_BYPASS
#define HAL_HSE_BYPASS 0
#endif

enum {
    HSI_HZ = 8000000,
    PIN_INPUT_PULLED = 0x8,
    PIN_FUNCTION_FAST = 0xB,
    PIN_OUTPUT_FAST = 0x3
};

#define RCC_HSE_ON (1u << 16)
#define RCC_HSE_READY (1u << 17)
#define RCC_HSE_BYPASS (1u << 18)
#define RCC_PLL_ON (1u << 24)
#define RCC_PLL_READY (1u << 25)
#define PLL_FROM_HSE (1u << 16)

/* From the crystal; without it the core stays with the internal oscillator, and says so. */
static uint32_t start_clocks(void)
{
    if (HAL_HSE_BYPASS) {
        RCC->cr |= RCC_HSE_BYPASS;
    }
    RCC->cr |= RCC_HSE_ON;
    if (!hal_wait_for(&RCC->cr, RCC_HSE_READY, RCC_HSE_READY)) {
        return HSI_HZ;
    }
    if (HAL_FLASH_ACR != 0) {
        *FLASH_ACR = HAL_FLASH_ACR; /* before the clock rises */
    }
    RCC->cfgr = PLL_FROM_HSE | (HAL_PLL_MUL - 2u) << 18 | (uint32_t)HAL_PPRE1 << 8;
    RCC->cr |= RCC_PLL_ON;
    if (!hal_wait_for(&RCC->cr, RCC_PLL_READY, RCC_PLL_READY)) {
        return HSI_HZ;
    }
    RCC->cfgr |= 2u;
    return hal_wait_for(&RCC->cfgr, 3u << 2, 2u << 2) ? HAL_HSE_HZ * HAL_PLL_MUL : HSI_HZ;
}

static void pin_mode(uint32_t pin, uint32_t mode)
{
    volatile uint32_t *const config = &GPIOA->config[pin / 8u];

    *config = (*config & ~(0xFu << 4u * (pin % 8u))) | mode << 4u * (pin % 8u);
}

hal_clocks_t family_start(void)
{
    hal_clocks_t clocks = {.core_hz = start_clocks()};

    if (family_emulated()) { /* QEMU has no clock control: it runs as if all had started */
        clocks.core_hz = HAL_CLOCK_HZ;
    }
    clocks.uart_hz = HAL_UART_APB == 1 && HAL_PPRE1 == 4 ? clocks.core_hz / 2u : clocks.core_hz;
    RCC->apb2enr |= 1u << 2; /* port A */
#if HAL_UART_APB == 1
    RCC->apb1enr |= 1u << HAL_UART_ENABLE_BIT;
#else
    RCC->apb2enr |= 1u << HAL_UART_ENABLE_BIT;
#endif
    GPIOA->bsrr = 1u << HAL_PIN_RX; /* pulled up */
    pin_mode(HAL_PIN_TX, PIN_FUNCTION_FAST);
    pin_mode(HAL_PIN_RX, PIN_INPUT_PULLED);
#ifdef HAL_PIN_INFERENCE
    pin_mode(HAL_PIN_INFERENCE, PIN_OUTPUT_FAST);
#endif
#ifdef HAL_PIN_BUSY
    pin_mode(HAL_PIN_BUSY, PIN_OUTPUT_FAST);
#endif
    return clocks;
}

bool family_emulated(void)
{
    return HAL_SEMIHOSTING && !hal_cycle_counter_start(); /* which stands still in QEMU */
}

/* Pins of port A by their bit. */
void family_pin_write(uint32_t pin, bool high)
{
    GPIOA->bsrr = high ? 1u << pin : 1u << (16u + pin);
}
