#ifndef SLIMSE_CHANNEL_GATE_FOLDED_S8_H
#define SLIMSE_CHANNEL_GATE_FOLDED_S8_H

#include "slimse.h"

/** The deciding layer of a gating subnet, of short sums. */
typedef struct {
    uint16_t rows;              /**< decisions */
    uint16_t columns;           /**< inputs */
    uint16_t group;             /**< neighbouring channels that each opens */
    const int8_t *weights;      /**< packed as quads */
    const int32_t *turned_bias; /**< [rows in fours] -bias, for inputs that keep their zero point; 0 behind the last */
} slimse_channel_gate_folded_s8_t;

/**
 * Decide a gate.  A forced gate is computed all the same, so that counts stay comparable.
 *
 * @param input [columns]
 * @param gate Receives open_count, open, bits and group.
 * @return multiply-accumulates executed.
 */
uint32_t slimse_channel_gate_folded_s8(const slimse_channel_gate_folded_s8_t *layer, const int8_t *input,
                                       slimse_gate_t *gate);

#endif
