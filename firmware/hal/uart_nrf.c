/*
 * uart_nrf.c - UART of nRF51 (Reference Manual v3.0 ch. 29) and nRF52 (nRF52840 Product
 * Specification v1.7 section 6.33), the one without DMA.
 *
 *   HAL_UART_IRQ, HAL_PIN_TX, HAL_PIN_RX
 *
 * The receiver's FIFO holds 6 bytes.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

#define REGISTER(offset) ((volatile uint32_t *)(0x40002000u + (offset)))

static volatile uint32_t *const TASK_START_RX = REGISTER(0x000);
static volatile uint32_t *const TASK_START_TX = REGISTER(0x008);
static volatile uint32_t *const EVENT_RECEIVED = REGISTER(0x108);
static volatile uint32_t *const EVENT_SENT = REGISTER(0x11C);
static volatile uint32_t *const INTENSET = REGISTER(0x304);
static volatile uint32_t *const INTENCLR = REGISTER(0x308);
static volatile uint32_t *const ERRORSRC = REGISTER(0x480); /* write 1 to clear; bit 0 overrun */
static volatile uint32_t *const ENABLE = REGISTER(0x500);
static volatile uint32_t *const PSELRTS = REGISTER(0x508);
static volatile uint32_t *const PSELTXD = REGISTER(0x50C);
static volatile uint32_t *const PSELCTS = REGISTER(0x510);
static volatile uint32_t *const PSELRXD = REGISTER(0x514);
static volatile uint32_t *const RXD = REGISTER(0x518);
static volatile uint32_t *const TXD = REGISTER(0x51C);
static volatile uint32_t *const BAUDRATE = REGISTER(0x524);
static volatile uint32_t *const CONFIG = REGISTER(0x56C);

#define NOT_CONNECTED 0xFFFFFFFFu

enum { ENABLE_UART = 4, INT_RECEIVED = 1 << 2 };

static bool sending; /* a byte was handed over; EVENT_SENT tells when it has left */

void uart_start(uint32_t clock_hz)
{
    /* baud * 2^32 / clock, to the nearest multiple of 2^12 as in the manual's table */
    const uint64_t scaled = ((uint64_t)HAL_BAUD << 32) / clock_hz;

    *PSELTXD = HAL_PIN_TX;
    *PSELRXD = HAL_PIN_RX;
    *PSELRTS = NOT_CONNECTED;
    *PSELCTS = NOT_CONNECTED;
    *BAUDRATE = (uint32_t)((scaled + 0x800u) & ~(uint64_t)0xFFFu);
    *CONFIG = 0; /* no parity, one stop bit, no flow control */
    *ENABLE = ENABLE_UART;
    *EVENT_RECEIVED = 0;
    *EVENT_SENT = 0;
    *TASK_START_TX = 1;
    *TASK_START_RX = 1;
    uart_listen(true);
    hal_interrupt_enable(HAL_UART_IRQ);
}

bool uart_take(uint8_t *byte, uint32_t *lost)
{
    const uint32_t errors = *ERRORSRC;

    if ((errors & 1u) != 0u) {
        (*lost)++;
    }
    if (errors != 0u) {
        *ERRORSRC = errors;
    }
    if (*EVENT_RECEIVED == 0u) {
        return false;
    }
    *EVENT_RECEIVED = 0; /* before the data: the next byte of the FIFO raises it again */
    *byte = (uint8_t)*RXD;
    return true;
}

bool uart_put(uint8_t byte)
{
    if (!uart_sent()) {
        return false;
    }
    *EVENT_SENT = 0;
    *TXD = byte;
    sending = true;
    return true;
}

bool uart_sent(void)
{
    if (sending && *EVENT_SENT != 0u) {
        sending = false;
    }
    return !sending;
}

void uart_listen(bool on)
{
    *(on ? INTENSET : INTENCLR) = INT_RECEIVED;
}
