#ifndef SLIMSE_CHANNEL_GATE_NARROW_S8_H
#define SLIMSE_CHANNEL_GATE_NARROW_S8_H

#include "slimse.h"

/**
 * The deciding layer of a gating subnet with up to twelve inputs, which stay in registers from row to row.
 *
 * Rows are summed with their sign turned: a channel is open where its sum is negative, which is one bit of it.
 */
typedef struct {
    uint16_t rows;         /**< decisions */
    uint16_t columns;      /**< inputs, 1 .. 12 */
    uint16_t group;        /**< neighbouring channels that each opens */
    const int32_t *words;  /**< [rows in eights][4]: where the sum starts, minus the weights packed as row_words; of each
                                eight rows the last comes first, rows that are missing are 0 */
} slimse_channel_gate_narrow_s8_t;

/**
 * Decide a gate.  A forced gate is computed all the same, so that counts stay comparable.
 *
 * @param input [columns]
 * @param scratch [(rows + 15) / 16 * 2] working memory, 4-byte aligned
 * @param gate Receives open_count, open and bits.
 * @return multiply-accumulates executed.
 */
uint32_t slimse_channel_gate_narrow_s8(const slimse_channel_gate_narrow_s8_t *layer, const int8_t *input,
                                       int16_t *scratch, slimse_gate_t *gate);

#endif
