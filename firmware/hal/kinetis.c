/*
 * kinetis.c - NXP K64F at 120 MHz, link on UART0 at PTB16 and PTB17.
 * K64P144M120SF5RM (K64 Sub-Family Reference Manual, Rev. 2): SIM ch. 12, WDOG ch. 23, MCG ch. 25,
 * PORT ch. 11, GPIO ch. 55.
 *
 *   HAL_CRYSTAL_HZ  50 MHz clock at EXTAL0, from the Ethernet transceiver on the FRDM board
 *
 * MCG: FEI after reset, then FBE, PBE, PEE (25.5.3): 50 MHz / 20 * 48.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

#define REGISTER8(address) ((volatile uint8_t *)(address))
#define REGISTER16(address) ((volatile uint16_t *)(address))
#define REGISTER(address) ((volatile uint32_t *)(address))

static volatile uint16_t *const WDOG_STCTRLH = REGISTER16(0x40052000u);
static volatile uint16_t *const WDOG_UNLOCK = REGISTER16(0x4005200Eu);
static volatile uint32_t *const SIM_SCGC4 = REGISTER(0x40048034u);
static volatile uint32_t *const SIM_SCGC5 = REGISTER(0x40048038u);
static volatile uint32_t *const SIM_CLKDIV1 = REGISTER(0x40048044u);
static volatile uint8_t *const MCG_C1 = REGISTER8(0x40064000u);
static volatile uint8_t *const MCG_C2 = REGISTER8(0x40064001u);
static volatile uint8_t *const MCG_C5 = REGISTER8(0x40064004u);
static volatile uint8_t *const MCG_C6 = REGISTER8(0x40064005u);
static volatile uint8_t *const MCG_S = REGISTER8(0x40064006u);
static volatile uint32_t *const PORTB_PCR = REGISTER(0x4004A000u);
static volatile uint32_t *const PORTC_PCR = REGISTER(0x4004B000u);
static volatile uint32_t *const GPIOC_PSOR = REGISTER(0x400FF084u);
static volatile uint32_t *const GPIOC_PCOR = REGISTER(0x400FF088u);
static volatile uint32_t *const GPIOC_PDDR = REGISTER(0x400FF094u);

enum {
    S_LOCKED = 1 << 6,
    S_PLL_SELECTED = 1 << 5,
    S_INTERNAL_REFERENCE = 1 << 4,
    S_CLOCK = 3 << 2,
    S_CLOCK_EXTERNAL = 2 << 2,
    S_CLOCK_PLL = 3 << 2,
    PIN_RX = 16,
    PIN_TX = 17
};

static bool wait_status(uint32_t mask, uint32_t wanted)
{
    for (uint32_t i = 0; i < 100000u; i++) {
        if ((*MCG_S & mask) == wanted) {
            return true;
        }
    }
    return false;
}

static void stop_watchdog(void)
{
    *WDOG_UNLOCK = 0xC520u; /* both within 20 bus cycles; interrupts are still off */
    *WDOG_UNLOCK = 0xD928u;
    __asm volatile("nop\n nop");
    *WDOG_STCTRLH = 0x01D2u; /* as after reset, but off */
}

static uint32_t start_clocks(void)
{
    *SIM_CLKDIV1 = 1u << 24 | 2u << 20 | 4u << 16; /* bus 60, FlexBus 40, flash 24 MHz */
    *MCG_C2 = 2u << 4;                             /* very high frequency, a clock, no crystal */
    *MCG_C1 = 2u << 6 | 7u << 3;                   /* external; 50 MHz / 1536 for the FLL */
    if (!wait_status(S_INTERNAL_REFERENCE | S_CLOCK, S_CLOCK_EXTERNAL)) {
        *MCG_C1 = 1u << 2; /* no clock came: back to the internal reference */
        return 20971520u;
    }
    *MCG_C5 = HAL_CRYSTAL_HZ / 2500000u - 1u; /* 2.5 MHz for the PLL */
    *MCG_C6 = 1u << 6 | (48u - 24u);          /* PLL, times 48 */
    if (!wait_status(S_PLL_SELECTED | S_LOCKED, S_PLL_SELECTED | S_LOCKED)) {
        return HAL_CRYSTAL_HZ;
    }
    *MCG_C1 = 7u << 3; /* the PLL feeds the core */
    (void)wait_status(S_CLOCK, S_CLOCK_PLL);
    return 120000000u;
}

#if defined(HAL_PIN_INFERENCE) || defined(HAL_PIN_BUSY)
static void pin_output(uint32_t pin)
{
    *GPIOC_PCOR = 1u << pin;
    *GPIOC_PDDR |= 1u << pin;
    PORTC_PCR[pin] = 1u << 8;
}
#endif

hal_clocks_t family_start(void)
{
    uint32_t core_hz;

    stop_watchdog();
    core_hz = start_clocks();
    *SIM_SCGC5 |= 1u << 10 | 1u << 11; /* ports B and C */
    *SIM_SCGC4 |= 1u << 10;            /* UART0, which runs at the core clock */
    PORTB_PCR[PIN_RX] = 3u << 8 | 3u;  /* alternative 3, pulled up */
    PORTB_PCR[PIN_TX] = 3u << 8;
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

/* Pins of port C by their bit. */
void family_pin_write(uint32_t pin, bool high)
{
    *(high ? GPIOC_PSOR : GPIOC_PCOR) = 1u << pin;
}
