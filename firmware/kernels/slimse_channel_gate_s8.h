#ifndef SLIMSE_CHANNEL_GATE_S8_H
#define SLIMSE_CHANNEL_GATE_S8_H

#include "slimse.h"

/** The deciding layer of a gating subnet: channel i is open where (W x + b)[i / group] > 0. */
typedef struct {
    uint16_t rows;         /**< decisions */
    uint16_t columns;      /**< inputs */
    uint16_t group;        /**< neighbouring channels that each opens */
    const int8_t *weights; /**< [rows][columns] */
    const int32_t *bias;   /**< [rows] */
    int16_t input_offset;  /**< minus the input's zero point; 0 where the bias holds what that adds */
} slimse_channel_gate_s8_t;

/**
 * Decide a gate.  A forced gate is computed all the same, so that counts stay comparable.
 *
 * @param input [columns]
 * @param gate Receives open_count, open and bits.
 * @return multiply-accumulates executed.
 */
uint32_t slimse_channel_gate_s8(const slimse_channel_gate_s8_t *layer, const int8_t *input, slimse_gate_t *gate);

#endif
