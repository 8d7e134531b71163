/*
 * uart_cmsdk.c - UART of Arm's Cortex-M System Design Kit (TRM, APB UART).
 *
 *   HAL_UART_BASE  its address
 *   HAL_UART_IRQ   first of its two interrupt numbers (receive and transmit are neighbours)
 *
 * The receiver holds one byte.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

typedef struct {
    volatile uint32_t data;
    volatile uint32_t state;     /* bit 0 transmitter full, bit 1 receiver full, bit 3 overrun */
    volatile uint32_t ctrl;      /* bits 0, 1: transmitter, receiver on; bit 3: receive interrupt */
    volatile uint32_t intstatus; /* write 1 to clear; bit 1 receive */
    volatile uint32_t bauddiv;
} uart_t;

enum {
    STATE_TX_FULL = 1,
    STATE_RX_FULL = 2,
    STATE_RX_OVERRUN = 8,
    CTRL_ENABLE = 3,
    CTRL_RX_INTERRUPT = 8,
    INT_RX = 2
};

static uart_t *const UART = (uart_t *)HAL_UART_BASE;

void uart_start(uint32_t clock_hz)
{
    UART->bauddiv = clock_hz / HAL_BAUD;
    UART->ctrl = CTRL_ENABLE | CTRL_RX_INTERRUPT;
    if ((UART->state & STATE_RX_FULL) == 0u) {
        (void)UART->data; /* QEMU starts to deliver after the first read */
    }
    hal_interrupt_enable(HAL_UART_IRQ);
    hal_interrupt_enable(HAL_UART_IRQ + 1u);
}

bool uart_take(uint8_t *byte, uint32_t *lost)
{
    uint32_t state;

    UART->intstatus = INT_RX; /* before the data: a byte that arrives in between asks again */
    state = UART->state;
    if ((state & STATE_RX_OVERRUN) != 0u) {
        (*lost)++;
        UART->state = STATE_RX_OVERRUN;
    }
    if ((state & STATE_RX_FULL) == 0u) {
        return false;
    }
    *byte = (uint8_t)UART->data;
    return true;
}

bool uart_put(uint8_t byte)
{
    if ((UART->state & STATE_TX_FULL) != 0u) {
        return false;
    }
    UART->data = byte;
    return true;
}

bool uart_sent(void)
{
    return (UART->state & STATE_TX_FULL) == 0u;
}

void uart_listen(bool on)
{
    UART->ctrl = on ? CTRL_ENABLE | CTRL_RX_INTERRUPT : CTRL_ENABLE;
}
