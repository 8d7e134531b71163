#ifndef SLIMSE_CHANNEL_GATE_SIGNS_S8_H
#define SLIMSE_CHANNEL_GATE_SIGNS_S8_H

#include "slimse.h"

/** The deciding layer of a gating subnet; slimse_paired_columns.h says how weights lie. */
typedef struct {
    uint16_t rows;         /**< decisions */
    uint16_t columns;      /**< inputs */
    uint16_t group;        /**< neighbouring channels that each opens */
    const int8_t *weights; /**< packed as paired_columns */
    const int32_t *starts; /**< [blocks of 4 rows][4] starts of sums */
} slimse_channel_gate_signs_s8_t;

/**
 * Decide a gate.  A forced gate is computed all the same, so that counts stay comparable.
 *
 * @param input [columns]
 * @param scratch [4 (columns + 3) / 4 + (rows + 7) / 8 + 1] working memory, 4-byte aligned
 * @param gate Receives open_count, open and bits.
 * @return multiply-accumulates executed.
 */
uint32_t slimse_channel_gate_signs_s8(const slimse_channel_gate_signs_s8_t *layer, const int8_t *input,
                                      int16_t *scratch, slimse_gate_t *gate);

#endif
