#ifndef SLIMSE_SOFTMAX_S8_H
#define SLIMSE_SOFTMAX_S8_H

#include "slimse.h"

/** Softmax over the channels, at each position along frequency. */
typedef struct {
    uint16_t positions; /**< positions along frequency */
    uint16_t size;      /**< channels, 1 .. 511 */
    const int32_t *exp; /**< [256] exp(-n * input scale) for n = 0 .. 255, Q31 */
} slimse_softmax_s8_t;

/**
 * @param input [positions][size]
 * @param output [positions][size], real = (value + 128) / 256
 */
void slimse_softmax_s8(const slimse_softmax_s8_t *layer, const int8_t *input, int8_t *output);

#endif
