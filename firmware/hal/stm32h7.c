/*
 * stm32h7.c - STM32H742, H743 and H753 at 400 MHz, voltage scale 1, link on USART3 (RM0433: PWR
 * ch. 6, RCC ch. 8, FLASH ch. 4).
 *
 *   HAL_HSE_HZ  fed in by the debug probe (bypass)
 *   HAL_PIN_TX, HAL_PIN_RX, HAL_PIN_FUNCTION
 *
 * The PLL's input is 2 MHz: 2 MHz * 400 / 2.  Busses run at 200 MHz, their peripherals at 100 MHz.
 */
#include "cache.h"
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"
#include "stm32_gpio.h"

#define REGISTER(address) ((volatile uint32_t *)(address))
#define GPIO_BASE 0x58020000u

static volatile uint32_t *const FLASH_ACR = REGISTER(0x52002000u);
static volatile uint32_t *const PWR_CSR1 = REGISTER(0x58024804u);
static volatile uint32_t *const PWR_CR3 = REGISTER(0x5802480Cu);
static volatile uint32_t *const PWR_D3CR = REGISTER(0x58024818u);
static volatile uint32_t *const RCC_CR = REGISTER(0x58024400u);
static volatile uint32_t *const RCC_CFGR = REGISTER(0x58024410u);
static volatile uint32_t *const RCC_D1CFGR = REGISTER(0x58024418u);
static volatile uint32_t *const RCC_D2CFGR = REGISTER(0x5802441Cu);
static volatile uint32_t *const RCC_D3CFGR = REGISTER(0x58024420u);
static volatile uint32_t *const RCC_PLLCKSELR = REGISTER(0x58024428u);
static volatile uint32_t *const RCC_PLLCFGR = REGISTER(0x5802442Cu);
static volatile uint32_t *const RCC_PLL1DIVR = REGISTER(0x58024430u);
static volatile uint32_t *const RCC_AHB4ENR = REGISTER(0x580244E0u);
static volatile uint32_t *const RCC_APB1LENR = REGISTER(0x580244E8u);

enum { INTERNAL_HZ = 64000000, PLL_INPUT_HZ = 2000000, PLL_N = 400 };

#define CR_HSE_ON (1u << 16)
#define CR_HSE_READY (1u << 17)
#define CR_HSE_BYPASS (1u << 18)
#define CR_PLL1_ON (1u << 24)
#define CR_PLL1_READY (1u << 25)
#define CSR1_SUPPLY_READY (1u << 13)
#define D3CR_VOLTAGE_READY (1u << 13)

static void start_supply(void)
{
    *PWR_CR3 = (*PWR_CR3 & ~7u) | 2u; /* the regulator; may be written once, and must be */
    (void)hal_wait_for(PWR_CSR1, CSR1_SUPPLY_READY, CSR1_SUPPLY_READY);
    *PWR_D3CR = 3u << 14; /* scale 1 */
    (void)hal_wait_for(PWR_D3CR, D3CR_VOLTAGE_READY, D3CR_VOLTAGE_READY);
}

/* From what the probe feeds in, or from the internal oscillator if that is missing. */
static bool start_pll(void)
{
    uint32_t source = 0;
    uint32_t divider = INTERNAL_HZ / PLL_INPUT_HZ;

    *RCC_CR |= CR_HSE_BYPASS;
    *RCC_CR |= CR_HSE_ON;
    if (hal_wait_for(RCC_CR, CR_HSE_READY, CR_HSE_READY)) {
        source = 2u;
        divider = HAL_HSE_HZ / PLL_INPUT_HZ;
    }
    *RCC_PLLCKSELR = divider << 4 | source;
    *RCC_PLLCFGR = 1u << 16 | 1u << 2;             /* output P; input 2 to 4 MHz, wide oscillator */
    *RCC_PLL1DIVR = (2u - 1u) << 9 | (PLL_N - 1u); /* P, N */
    *RCC_CR |= CR_PLL1_ON;
    return hal_wait_for(RCC_CR, CR_PLL1_READY, CR_PLL1_READY);
}

static hal_clocks_t start_clocks(void)
{
    start_supply();
    if (!start_pll()) {
        return (hal_clocks_t){.core_hz = INTERNAL_HZ, .uart_hz = INTERNAL_HZ};
    }
    *FLASH_ACR = 2u << 4 | 2u; /* for 200 MHz: programming delay, wait states */
    *RCC_D1CFGR = 4u << 4 | 8u;           /* peripherals a half of the bus, the bus of the core */
    *RCC_D2CFGR = 4u << 8 | 4u << 4;
    *RCC_D3CFGR = 4u << 4;
    *RCC_CFGR = 3u;
    (void)hal_wait_for(RCC_CFGR, 7u << 3, 3u << 3);
    return (hal_clocks_t){
        .core_hz = PLL_INPUT_HZ * PLL_N / 2u,
        .uart_hz = PLL_INPUT_HZ * PLL_N / 2u / 4u,
    };
}

hal_clocks_t family_start(void)
{
    const hal_clocks_t clocks = start_clocks();

    hal_caches_on();
    *RCC_AHB4ENR |= stm32_port_bits();
    *RCC_APB1LENR |= 1u << 18; /* USART3 */
    (void)*RCC_APB1LENR;
    stm32_pins_start(GPIO_BASE);
    return clocks;
}

bool family_emulated(void)
{
    return false;
}

void family_pin_write(uint32_t pin, bool high)
{
    stm32_pin_write(GPIO_BASE, pin, high);
}
