#ifndef SLIMSE_GRU_S16_H
#define SLIMSE_GRU_S16_H

#include "slimse_recurrent.h"

/** Gated recurrent unit over int16; gates in the order update, reset, candidate. */
typedef struct {
    slimse_recurrent_t cell;
    uint8_t reset_after; /**< 1: reset behind the recurrent product, 0: in front of it */
} slimse_gru_s16_t;

/**
 * One frame, at all positions.
 *
 * @param input [positions][input_pitch], of which the first columns are read
 * @param hidden [positions][hidden_pitch], of which the first units are the state: int16, real = value / 32768, 0 at
 *               reset; [units] working memory where hidden_pitch is 0
 * @param scratch [units] working memory, [2 * units] without reset_after
 * @param output [positions][output_pitch], of which the first units are written: the new state
 * @return multiply-accumulates executed.
 */
uint32_t slimse_gru_s16(const slimse_gru_s16_t *layer, const int16_t *input, int16_t *hidden, int16_t *scratch,
                        int16_t *output);

#endif
