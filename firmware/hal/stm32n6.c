/*
 * stm32n6.c - STM32N6, in the state in which its boot ROM leaves a part in development boot: secure,
 * on the internal oscillator of 64 MHz, all PLLs off (RM0486: RCC ch. 14, GPIO ch. 17).  Link on USART1.
 *
 *   HAL_PIN_TX, HAL_PIN_RX, HAL_PIN_FUNCTION
 *
 * The part has no flash: a debug probe loads the image into RAM, and it is gone with the power.
 */
#include "cache.h"
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"
#include "stm32_gpio.h"

#define REGISTER(address) ((volatile uint32_t *)(address))
#define GPIO_BASE 0x56020000u

static volatile uint32_t *const RCC_AHB4ENR = REGISTER(0x5602825Cu);
static volatile uint32_t *const RCC_APB2ENR = REGISTER(0x5602826Cu);

enum { INTERNAL_HZ = 64000000 };

hal_clocks_t family_start(void)
{
    hal_caches_on();
    *RCC_AHB4ENR |= stm32_port_bits();
    *RCC_APB2ENR |= 1u << 4; /* USART1 */
    (void)*RCC_APB2ENR;
    stm32_pins_start(GPIO_BASE);
    return (hal_clocks_t){.core_hz = INTERNAL_HZ, .uart_hz = INTERNAL_HZ};
}

bool family_emulated(void)
{
    return false;
}

void family_pin_write(uint32_t pin, bool high)
{
    stm32_pin_write(GPIO_BASE, pin, high);
}
