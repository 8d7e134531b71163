/*
 * rp2.c - Raspberry Pi RP2040 (data sheet 2.14 RESETS, 2.15 CLOCKS, 2.16 XOSC, 2.18 PLL, 2.19 GPIO,
 * 2.3.1 SIO) and RP2350 (data sheet 7.5, 8.1, 8.2, 8.6, 9, 3.1), link on UART0.
 *
 *   HAL_RP2350              1 or 0
 *   HAL_PLL_POSTDIV1        core clock = 1500 MHz / HAL_PLL_POSTDIV1 / 2
 *   HAL_PIN_TX, HAL_PIN_RX  GPIO numbers
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

#if HAL_RP2350
enum { RESET_IO = 1 << 6, RESET_PADS = 1 << 9, RESET_PLL = 1 << 14, RESET_UART0 = 1 << 26 };
enum { SIO_SET = 0x18, SIO_CLEAR = 0x20, SIO_OUTPUT_ENABLE_SET = 0x38 };
#define RESETS_BASE 0x40020000u
#define CLOCKS_BASE 0x40010000u
#define XOSC_BASE 0x40048000u
#define PLL_SYS_BASE 0x40050000u
#define IO_BANK0_BASE 0x40028000u
#define PADS_BANK0_BASE 0x40038000u
#else
enum { RESET_IO = 1 << 5, RESET_PADS = 1 << 8, RESET_PLL = 1 << 12, RESET_UART0 = 1 << 22 };
enum { SIO_SET = 0x14, SIO_CLEAR = 0x18, SIO_OUTPUT_ENABLE_SET = 0x24 };
#define RESETS_BASE 0x4000C000u
#define CLOCKS_BASE 0x40008000u
#define XOSC_BASE 0x40024000u
#define PLL_SYS_BASE 0x40028000u
#define IO_BANK0_BASE 0x40014000u
#define PADS_BANK0_BASE 0x4001C000u
#endif
#define SIO_BASE 0xD0000000u
#define AT(base, offset) ((volatile uint32_t *)((base) + (offset)))

static volatile uint32_t *const RESETS_RESET = AT(RESETS_BASE, 0x0);
static volatile uint32_t *const RESETS_DONE = AT(RESETS_BASE, 0x8);
static volatile uint32_t *const XOSC_CTRL = AT(XOSC_BASE, 0x0);
static volatile uint32_t *const XOSC_STATUS = AT(XOSC_BASE, 0x4);
static volatile uint32_t *const XOSC_STARTUP = AT(XOSC_BASE, 0xC);
static volatile uint32_t *const PLL_CS = AT(PLL_SYS_BASE, 0x0);
static volatile uint32_t *const PLL_PWR = AT(PLL_SYS_BASE, 0x4);
static volatile uint32_t *const PLL_FBDIV = AT(PLL_SYS_BASE, 0x8);
static volatile uint32_t *const PLL_PRIM = AT(PLL_SYS_BASE, 0xC);
static volatile uint32_t *const CLK_REF_CTRL = AT(CLOCKS_BASE, 0x30);
static volatile uint32_t *const CLK_REF_SELECTED = AT(CLOCKS_BASE, 0x38);
static volatile uint32_t *const CLK_SYS_CTRL = AT(CLOCKS_BASE, 0x3C);
static volatile uint32_t *const CLK_SYS_SELECTED = AT(CLOCKS_BASE, 0x44);
static volatile uint32_t *const CLK_PERI_CTRL = AT(CLOCKS_BASE, 0x48);

enum {
    CRYSTAL_HZ = 12000000,
    PLL_MULTIPLIER = 125,
    FUNCTION_UART = 2,
    FUNCTION_SIO = 5,
    PAD_ISOLATED = 1 << 8, /* RP2350 */
    PAD_OUTPUT_DISABLE = 1 << 7,
    PAD_INPUT_ENABLE = 1 << 6,
    PAD_PULL_UP = 1 << 3,
    PAD_PULL_DOWN = 1 << 2,
    PLL_POWER_DOWN = 1 << 0,
    PLL_POSTDIV_DOWN = 1 << 3,
    PLL_VCO_DOWN = 1 << 5
};

