#ifndef SLIMSE_SIGMOID_S16_H
#define SLIMSE_SIGMOID_S16_H

#include "slimse.h"

/** Sigmoid of int16; the output is Q15. */
typedef struct {
    int16_t multiplier; /**< from the input's scale to steps of 2^-12 / 3, with shift */
    uint8_t shift;      /**< 0 .. 31, to the right */
    uint16_t size;      /**< elements */
} slimse_sigmoid_s16_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_sigmoid_s16(const slimse_sigmoid_s16_t *layer, const slimse_gate_t *channels, const int16_t *input,
                        int16_t *output);

#endif
