/*
 * uart_stm32_v1.c - USART of STM32F1, F2 and F4 (RM0008 ch. 27, RM0033 ch. 24, RM0090 ch. 30).
 *
 *   HAL_UART_BASE, HAL_UART_IRQ
 *
 * The receiver holds one byte besides the one that is arriving.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

typedef struct {
    volatile uint32_t sr, dr, brr, cr1, cr2, cr3;
} usart_t;

enum {
    SR_OVERRUN = 1u << 3,
    SR_RECEIVED = 1u << 5,
    SR_COMPLETE = 1u << 6,
    SR_EMPTY = 1u << 7,
    CR1_BOTH_WAYS = 1u << 13 | 1u << 3 | 1u << 2, /* on, transmitter, receiver */
    CR1_RECEIVE_INTERRUPT = 1u << 5
};

static usart_t *const USART = (usart_t *)HAL_UART_BASE;

void uart_start(uint32_t clock_hz)
{
    USART->brr = (clock_hz + HAL_BAUD / 2u) / HAL_BAUD; /* 16 samples a bit, in sixteenths */
    uart_listen(true);
    hal_interrupt_enable(HAL_UART_IRQ);
}

bool uart_take(uint8_t *byte, uint32_t *lost)
{
    const uint32_t status = USART->sr;

    if ((status & (SR_OVERRUN | SR_RECEIVED)) == 0u) {
        return false;
    }
    *byte = (uint8_t)USART->dr; /* status, then data: clears an overrun too */
    *lost += (status & SR_OVERRUN) != 0u ? 1u : 0u;
    return (status & SR_RECEIVED) != 0u;
}

bool uart_put(uint8_t byte)
{
    if ((USART->sr & SR_EMPTY) == 0u) {
        return false;
    }
    USART->dr = byte;
    return true;
}

bool uart_sent(void)
{
    return (USART->sr & SR_COMPLETE) != 0u;
}

void uart_listen(bool on)
{
    USART->cr1 = on ? CR1_BOTH_WAYS | CR1_RECEIVE_INTERRUPT : CR1_BOTH_WAYS;
}
