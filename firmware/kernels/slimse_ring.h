/** Where the taps of a causal convolution find their frames. */
#ifndef SLIMSE_RING_H
#define SLIMSE_RING_H

#include <stdint.h>

/**
 * Point each tap to its frame, oldest first; the last tap is the current frame.
 *
 * @param frames [taps] receives the pointers.
 * @param ring [(taps - 1) * dilation][channels]; next is its oldest frame.
 */
static inline void slimse_ring_taps(const int8_t **frames, uint32_t taps, uint32_t dilation, uint32_t channels,
                                    const int8_t *input, const int8_t *ring, uint32_t next)
{
    const uint32_t slots = (taps - 1U) * dilation;
    uint32_t slot = next;
    for (uint32_t tap = 0; tap + 1U < taps; tap++) {
        frames[tap] = &ring[slot * channels];
        slot += dilation;
        slot = slot >= slots ? slot - slots : slot;
    }
    frames[taps - 1U] = input;
}

/** slimse_ring_taps with int16. */
static inline void slimse_ring_taps_s16(const int16_t **frames, uint32_t taps, uint32_t dilation, uint32_t channels,
                                        const int16_t *input, const int16_t *ring, uint32_t next)
{
    const uint32_t slots = (taps - 1U) * dilation;
    uint32_t slot = next;
    for (uint32_t tap = 0; tap + 1U < taps; tap++) {
        frames[tap] = &ring[slot * channels];
        slot += dilation;
        slot = slot >= slots ? slot - slots : slot;
    }
    frames[taps - 1U] = input;
}

#endif
