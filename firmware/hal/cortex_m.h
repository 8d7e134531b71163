/*
 * cortex_m.h - what the board layers of Cortex-M families have in common: interrupts and the
 * received bytes that wait between the receive interrupt and hal_read().
 *
 * A family defines HAL_RING_BYTES, a power of two, before it includes this file.
 */
#ifndef HAL_CORTEX_M_H
#define HAL_CORTEX_M_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void hal_interrupts_off(void)
{
    __asm volatile("cpsid i" ::: "memory");
}

static inline void hal_interrupts_on(void)
{
    __asm volatile("cpsie i" ::: "memory");
}

/* Written with interrupts off, read by the main loop. */
typedef struct {
    uint8_t bytes[HAL_RING_BYTES];
    volatile uint32_t head; /* next to write; both run on past the end, modulo 2^32 */
    volatile uint32_t tail; /* next to read */
    volatile uint32_t lost; /* bytes that came too late to be taken */
    volatile bool stalled;  /* the ring was full, the receiver waits */
} hal_ring_t;

static inline bool hal_ring_full(const hal_ring_t *ring)
{
    return ring->head - ring->tail == HAL_RING_BYTES;
}

/* With interrupts off; the ring must not be full. */
static inline void hal_ring_put(hal_ring_t *ring, uint8_t byte)
{
    const uint32_t head = ring->head;

    ring->bytes[head % HAL_RING_BYTES] = byte;
    __asm volatile("" ::: "memory"); /* the byte before the index that shows it */
    ring->head = head + 1u;
}

/* Main loop only: take up to `capacity` bytes; returns how many. */
static inline size_t hal_ring_take(hal_ring_t *ring, uint8_t *bytes, size_t capacity)
{
    const uint32_t head = ring->head;
    uint32_t tail = ring->tail;
    size_t count = 0;

    __asm volatile("" ::: "memory"); /* no byte is read before the index that shows it ... */
    while (count < capacity && tail != head) {
        bytes[count++] = ring->bytes[tail % HAL_RING_BYTES];
        tail++;
    }
    __asm volatile("" ::: "memory"); /* ... or after its place was given back */
    ring->tail = tail;
    return count;
}

#endif
