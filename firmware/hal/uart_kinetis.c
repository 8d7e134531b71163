/*
 * uart_kinetis.c - UART of NXP Kinetis K (K64 Reference Manual ch. 52).
 *
 *   HAL_UART_BASE, HAL_UART_IRQ (status interrupt)
 *
 * The FIFO stays off, as after reset: the receiver holds one byte besides the one that is arriving.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

typedef struct {
    volatile uint8_t bdh, bdl, c1, c2, s1, s2, c3, d, ma1, ma2, c4;
} uart_t;

enum {
    S1_OVERRUN = 1 << 3,
    S1_RECEIVED = 1 << 5,
    S1_COMPLETE = 1 << 6,
    S1_EMPTY = 1 << 7,
    C2_BOTH_WAYS = 1 << 3 | 1 << 2,
    C2_RECEIVE_INTERRUPT = 1 << 5
};

static uart_t *const UART = (uart_t *)HAL_UART_BASE;

void uart_start(uint32_t clock_hz)
{
    /* Divisor clock / (16 * baud) in 32nds. */
    const uint32_t divisor = (2u * clock_hz + HAL_BAUD / 2u) / HAL_BAUD;

    UART->c2 = 0;
    UART->bdh = (uint8_t)(divisor / 32u >> 8);
    UART->bdl = (uint8_t)(divisor / 32u);
    UART->c4 = (uint8_t)(divisor % 32u);
    UART->c1 = 0; /* 8 bits, no parity */
    uart_listen(true);
    hal_interrupt_enable(HAL_UART_IRQ);
}

bool uart_take(uint8_t *byte, uint32_t *lost)
{
    const uint8_t status = UART->s1;

    if ((status & (S1_OVERRUN | S1_RECEIVED)) == 0) {
        return false;
    }
    *byte = UART->d; /* status, then data: clears both */
    *lost += (status & S1_OVERRUN) != 0 ? 1u : 0u;
    return (status & S1_RECEIVED) != 0;
}

bool uart_put(uint8_t byte)
{
    if ((UART->s1 & S1_EMPTY) == 0) {
        return false;
    }
    UART->d = byte;
    return true;
}

bool uart_sent(void)
{
    return (UART->s1 & S1_COMPLETE) != 0;
}

void uart_listen(bool on)
{
    UART->c2 = on ? C2_BOTH_WAYS | C2_RECEIVE_INTERRUPT : C2_BOTH_WAYS;
}
