/*
 * stm32g0.c - STM32G0x1 at 64 MHz (RM0444: RCC ch. 5, FLASH ch. 3), link on USART2.
 *
 *   HAL_PIN_TX, HAL_PIN_RX, HAL_PIN_FUNCTION
 *
 * PLL: HSI16 * 8 / 2.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"
#include "stm32_gpio.h"

#define REGISTER(address) ((volatile uint32_t *)(address))
#define GPIO_BASE 0x50000000u

static volatile uint32_t *const RCC_CR = REGISTER(0x40021000u);
static volatile uint32_t *const RCC_CFGR = REGISTER(0x40021008u);
static volatile uint32_t *const RCC_PLLCFGR = REGISTER(0x4002100Cu);
static volatile uint32_t *const RCC_IOPENR = REGISTER(0x40021034u);
static volatile uint32_t *const RCC_APBENR1 = REGISTER(0x4002103Cu);
static volatile uint32_t *const FLASH_ACR = REGISTER(0x40022000u);

enum { INTERNAL_HZ = 16000000, PLL_N = 8, WAIT_STATES = 2 };

#define CR_PLL_ON (1u << 24)
#define CR_PLL_READY (1u << 25)

static uint32_t start_clocks(void)
{
    /* Wait states before the clock rises, cache, prefetch; bit 18 keeps debuggers in. */
    *FLASH_ACR = (*FLASH_ACR & ~7u) | 1u << 9 | 1u << 8 | WAIT_STATES;
    (void)hal_wait_for(FLASH_ACR, 7u, WAIT_STATES);
    *RCC_PLLCFGR = 1u << 29 | 1u << 28 | PLL_N << 8 | 2u; /* R: 2, on; N; M: 1; HSI16 */
    *RCC_CR |= CR_PLL_ON;
    if (!hal_wait_for(RCC_CR, CR_PLL_READY, CR_PLL_READY)) {
        return INTERNAL_HZ;
    }
    *RCC_CFGR = 2u;
    (void)hal_wait_for(RCC_CFGR, 7u << 3, 2u << 3);
    return INTERNAL_HZ * PLL_N / 2;
}

hal_clocks_t family_start(void)
{
    const uint32_t core_hz = start_clocks();

    *RCC_IOPENR |= stm32_port_bits();
    *RCC_APBENR1 |= 1u << 17; /* USART2 */
    (void)*RCC_APBENR1;
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
