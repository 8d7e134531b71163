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
    INT_RX = 2,
    RING_BYTES = 1024 /* power of two */
};

static uart_t *const UART = (uart_t *)HAL_UART_BASE;
#ifdef HAL_TIMER_BASE
static timer_t *const TIMER = (timer_t *)HAL_TIMER_BASE;
#endif

static struct {
    uint8_t bytes[RING_BYTES];
    volatile uint32_t head; /* next to write, by the interrupt */
    volatile uint32_t tail; /* next to read */
    volatile uint32_t lost;
    volatile bool stalled; /* the ring was full, the receiver waits */
} ring;

static void interrupts_off(void)
{
    __asm volatile("cpsid i" ::: "memory");
}

static void interrupts_on(void)
{
    __asm volatile("cpsie i" ::: "memory");
}

/* Move what waits in the receiver to the ring.  Runs with interrupts off. */
static void drain(void)
{
    uint32_t head = ring.head;
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
        if (head - ring.tail == RING_BYTES) {
            ring.stalled = true;
            break;
        }
        ring.bytes[head % RING_BYTES] = (uint8_t)UART->data;
        head++;
    }
    ring.head = head;
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
    };

    return &info;
}

size_t hal_read(uint8_t *bytes, size_t capacity)
{
    const uint32_t head = ring.head;
    uint32_t tail = ring.tail;
    size_t count = 0;

    while (count < capacity && tail != head) {
        bytes[count++] = ring.bytes[tail % RING_BYTES];
        tail++;
    }
    ring.tail = tail;
    if (ring.stalled) {
        interrupts_off();
        ring.stalled = false;
        drain();
        interrupts_on();
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
    interrupts_off(); /* a pending interrupt ends wfi all the same: no wake-up is missed */
    if (ring.head == ring.tail && !ring.stalled) {
        counter_run(false); /* a running timer would keep an idle emulator busy */
        __asm volatile("dsb\n wfi" ::: "memory");
        counter_run(true);
    }
    interrupts_on();
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
    interrupts_off();
}

void hal_measure_end(void)
{
    interrupts_on();
}
