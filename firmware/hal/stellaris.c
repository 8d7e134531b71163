/*
 * stellaris.c - TI Stellaris LM3S6965 and Tiva TM4C123, link on UART0 (PA0 receives, PA1 transmits).
 * LM3S6965 data sheet (Rev. H) 5.3 and 5.5, 8.4; TM4C123GH6PM data sheet (SPMS376E) 5.3 to 5.5, 10.5.
 *
 *   HAL_RCC_XTAL      field of RCC that names the crystal: 14 is 8 MHz, 21 is 16 MHz
 *   HAL_RCC2_DIVIDER  bits of RCC2 that divide the PLL's 400 or 200 MHz to HAL_CLOCK_HZ
 *   HAL_CRYSTAL_HZ
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

static volatile uint32_t *const RIS = (volatile uint32_t *)0x400FE050u;
static volatile uint32_t *const RCC = (volatile uint32_t *)0x400FE060u;
static volatile uint32_t *const RCC2 = (volatile uint32_t *)0x400FE070u;
static volatile uint32_t *const RCGC1 = (volatile uint32_t *)0x400FE104u;
static volatile uint32_t *const RCGC2 = (volatile uint32_t *)0x400FE108u;

typedef struct {
    volatile uint32_t data[256]; /* the address masks the bits: data[1 << bit] is one pin */
    volatile uint32_t dir, unused_404[7], afsel, unused_424[62], den, lock, cr, amsel, pctl;
} gpio_t;

static gpio_t *const GPIOA = (gpio_t *)0x40004000u;

#define RCC_BYPASS (1u << 11)
#define RCC_PLL_OFF (1u << 13)
#define RCC_USE_DIVIDER (1u << 22)
#define RCC_XTAL_MASK (0x1Fu << 6)
#define RCC_SOURCE_MASK (3u << 4)
#define RCC_MAIN_OSCILLATOR_OFF 1u
#define RCC2_IN_FORCE (1u << 31)
#define RIS_PLL_LOCKED (1u << 6)

enum { PIN_RX = 0, PIN_TX = 1, SERIAL_PINS = 3 };

static uint32_t start_clocks(void)
{
    *RCC2 = RCC2_IN_FORCE | RCC_PLL_OFF | RCC_BYPASS | 1u << 4; /* the internal oscillator */
    *RCC = (*RCC & ~(RCC_XTAL_MASK | RCC_SOURCE_MASK | RCC_MAIN_OSCILLATOR_OFF))
           | (uint32_t)HAL_RCC_XTAL << 6 | RCC_BYPASS | RCC_USE_DIVIDER;
    for (uint32_t i = 0; i < 100000u; i++) { /* the crystal starts; no bit tells on all parts */
        __asm volatile("nop");
    }
    *RCC2 = RCC2_IN_FORCE | RCC_PLL_OFF | RCC_BYPASS;                  /* the crystal */
    *RCC2 = RCC2_IN_FORCE | RCC_BYPASS | (uint32_t)HAL_RCC2_DIVIDER; /* the PLL runs */
    if (!hal_wait_for(RIS, RIS_PLL_LOCKED, RIS_PLL_LOCKED)) {
        return HAL_CRYSTAL_HZ;
    }
    *RCC2 = RCC2_IN_FORCE | (uint32_t)HAL_RCC2_DIVIDER;
    return HAL_CLOCK_HZ;
}

hal_clocks_t family_start(void)
{
    const uint32_t core_hz = start_clocks();

    *RCGC1 |= 1u; /* UART0 */
    *RCGC2 |= 1u; /* port A */
    (void)*RCGC2; /* five cycles until they answer */
    (void)*RCGC2;
    GPIOA->afsel |= SERIAL_PINS;
#if HAL_HAS_PCTL
    GPIOA->pctl = (GPIOA->pctl & ~0xFFu) | 0x11u;
#endif
    GPIOA->den |= SERIAL_PINS;
#ifdef HAL_PIN_INFERENCE
    GPIOA->dir |= 1u << HAL_PIN_INFERENCE;
    GPIOA->den |= 1u << HAL_PIN_INFERENCE;
#endif
#ifdef HAL_PIN_BUSY
    GPIOA->dir |= 1u << HAL_PIN_BUSY;
    GPIOA->den |= 1u << HAL_PIN_BUSY;
#endif
    return (hal_clocks_t){.core_hz = core_hz, .uart_hz = core_hz};
}

bool family_emulated(void)
{
    return HAL_SEMIHOSTING && !hal_cycle_counter_start(); /* which stands still in QEMU */
}

/* Pins of port A by their bit. */
void family_pin_write(uint32_t pin, bool high)
{
    GPIOA->data[1u << pin] = high ? 1u << pin : 0u;
}
