/*
 * stm32u5.c - STM32U575 and U585 at 160 MHz, range 1 with booster (RM0456: PWR ch. 10, RCC ch. 11,
 * FLASH ch. 7), link on USART1.
 *
 *   HAL_PIN_TX, HAL_PIN_RX, HAL_PIN_FUNCTION
 *
 * PLL1: HSI16 / 4 * 80 / 2.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"
#include "stm32_gpio.h"

#define REGISTER(address) ((volatile uint32_t *)(address))
#define GPIO_BASE 0x42020000u

static volatile uint32_t *const FLASH_ACR = REGISTER(0x40022000u);
static volatile uint32_t *const ICACHE_CR = REGISTER(0x40030400u);
static volatile uint32_t *const PWR_VOSR = REGISTER(0x4602080Cu);
static volatile uint32_t *const RCC_CR = REGISTER(0x46020C00u);
static volatile uint32_t *const RCC_CFGR1 = REGISTER(0x46020C1Cu);
static volatile uint32_t *const RCC_PLL1CFGR = REGISTER(0x46020C28u);
static volatile uint32_t *const RCC_PLL1DIVR = REGISTER(0x46020C34u);
static volatile uint32_t *const RCC_AHB2ENR1 = REGISTER(0x46020C8Cu);
static volatile uint32_t *const RCC_AHB3ENR = REGISTER(0x46020C94u);
static volatile uint32_t *const RCC_APB2ENR = REGISTER(0x46020CA4u);

enum { INTERNAL_HZ = 16000000, PLL_M = 4, PLL_N = 80, PLL_R = 2, WAIT_STATES = 4 };

#define CR_HSI_ON (1u << 8)
#define CR_HSI_READY (1u << 10)
#define CR_PLL1_ON (1u << 24)
#define CR_PLL1_READY (1u << 25)
#define VOSR_BOOST_READY (1u << 14)
#define VOSR_READY (1u << 15)
#define VOSR_RANGE_1 (3u << 16)
#define VOSR_BOOST_ON (1u << 18)

static uint32_t start_clocks(void)
{
    *RCC_AHB3ENR |= 1u << 2; /* PWR */
    (void)*RCC_AHB3ENR;
    *RCC_CR |= CR_HSI_ON;
    (void)hal_wait_for(RCC_CR, CR_HSI_READY, CR_HSI_READY);
    *RCC_CFGR1 = 1u; /* HSI16, so that a PLL that fails leaves a known clock */
    (void)hal_wait_for(RCC_CFGR1, 3u << 2, 1u << 2);
    *PWR_VOSR |= VOSR_RANGE_1;
    (void)hal_wait_for(PWR_VOSR, VOSR_READY, VOSR_READY);
    /* R on; M; booster's clock not divided (4 to 16 MHz); input 4 to 8 MHz; HSI16. */
    *RCC_PLL1CFGR = 1u << 18 | (PLL_M - 1u) << 8 | 2u;
    *PWR_VOSR |= VOSR_BOOST_ON; /* above 55 MHz; needs the PLL's source */
    (void)hal_wait_for(PWR_VOSR, VOSR_BOOST_READY, VOSR_BOOST_READY);
    *FLASH_ACR = 1u << 8 | WAIT_STATES; /* prefetch; before the clock rises */
    (void)hal_wait_for(FLASH_ACR, 0xFu, WAIT_STATES);
    *RCC_PLL1DIVR = (PLL_R - 1u) << 24 | 1u << 16 | 1u << 9 | (PLL_N - 1u); /* R, Q, P, N */
    *RCC_CR |= CR_PLL1_ON;
    if (!hal_wait_for(RCC_CR, CR_PLL1_READY, CR_PLL1_READY)) {
        return INTERNAL_HZ;
    }
    *RCC_CFGR1 = 3u;
    (void)hal_wait_for(RCC_CFGR1, 3u << 2, 3u << 2);
    return INTERNAL_HZ / PLL_M * PLL_N / PLL_R;
}

hal_clocks_t family_start(void)
{
    const uint32_t core_hz = start_clocks();

    *ICACHE_CR |= 1u;
    *RCC_AHB2ENR1 |= stm32_port_bits();
    *RCC_APB2ENR |= 1u << 14; /* USART1 */
    (void)*RCC_APB2ENR;
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
