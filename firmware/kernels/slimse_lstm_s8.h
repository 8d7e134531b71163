#ifndef SLIMSE_LSTM_S8_H
#define SLIMSE_LSTM_S8_H

#include "slimse_recurrent.h"

/** Long short-term memory; gates in the order input, forget, candidate, output. */
typedef struct {
    slimse_recurrent_s8_t cell;
} slimse_lstm_s8_t;

/**
 * @param input [columns]
 * @param hidden [2 * units] state, int16: h, real = value / 32768, then c, real = value / 2048; 0 at reset
 * @param scratch [units] working memory
 * @param output [units] the new h as int8, real = value / 128
 * @return multiply-accumulates executed.
 */
uint32_t slimse_lstm_s8(const slimse_lstm_s8_t *layer, const int8_t *input, int16_t *hidden, int16_t *scratch,
                        int8_t *output);

#endif
