/*
 * efm32gg.c - Silicon Labs EFM32 Giant Gecko at 48 MHz from its crystal, link on UART0 at PE0 and PE1
 * (EFM32GG Reference Manual: MSC ch. 7, CMU ch. 11, UART ch. 17 and 18, GPIO ch. 32).
 *
 *   HAL_PIN_VCOM  pin that lets the board's controller listen: STK3700 User Manual, virtual COM port
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

#define REGISTER(address) ((volatile uint32_t *)(address))

static volatile uint32_t *const MSC_READCTRL = REGISTER(0x400C0004u);
static volatile uint32_t *const CMU_CTRL = REGISTER(0x400C8000u);
static volatile uint32_t *const CMU_OSCENCMD = REGISTER(0x400C8020u);
static volatile uint32_t *const CMU_CMD = REGISTER(0x400C8024u);
static volatile uint32_t *const CMU_STATUS = REGISTER(0x400C802Cu);
static volatile uint32_t *const CMU_HFPERCLKEN0 = REGISTER(0x400C8044u);

typedef struct {
    volatile uint32_t ctrl, mode[2], dout, doutset, doutclr, douttgl, din, pinlockn;
} gpio_t;

enum {
    INTERNAL_HZ = 14000000,
    CRYSTAL_HZ = 48000000,
    PIN_INPUT_PULLED = 2,
    PIN_PUSH_PULL = 4,
    STATUS_HFXO_READY = 1 << 3,
    STATUS_HFXO_SELECTED = 1 << 11
};

static gpio_t *port_of(uint32_t pin)
{
    return (gpio_t *)(0x40006000u + 0x24u * (pin / 16u));
}

static void pin_mode(uint32_t pin, uint32_t mode, bool high)
{
    volatile uint32_t *const field = &port_of(pin)->mode[pin % 16u / 8u];

    family_pin_write(pin, high);
    *field = (*field & ~(0xFu << 4u * (pin % 8u))) | mode << 4u * (pin % 8u);
}

static uint32_t start_clocks(void)
{
    *CMU_CTRL = (*CMU_CTRL & ~(3u << 5)) | 3u << 5; /* crystal above 32 MHz */
    *CMU_OSCENCMD = 1u << 2;
    if (!hal_wait_for(CMU_STATUS, STATUS_HFXO_READY, STATUS_HFXO_READY)) {
        return INTERNAL_HZ;
    }
    *MSC_READCTRL = (*MSC_READCTRL & ~7u) | 4u; /* two wait states; before the clock rises */
    *CMU_CMD = 2u;
    return hal_wait_for(CMU_STATUS, STATUS_HFXO_SELECTED, STATUS_HFXO_SELECTED) ? CRYSTAL_HZ
                                                                               : INTERNAL_HZ;
}

hal_clocks_t family_start(void)
{
    const uint32_t core_hz = start_clocks();

    *CMU_HFPERCLKEN0 |= 1u << 13 | 1u << 3; /* GPIO, UART0 */
    pin_mode(PIN_E(0), PIN_PUSH_PULL, true);
    pin_mode(PIN_E(1), PIN_INPUT_PULLED, true);
    pin_mode(HAL_PIN_VCOM, PIN_PUSH_PULL, true);
#ifdef HAL_PIN_INFERENCE
    pin_mode(HAL_PIN_INFERENCE, PIN_PUSH_PULL, false);
#endif
#ifdef HAL_PIN_BUSY
    pin_mode(HAL_PIN_BUSY, PIN_PUSH_PULL, false);
#endif
    return (hal_clocks_t){.core_hz = core_hz, .uart_hz = core_hz};
}

bool family_emulated(void)
{
    return false;
}

void family_pin_write(uint32_t pin, bool high)
{
    if (high) {
        port_of(pin)->doutset = 1u << pin % 16u;
    } else {
        port_of(pin)->doutclr = 1u << pin % 16u;
    }
}
