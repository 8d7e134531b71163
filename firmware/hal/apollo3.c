/*
 * apollo3.c - Ambiq Apollo3 Blue at 48 MHz, link on UART0 at pads 22 and 23 (Apollo3 Blue data sheet:
 * CLKGEN, PWRCTRL, CACHECTRL, GPIO).
 *
 * The core runs from the internal oscillator (HFRC), the serial port from a half of it.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

#define REGISTER(address) ((volatile uint32_t *)(address))

static volatile uint32_t *const CLKGEN_CLKKEY = REGISTER(0x40004014u);
static volatile uint32_t *const CLKGEN_CCTRL = REGISTER(0x40004018u);
static volatile uint32_t *const GPIO_PADREGF = REGISTER(0x40010014u);
static volatile uint32_t *const GPIO_PADKEY = REGISTER(0x40010060u);
static volatile uint32_t *const CACHECTRL_CACHECFG = REGISTER(0x40018000u);
static volatile uint32_t *const PWRCTRL_DEVPWREN = REGISTER(0x40021008u);
static volatile uint32_t *const PWRCTRL_DEVPWRSTATUS = REGISTER(0x40021018u);

enum {
    OSCILLATOR_HZ = 48000000,
    CLOCK_KEY = 0x47,
    PAD_KEY = 0x73,
    CACHE_ON = 1 << 9 | 1 << 8 | 1 << 0, /* data, instructions, cache */
    POWER_UART0 = 1 << 7,
    POWER_DOMAIN_A = 1 << 2
};

hal_clocks_t family_start(void)
{
    *CLKGEN_CLKKEY = CLOCK_KEY;
    *CLKGEN_CCTRL = 0; /* after reset it is divided by two */
    *CLKGEN_CLKKEY = 0;
    *CACHECTRL_CACHECFG |= CACHE_ON;
    *PWRCTRL_DEVPWREN |= POWER_UART0;
    (void)hal_wait_for(PWRCTRL_DEVPWRSTATUS, POWER_DOMAIN_A, POWER_DOMAIN_A);
    *GPIO_PADKEY = PAD_KEY;
    /* Pads 22 and 23: function 0; the receiving one with input and pull-up. */
    *GPIO_PADREGF = (*GPIO_PADREGF & 0x0000FFFFu) | 0u << 19 | 0u << 27 | 1u << 25 | 1u << 24;
    *GPIO_PADKEY = 0;
    return (hal_clocks_t){.core_hz = OSCILLATOR_HZ, .uart_hz = OSCILLATOR_HZ / 2};
}

bool family_emulated(void)
{
    return false;
}
