/*
 * nrf.c - Nordic nRF51 (Reference Manual v3.0) and nRF52 (nRF52840 Product Specification v1.7):
 * chapters CLOCK, GPIO, NVMC, FICR.
 *
 *   HAL_PIN_TX, HAL_PIN_RX  pins, 32 times the port and the bit
 *   HAL_FLASH_CACHE         1: the part has an instruction cache (nRF52)
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

static volatile uint32_t *const CLOCK_HFCLKSTART = (volatile uint32_t *)0x40000000u;
static volatile uint32_t *const CLOCK_HFCLKSTARTED = (volatile uint32_t *)0x40000100u;
static volatile uint32_t *const NVMC_ICACHECNF = (volatile uint32_t *)0x4001E540u;
static volatile uint32_t *const FICR_DEVICEID1 = (volatile uint32_t *)0x10000064u;
static volatile uint32_t *const FICR_RESERVED = (volatile uint32_t *)0x10000068u;

#ifndef HAL_FLASH_CACHE
#define HAL_FLASH_CACHE 0
#endif

typedef struct {
    volatile uint32_t out, outset, outclr, in, dir, dirset, dirclr, unused_520[120], config[32];
} gpio_t;

static gpio_t *port_of(uint32_t pin)
{
    return (gpio_t *)(0x50000504u + 0x300u * (pin / 32u));
}

enum { CONFIG_INPUT_PULLED_UP = 3 << 2, CONFIG_OUTPUT = 3 /* output, input buffer off */ };

static void pin_output(uint32_t pin, bool high)
{
    family_pin_write(pin, high);
    port_of(pin)->config[pin % 32u] = CONFIG_OUTPUT;
}

hal_clocks_t family_start(void)
{
    *CLOCK_HFCLKSTARTED = 0;
    *CLOCK_HFCLKSTART = 1; /* the crystal: a serial port needs better than the RC oscillator */
    (void)hal_wait_for(CLOCK_HFCLKSTARTED, 1u, 1u);
    if (HAL_FLASH_CACHE) {
        *NVMC_ICACHECNF = 1u;
    }
    pin_output(HAL_PIN_TX, true);
    port_of(HAL_PIN_RX)->config[HAL_PIN_RX % 32u] = CONFIG_INPUT_PULLED_UP;
#ifdef HAL_PIN_INFERENCE
    pin_output(HAL_PIN_INFERENCE, false);
#endif
#ifdef HAL_PIN_BUSY
    pin_output(HAL_PIN_BUSY, false);
#endif
    return (hal_clocks_t){.core_hz = HAL_CLOCK_HZ, .uart_hz = 16000000u};
}

bool family_emulated(void)
{
    /* What is random or blank in every part is the same in every QEMU. */
    return *FICR_DEVICEID1 == 0x12345678u && *FICR_RESERVED == 0x9ABCDEF1u;
}

void family_pin_write(uint32_t pin, bool high)
{
    if (high) {
        port_of(pin)->outset = 1u << pin % 32u;
    } else {
        port_of(pin)->outclr = 1u << pin % 32u;
    }
}
