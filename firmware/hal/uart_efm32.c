/*
 * uart_efm32.c - USART and UART of Silicon Labs EFM32 (EFM32GG Reference Manual ch. 17).
 *
 *   HAL_UART_BASE, HAL_UART_IRQ  receive interrupt
 *   HAL_UART_LOCATION            which pins, by the part's data sheet
 *
 * The receiver holds two bytes besides the one that is arriving.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

typedef struct {
    volatile uint32_t ctrl, frame, trigctrl, cmd, status, clkdiv, rxdatax, rxdata, unused_20[5], txdata,
        unused_38[2], flags, flags_set, flags_clear, ien, irctrl, route;
} usart_t;

enum {
    CMD_BOTH_WAYS = 1 << 2 | 1 << 0,
    STATUS_COMPLETE = 1 << 5,
    STATUS_EMPTY = 1 << 6,
    STATUS_RECEIVED = 1 << 7,
    FLAG_RECEIVED = 1 << 2,
    FLAG_OVERFLOW = 1 << 4,
    FRAME_8N1 = 1 << 12 | 5
};

static usart_t *const USART = (usart_t *)HAL_UART_BASE;

static bool sending; /* the transmitter says "complete" only after a first byte */

void uart_start(uint32_t clock_hz)
{
    /* 256 * (clock / (16 * baud) - 1), of which the lowest 6 bits do not exist. */
    const uint32_t divisor = (16u * (clock_hz / 4u) + HAL_BAUD / 2u) / HAL_BAUD * 4u - 256u;

    USART->ctrl = 0; /* 16 samples a bit */
    USART->frame = FRAME_8N1;
    USART->clkdiv = (divisor + 32u) & ~63u;
    USART->route = (uint32_t)HAL_UART_LOCATION << 8 | 3u; /* both pins */
    USART->cmd = CMD_BOTH_WAYS;
    uart_listen(true);
    hal_interrupt_enable(HAL_UART_IRQ);
}

bool uart_take(uint8_t *byte, uint32_t *lost)
{
    if ((USART->flags & FLAG_OVERFLOW) != 0u) {
        USART->flags_clear = FLAG_OVERFLOW;
        (*lost)++;
    }
    if ((USART->status & STATUS_RECEIVED) == 0u) {
        return false;
    }
    *byte = (uint8_t)USART->rxdata;
    return true;
}

bool uart_put(uint8_t byte)
{
    if ((USART->status & STATUS_EMPTY) == 0u) {
        return false;
    }
    USART->txdata = byte;
    sending = true;
    return true;
}

bool uart_sent(void)
{
    return !sending || (USART->status & STATUS_COMPLETE) != 0u;
}

void uart_listen(bool on)
{
    USART->ien = on ? FLAG_RECEIVED : 0u;
}
