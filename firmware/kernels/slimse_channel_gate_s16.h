#ifndef SLIMSE_CHANNEL_GATE_S16_H
#define SLIMSE_CHANNEL_GATE_S16_H

#include "slimse.h"

/** The deciding layer of a gating subnet over int16: channel i is open where (W x + b)[i / group] > 0. */
typedef struct {
    uint16_t rows;         /**< decisions */
    uint16_t columns;      /**< inputs */
    uint16_t group;        /**< neighbouring channels that each opens */
    const int8_t *weights; /**< [rows][columns] */
    const int32_t *bias;   /**< [rows] */
} slimse_channel_gate_s16_t;

/**
 * Decide a gate.  A forced gate is computed all the same, so that counts stay comparable.
 *
 * @param input [columns]
 * @param gate Receives open_count, open and bits.
 * @return multiply-accumulates executed.
 */
uint32_t slimse_channel_gate_s16(const slimse_channel_gate_s16_t *layer, const int16_t *input, slimse_gate_t *gate);

#endif
