#ifndef SLIMSE_LSTM_S8_H
#define SLIMSE_LSTM_S8_H

#include "slimse_recurrent.h"

/** Long short-term memory; gates in the order input, forget, candidate, output. */
typedef struct {
    slimse_recurrent_t cell;
} slimse_lstm_s8_t;

/**
 * One frame, at all positions.
 *
 * @param input [positions][input_pitch], of which the first columns are read
 * @param hidden [positions][hidden_pitch], of which the first 2 * units are the states, int16, 0 at reset: h, real =
 *               value / 32768, then c, real = value / 2048; [2 * units] working memory where hidden_pitch is 0
 * @param scratch [units] working memory
 * @param output [positions][output_pitch], of which the first units are written: the new h as int8
 * @return multiply-accumulates executed.
 */
uint32_t slimse_lstm_s8(const slimse_lstm_s8_t *layer, const int8_t *input, int16_t *hidden, int16_t *scratch,
                        int8_t *output);

#endif
