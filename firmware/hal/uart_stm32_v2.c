/*
 * uart_stm32_v2.c - USART and LPUART of STM32F7, G0, G4, H7, L4, N6 and U5 (e.g. RM0433 ch. 48,
 * RM0432 ch. 50 and 51, RM0456 ch. 66 and 67).
 *
 *   HAL_UART_BASE, HAL_UART_IRQ
 *   HAL_UART_IS_LPUART  1: its divisor counts 256ths of a bit
 *
 * The receiver holds one byte besides the one that is arriving; the FIFO of newer parts stays off,
 * as it is after reset.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

#ifndef HAL_UART_IS_LPUART
#define HAL_UART_IS_LPUART 0
#endif

typedef struct {
    volatile uint32_t cr1, cr2, cr3, brr, gtpr, rtor, rqr, isr, icr, rdr, tdr;
} usart_t;

enum {
    ISR_OVERRUN = 1u << 3,
    ISR_RECEIVED = 1u << 5,
    ISR_COMPLETE = 1u << 6,
    ISR_EMPTY = 1u << 7,
    ICR_ERRORS = 0xFu, /* parity, framing, noise, overrun */
    CR1_BOTH_WAYS = 1u << 3 | 1u << 2 | 1u << 0, /* transmitter, receiver, on */
    CR1_RECEIVE_INTERRUPT = 1u << 5
};

static usart_t *const USART = (usart_t *)HAL_UART_BASE;

void uart_start(uint32_t clock_hz)
{
    const uint32_t scale = HAL_UART_IS_LPUART ? 256u : 1u;

    USART->cr1 = 0; /* the divisor may change only while it is off */
    USART->brr = (uint32_t)(((uint64_t)clock_hz * scale + HAL_BAUD / 2u) / HAL_BAUD);
    uart_listen(true);
    hal_interrupt_enable(HAL_UART_IRQ);
}

bool uart_take(uint8_t *byte, uint32_t *lost)
{
    const uint32_t status = USART->isr;

    *lost += (status & ISR_OVERRUN) != 0u ? 1u : 0u;
    if ((status & ICR_ERRORS) != 0u) {
        USART->icr = ICR_ERRORS;
    }
    if ((status & ISR_RECEIVED) == 0u) {
        return false;
    }
    *byte = (uint8_t)USART->rdr;
    return true;
}

bool uart_put(uint8_t byte)
{
    if ((USART->isr & ISR_EMPTY) == 0u) {
        return false;
    }
    USART->tdr = byte;
    return true;
}

bool uart_sent(void)
{
    return (USART->isr & ISR_COMPLETE) != 0u;
}

void uart_listen(bool on)
{
    USART->cr1 = on ? CR1_BOTH_WAYS | CR1_RECEIVE_INTERRUPT : CR1_BOTH_WAYS;
}
