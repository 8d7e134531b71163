#ifndef SLIMSE_GRU_S8_H
#define SLIMSE_GRU_S8_H

#include "slimse_recurrent.h"

/** Gated recurrent unit; gates in the order update, reset, candidate. */
typedef struct {
    slimse_recurrent_s8_t cell;
    uint8_t reset_after; /**< 1: reset behind the recurrent product, 0: in front of it */
} slimse_gru_s8_t;

/**
 * @param input [columns]
 * @param hidden [units] state, int16, real = value / 32768; 0 at reset
 * @param scratch [2 * units] working memory
 * @param output [units] the new state as int8, real = value / 128
 * @return multiply-accumulates executed.
 */
uint32_t slimse_gru_s8(const slimse_gru_s8_t *layer, const int8_t *input, int16_t *hidden, int16_t *scratch,
                       int8_t *output);

#endif
