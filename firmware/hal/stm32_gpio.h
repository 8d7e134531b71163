/*
 * stm32_gpio.h - pins of all STM32 but the F1 (e.g. RM0090 section 8.4; the registers are the same).
 */
#ifndef HAL_STM32_GPIO_H
#define HAL_STM32_GPIO_H

#include <stdbool.h>
#include <stdint.h>

#include "parts.h"

typedef struct {
    volatile uint32_t moder, otyper, ospeedr, pupdr, idr, odr, bsrr, lckr, afr[2];
} stm32_gpio_t;

static inline stm32_gpio_t *stm32_port(uintptr_t base, uint32_t pin)
{
    return (stm32_gpio_t *)(base + 0x400u * (pin / 16u));
}

/* Give `pin` to the peripheral that `function` selects, fast, without pull. */
static inline void stm32_pin_function(uintptr_t base, uint32_t pin, uint32_t function)
{
    stm32_gpio_t *const port = stm32_port(base, pin);
    const uint32_t bit = pin % 16u;
    volatile uint32_t *const select = &port->afr[bit / 8u];

    *select = (*select & ~(0xFu << 4u * (bit % 8u))) | function << 4u * (bit % 8u);
    port->ospeedr = (port->ospeedr & ~(3u << 2u * bit)) | 2u << 2u * bit;
    port->moder = (port->moder & ~(3u << 2u * bit)) | 2u << 2u * bit;
}

/* Keep `pin` high while nothing drives it: a receiver without cable then hears silence. */
static inline void stm32_pin_pull_up(uintptr_t base, uint32_t pin)
{
    stm32_gpio_t *const port = stm32_port(base, pin);
    const uint32_t bit = pin % 16u;

    port->pupdr = (port->pupdr & ~(3u << 2u * bit)) | 1u << 2u * bit;
}

static inline void stm32_pin_output(uintptr_t base, uint32_t pin)
{
    stm32_gpio_t *const port = stm32_port(base, pin);
    const uint32_t bit = pin % 16u;

    port->bsrr = 1u << (16u + bit); /* low from the first moment on */
    port->moder = (port->moder & ~(3u << 2u * bit)) | 1u << 2u * bit;
}

static inline void stm32_pin_write(uintptr_t base, uint32_t pin, bool high)
{
    stm32_port(base, pin)->bsrr = high ? 1u << pin % 16u : 1u << (16u + pin % 16u);
}

/* Bits of the clock enable register of the ports, for the pins that a board uses. */
static inline uint32_t stm32_port_bits(void)
{
    uint32_t bits = 1u << (HAL_PIN_TX) / 16u | 1u << (HAL_PIN_RX) / 16u;

#ifdef HAL_PIN_INFERENCE
    bits |= 1u << (HAL_PIN_INFERENCE) / 16u;
#endif
#ifdef HAL_PIN_BUSY
    bits |= 1u << (HAL_PIN_BUSY) / 16u;
#endif
    return bits;
}

/* Pins of the serial port and of the marks; the ports' clocks run. */
static inline void stm32_pins_start(uintptr_t base)
{
    stm32_pin_function(base, HAL_PIN_TX, HAL_PIN_FUNCTION);
    stm32_pin_function(base, HAL_PIN_RX, HAL_PIN_FUNCTION);
    stm32_pin_pull_up(base, HAL_PIN_RX);
#ifdef HAL_PIN_INFERENCE
    stm32_pin_output(base, HAL_PIN_INFERENCE);
#endif
#ifdef HAL_PIN_BUSY
    stm32_pin_output(base, HAL_PIN_BUSY);
#endif
}

#endif
