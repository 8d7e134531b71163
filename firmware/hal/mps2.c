/*
 * mps2.c - Arm MPS2 and MPS3 boards: CMSDK UART and a timer of the FPGA image.
 *
 * The board's defines say where things are:
 *   HAL_UART_BASE      CMSDK UART 0
 *   HAL_UART_IRQ       first of its two interrupt numbers (receive and transmit are neighbours)
 *   HAL_TIMER_BASE     CMSDK timer 0, counts down; or
 *   HAL_UPCOUNTER      address of a free-running up-counter (FPGAIO)
 *   HAL_CLOCK_HZ, HAL_COUNTER_HZ
 *
 * The receiver holds one byte and has no flow control of its own; QEMU holds bytes back while it is
 * full, so on the emulator nothing is lost however long a computation keeps interrupts off.
 */
#include "hal.h"

enum { HAL_RING_BYTES = 1024 };
#include "cortex_m.h"

typedef struct {
    volatile uint32_t data;
    volatile uint32_t state;     /* bit 0 transmitter full, bit 1 receiver full, bit 3 overrun */
    volatile uint32_t ctrl;      /* bits 0, 1: transmitter, receiver on; bit 3: receive interrupt */
    volatile uint32_t intstatus; /* write 1 to clear; bit 1 receive */
    volatile uint32_t bauddiv;
} uart_t;

typedef struct {
    volatile uint32_t ctrl; /* bit 0 runs */
    volatile uint32_t value;
    volatile uint32_t reload;
} timer_t;

enum {
    STATE_TX_FULL = 1,
    STATE_RX_FULL = 2,
    STATE_RX_OVERRUN = 8,
    CTRL_ENABLE = 3,
    CTRL_RX_INTERRUPT = 8,
    INT_RX = 2
};

static uart_t *const UART = (uart_t *)HAL_UART_BASE;
#ifdef HAL_TIMER_BASE
static timer_t *const TIMER = (timer_t *)HAL_TIMER_BASE;
#endif

static hal_ring_t ring;

/* Move what waits in the receiver to the ring.  Runs with interrupts off. */
static void drain(void)
{
    uint32_t state;

    UART->intstatus = INT_RX; /* before the data: a byte that arrives in between asks again */
    for (;;) {
        state = UART->state;
        if ((state & STATE_RX_OVERRUN) != 0u) {
            ring.lost++;
            UART->state = STATE_RX_OVERRUN;
        }
        if ((state & STATE_RX_FULL) == 0u) {
            break;
        }
        if (hal_ring_full(&ring)) {
            ring.stalled = true;
            break;
        }
        hal_ring_put(&ring, (uint8_t)UART->data);
    }
}

void hal_interrupt(void)
{
    drain();
}

static void counter_run(bool run)
{
#ifdef HAL_TIMER_BASE
    TIMER->ctrl = run ? 1u : 0u;
#else
    (void)run;
#endif
}

void hal_init(int argc, char **argv)
{
    volatile uint32_t *const nvic_enable = (volatile uint32_t *)0xE000E100u;
    const uint32_t first = HAL_UART_IRQ;
    const uint32_t second = first + 1u;

    (void)argc;
    (void)argv;
    UART->bauddiv = HAL_CLOCK_HZ / HAL_BAUD;
    UART->ctrl = CTRL_ENABLE | CTRL_RX_INTERRUPT;
    if ((UART->state & STATE_RX_FULL) == 0u) {
        (void)UART->data; /* QEMU starts to deliver after the first read */
    }
    nvic_enable[first / 32u] = 1u << (first % 32u);
    nvic_enable[second / 32u] = 1u << (second % 32u);
#ifdef HAL_TIMER_BASE
    TIMER->reload = 0xFFFFFFFFu;
    TIMER->value = 0xFFFFFFFFu;
#endif
    counter_run(true);
}

const hal_info_t *hal_info(void)
{
    static const hal_info_t info = {
        .board = HAL_BOARD,
        .clock_hz = HAL_CLOCK_HZ,
        .counter_hz = HAL_COUNTER_HZ,
        .counter_kind = HAL_COUNTER_INSTRUCTIONS,
        .window = 4,
        .duplex = 1,
    };

    return &info;
}

size_t hal_read(uint8_t *bytes, size_t capacity)
{
    const size_t count = hal_ring_take(&ring, bytes, capacity);

    if (ring.stalled) {
        hal_interrupts_off();
        ring.stalled = false;
        drain();
        hal_interrupts_on();
    }
    return count;
}

size_t hal_write(const uint8_t *bytes, size_t count)
{
    size_t sent = 0;

    while (sent < count && (UART->state & STATE_TX_FULL) == 0u) {
        UART->data = bytes[sent++];
    }
    return sent;
}

void hal_flush(void)
{
    while ((UART->state & STATE_TX_FULL) != 0u) {
    }
}

void hal_idle(void)
{
    hal_interrupts_off(); /* a pending interrupt ends wfi all the same: no wake-up is missed */
    if (ring.head == ring.tail && !ring.stalled) {
        counter_run(false); /* a running timer would keep an idle emulator busy */
        __asm volatile("dsb\n wfi" ::: "memory");
        counter_run(true);
    }
    hal_interrupts_on();
}

uint32_t hal_lost_bytes(void)
{
    return ring.lost;
}

uint32_t hal_counter(void)
{
#ifdef HAL_TIMER_BASE
    return ~TIMER->value;
#else
    return *(volatile uint32_t *)HAL_UPCOUNTER;
#endif
}

void hal_measure_begin(void)
{
    hal_interrupts_off();
}

void hal_measure_end(void)
{
    hal_interrupts_on();
}