#define READY (1u << 31)

static void release(uint32_t blocks)
{
    *RESETS_RESET &= ~blocks;
    (void)hal_wait_for(RESETS_DONE, blocks, blocks);
}

static void start_clocks(void)
{
    *XOSC_CTRL = 0xAA0u; /* 1 to 15 MHz */
    *XOSC_STARTUP = 47u; /* 1 ms: 12 MHz / 1000 / 256 */
    *XOSC_CTRL = 0xFABu << 12 | 0xAA0u;
    (void)hal_wait_for(XOSC_STATUS, READY, READY);
    *CLK_REF_CTRL = 2u; /* the crystal */
    (void)hal_wait_for(CLK_REF_SELECTED, 1u << 2, 1u << 2);
    *CLK_SYS_CTRL = 0u; /* the reference, while the PLL changes */
    (void)hal_wait_for(CLK_SYS_SELECTED, 1u, 1u);

    *RESETS_RESET |= RESET_PLL;
    release(RESET_PLL);
    *PLL_CS = 1u; /* reference not divided */
    *PLL_FBDIV = PLL_MULTIPLIER;
    *PLL_PWR &= ~(uint32_t)(PLL_POWER_DOWN | PLL_VCO_DOWN);
    (void)hal_wait_for(PLL_CS, READY, READY);
    *PLL_PRIM = (uint32_t)HAL_PLL_POSTDIV1 << 16 | 2u << 12;
    *PLL_PWR &= ~(uint32_t)PLL_POSTDIV_DOWN;

    *CLK_SYS_CTRL = 0u << 5; /* auxiliary source: the PLL; first, while it is not selected */
    *CLK_SYS_CTRL = 0u << 5 | 1u;
    (void)hal_wait_for(CLK_SYS_SELECTED, 1u << 1, 1u << 1);
    *CLK_PERI_CTRL = 1u << 11; /* on, from the system clock */
}

static void pin_function(uint32_t pin, uint32_t function, uint32_t pull)
{
    volatile uint32_t *const pad = AT(PADS_BANK0_BASE, 4u + 4u * pin);

    *pad = (*pad & ~(uint32_t)(PAD_OUTPUT_DISABLE | PAD_PULL_UP | PAD_PULL_DOWN)) | PAD_INPUT_ENABLE | pull;
    *AT(IO_BANK0_BASE, 8u * pin + 4u) = function;
#if HAL_RP2350
    *pad &= ~(uint32_t)PAD_ISOLATED; /* after the function was chosen */
#endif
}

#if defined(HAL_PIN_INFERENCE) || defined(HAL_PIN_BUSY)
static void pin_output(uint32_t pin)
{
    family_pin_write(pin, false);
    *AT(SIO_BASE, SIO_OUTPUT_ENABLE_SET) = 1u << pin;
    pin_function(pin, FUNCTION_SIO, 0u);
}
#endif

hal_clocks_t family_start(void)
{
    const uint32_t core_hz = CRYSTAL_HZ * PLL_MULTIPLIER / HAL_PLL_POSTDIV1 / 2u;

    start_clocks();
    release(RESET_IO | RESET_PADS);
    *RESETS_RESET |= RESET_UART0;
    release(RESET_UART0);
    pin_function(HAL_PIN_TX, FUNCTION_UART, 0u);
    pin_function(HAL_PIN_RX, FUNCTION_UART, PAD_PULL_UP);
#ifdef HAL_PIN_INFERENCE
    pin_output(HAL_PIN_INFERENCE);
#endif
#ifdef HAL_PIN_BUSY
    pin_output(HAL_PIN_BUSY);
#endif
    return (hal_clocks_t){.core_hz = core_hz, .uart_hz = core_hz};
}

bool family_emulated(void)
{
    return false;
}

void family_pin_write(uint32_t pin, bool high)
{
    *AT(SIO_BASE, high ? SIO_SET : SIO_CLEAR) = 1u << pin;
}
