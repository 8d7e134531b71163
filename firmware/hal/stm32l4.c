/*
 * stm32l4.c - STM32L4+ (RM0432) and STM32G4 (RM0440) in range 1 boost mode: PWR, RCC, FLASH.
 *
 *   HAL_PLL_N             the PLL's input is HSI16 / 4; core clock = 4 MHz * HAL_PLL_N / 2
 *   HAL_WAIT_STATES       of the flash
 *   HAL_VDDIO2            1: pins of port G have a supply of their own (L4+)
 *   HAL_PIN_TX, HAL_PIN_RX, HAL_PIN_FUNCTION; the link is on LPUART1
 *
 * The core is fed by HSI16 whatever is soldered: 1 % is good enough for a serial port.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"
#include "stm32_gpio.h"

#define REGISTER(address) ((volatile uint32_t *)(address))
#define GPIO_BASE 0x48000000u

static volatile uint32_t *const PWR_CR2 = REGISTER(0x40007004u);
static volatile uint32_t *const PWR_CR5 = REGISTER(0x40007080u);
static volatile uint32_t *const RCC_CR = REGISTER(0x40021000u);
static volatile uint32_t *const RCC_CFGR = REGISTER(0x40021008u);
static volatile uint32_t *const RCC_PLLCFGR = REGISTER(0x4002100Cu);
static volatile uint32_t *const RCC_AHB2ENR = REGISTER(0x4002104Cu);
static volatile uint32_t *const RCC_APB1ENR1 = REGISTER(0x40021058u);
static volatile uint32_t *const RCC_APB1ENR2 = REGISTER(0x4002105Cu);
static volatile uint32_t *const FLASH_ACR = REGISTER(0x40022000u);

enum { INTERNAL_HZ = 16000000, PLL_INPUT_HZ = 4000000 };

#define CR_HSI_ON (1u << 8)
#define CR_HSI_READY (1u << 10)
#define CR_PLL_ON (1u << 24)
#define CR_PLL_READY (1u << 25)
#define CFGR_AHB_HALF (8u << 4)
#define CR5_NORMAL_MODE (1u << 8)

static uint32_t start_clocks(void)
{
    *RCC_APB1ENR1 |= 1u << 28; /* PWR */
    (void)*RCC_APB1ENR1;
    *RCC_CR |= CR_HSI_ON;
    (void)hal_wait_for(RCC_CR, CR_HSI_READY, CR_HSI_READY);
    *RCC_CFGR = 1u; /* HSI16, so that the clock is the same whatever the part starts with */
    (void)hal_wait_for(RCC_CFGR, 3u << 2, 1u << 2);
    *PWR_CR5 &= ~CR5_NORMAL_MODE; /* boost */
    /* Wait states before the clock rises, prefetch, caches; bit 18 of G4 keeps debuggers in. */
    *FLASH_ACR = (*FLASH_ACR & ~0xFu) | 7u << 8 | HAL_WAIT_STATES;
    (void)hal_wait_for(FLASH_ACR, 0xFu, HAL_WAIT_STATES);
    *RCC_PLLCFGR = 1u << 24 | (uint32_t)HAL_PLL_N << 8 | 3u << 4 | 2u; /* R on: 2; N; M: 4; HSI16 */
    *RCC_CR |= CR_PLL_ON;
    if (!hal_wait_for(RCC_CR, CR_PLL_READY, CR_PLL_READY)) {
        return INTERNAL_HZ;
    }
    *RCC_CFGR = CFGR_AHB_HALF | 3u; /* in two steps, at least 1 us between them */
    (void)hal_wait_for(RCC_CFGR, 3u << 2, 3u << 2);
    for (uint32_t i = 0; i < 100u; i++) {
        __asm volatile("nop");
    }
    *RCC_CFGR = 3u;
    return PLL_INPUT_HZ / 2u * HAL_PLL_N;
}

hal_clocks_t family_start(void)
{
    const uint32_t core_hz = start_clocks();

    if (HAL_VDDIO2) {
        *PWR_CR2 |= 1u << 9; /* VDDIO2 is valid */
    }
    *RCC_AHB2ENR |= stm32_port_bits();
    *RCC_APB1ENR2 |= 1u; /* LPUART1 */
    (void)*RCC_APB1ENR2;
    stm32_pins_start(GPIO_BASE);
    return (hal_clocks_t){.core_hz = core_hz, .uart_hz = core_hz};
}

bool family_emulated(void)
{
    return false;
}

void family_pin_write(uint32_t pin, bool high)
{
    stm32_pin_write(GPIO_BASE, pin, high);
}
