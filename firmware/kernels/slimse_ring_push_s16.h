#ifndef SLIMSE_RING_PUSH_S16_H
#define SLIMSE_RING_PUSH_S16_H

#include "slimse.h"

/**
 * Remember a frame of int16 in place of the oldest; the write index moves, no sample does.
 *
 * @param frame [channels]
 * @param ring [slots][channels]
 * @param next Slot that the frame goes to; moves on by one, modulo slots.
 */
void slimse_ring_push_s16(const int16_t *frame, uint16_t channels, uint16_t slots, int16_t *ring, uint16_t *next);

#endif
