#ifndef SLIMSE_CHANNEL_GATE_QUADS_S8_H
#define SLIMSE_CHANNEL_GATE_QUADS_S8_H

#include "slimse.h"

/** The deciding layer of a gating subnet: channel i is open where (W x + b)[i] > 0. */
typedef struct {
    uint16_t rows;         /**< channels of the gate */
    uint16_t columns;      /**< inputs */
    const int8_t *weights; /**< [(rows + 3) / 4][columns][4], layout quads */
    const int32_t *bias;   /**< [rows, to a multiple of 8] for inputs without offset */
} slimse_channel_gate_quads_s8_t;

/**
 * Decide a gate.  A forced gate is computed all the same, so that counts stay comparable.
 *
 * @param input [columns]
 * @param gate Receives open_count, open and bits.
 * @return multiply-accumulates executed.
 */
uint32_t slimse_channel_gate_quads_s8(const slimse_channel_gate_quads_s8_t *layer, const int8_t *input, slimse_gate_t *gate);

#endif
