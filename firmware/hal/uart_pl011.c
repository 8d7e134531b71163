/*
 * uart_pl011.c - Arm PrimeCell UART PL011 (Arm DDI 0183) and what is built like it: Stellaris and
 * Tiva (LM3S6965 and TM4C123 data sheets, ch. UART), RP2040 and RP2350, Ambiq Apollo.
 *
 *   HAL_UART_BASE, HAL_UART_IRQ
 *   HAL_UART_CONTROL  further bits of the control register, where the vendor added some
 *
 * The receiver's FIFO holds 16 bytes or more.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

#ifndef HAL_UART_CONTROL
#define HAL_UART_CONTROL 0u
#endif

typedef struct {
    volatile uint32_t dr; /* bit 11: a byte was lost before this one */
    volatile uint32_t unused_04[5];
    volatile uint32_t fr; /* bit 3 busy, bit 4 receiver empty, bit 5 transmitter full */
    volatile uint32_t unused_1c[2];
    volatile uint32_t ibrd, fbrd, lcr_h, cr, ifls, imsc, ris, mis, icr;
} uart_t;

enum {
    DR_OVERRUN = 1 << 11,
    FR_BUSY = 1 << 3,
    FR_RX_EMPTY = 1 << 4,
    FR_TX_FULL = 1 << 5,
    LCR_8_BITS_FIFO = 3 << 5 | 1 << 4,
    CR_ON = 1 << 9 | 1 << 8 | 1 << 0, /* receiver, transmitter, UART */
    IFLS_RX_HALF = 2 << 3,
    INT_RX = 1 << 6 | 1 << 4 /* silence after less than half a FIFO; half a FIFO */
};

static uart_t *const UART = (uart_t *)HAL_UART_BASE;

void uart_start(uint32_t clock_hz)
{
    /* Divisor clock / (16 * baud) in 64ths, rounded. */
    const uint32_t divisor = (8u * clock_hz / HAL_BAUD + 1u) / 2u;

    UART->cr = HAL_UART_CONTROL;
    UART->icr = 0x7FFu; /* before the FIFO is on: QEMU's fills from then, and asks for its first byte only once */
    UART->ibrd = divisor / 64u;
    UART->fbrd = divisor % 64u;
    UART->lcr_h = LCR_8_BITS_FIFO; /* after the divisor, which it lets through */
    UART->ifls = IFLS_RX_HALF;
    UART->cr = HAL_UART_CONTROL | CR_ON;
    uart_listen(true);
    hal_interrupt_enable(HAL_UART_IRQ);
}

bool uart_take(uint8_t *byte, uint32_t *lost)
{
    uint32_t data;

    UART->icr = INT_RX; /* before the data: a byte that arrives in between asks again */
    if ((UART->fr & FR_RX_EMPTY) != 0u) {
        return false;
    }
    data = UART->dr;
    *lost += (data & DR_OVERRUN) != 0u ? 1u : 0u;
    *byte = (uint8_t)data;
    return true;
}

bool uart_put(uint8_t byte)
{
    if ((UART->fr & FR_TX_FULL) != 0u) {
        return false;
    }
    UART->dr = byte;
    return true;
}

bool uart_sent(void)
{
    return (UART->fr & FR_BUSY) == 0u;
}

void uart_listen(bool on)
{
    UART->imsc = on ? INT_RX : 0u;
}
