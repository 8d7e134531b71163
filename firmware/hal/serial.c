/*
 * serial.c - the link over a serial port: received bytes wait in a ring between the receive
 * interrupt and hal_read().
 *
 * On silicon a receiver holds a few bytes and computations keep interrupts off, so the peer may
 * have one request on its way at a time, and the ring takes the longest one and more.  An emulator
 * holds bytes back while the receiver is full, so several requests may queue up.
 */
#include "cortex_m.h"
#include "hal.h"
#include "parts.h"

#ifndef HAL_RING_BYTES
#define HAL_RING_BYTES 2048 /* a power of two, at least the longest request */
#endif

/* Written with interrupts off, read by the main loop. */
static struct {
    uint8_t bytes[HAL_RING_BYTES];
    volatile uint32_t head; /* next to write; both run on past the end, modulo 2^32 */
    volatile uint32_t tail; /* next to read */
    volatile uint32_t lost; /* bytes that came too late to be taken */
    volatile bool stalled;  /* the ring was full, the receiver waits */
} ring;

static bool ring_full(void)
{
    return ring.head - ring.tail == HAL_RING_BYTES;
}

/* Move what waits in the receiver to the ring.  Runs with interrupts off. */
static void drain(void)
{
    uint32_t lost = 0;
    uint8_t byte;

    for (;;) {
        if (ring_full() && hal_info()->window > 1) {
            ring.stalled = true;
            uart_listen(false); /* or this interrupt would come for ever */
            break;
        }
        if (!uart_take(&byte, &lost)) {
            break;
        }
        if (ring_full()) {
            lost++;
        } else {
            ring.bytes[ring.head % HAL_RING_BYTES] = byte;
            __asm volatile("" ::: "memory"); /* the byte before the index that shows it */
            ring.head = ring.head + 1u;
        }
    }
    ring.lost += lost;
}

void hal_interrupt(void)
{
    drain();
}

void serial_start(uint32_t uart_hz)
{
    uart_start(uart_hz);
}

size_t hal_read(uint8_t *bytes, size_t capacity)
{
    const uint32_t head = ring.head;
    uint32_t tail = ring.tail;
    size_t count = 0;

    __asm volatile("" ::: "memory"); /* no byte is read before the index that shows it ... */
    while (count < capacity && tail != head) {
        bytes[count++] = ring.bytes[tail % HAL_RING_BYTES];
        tail++;
    }
    __asm volatile("" ::: "memory"); /* ... or after its place was given back */
    ring.tail = tail;
    if (ring.stalled) {
        hal_interrupts_off();
        ring.stalled = false;
        uart_listen(true);
        drain();
        hal_interrupts_on();
    }
    return count;
}

size_t hal_write(const uint8_t *bytes, size_t count)
{
    size_t sent = 0;

    while (sent < count && uart_put(bytes[sent])) {
        sent++;
    }
    return sent;
}

void hal_flush(void)
{
    while (!uart_sent()) {
    }
}

void hal_idle(void)
{
    hal_interrupts_off(); /* a pending interrupt ends wfi all the same: no wake-up is missed */
    if (ring.head == ring.tail && !ring.stalled) {
        hal_mark(HAL_MARK_BUSY, false);
        counter_run(false);
        __asm volatile("dsb\n wfi" ::: "memory");
        counter_run(true);
        hal_mark(HAL_MARK_BUSY, true);
    }
    hal_interrupts_on();
}

uint32_t hal_lost_bytes(void)
{
    return ring.lost;
}
