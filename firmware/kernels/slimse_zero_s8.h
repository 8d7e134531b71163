#ifndef SLIMSE_ZERO_S8_H
#define SLIMSE_ZERO_S8_H

#include "slimse.h"

/** What the closed part of a layer leaves behind: exactly zero. */
typedef struct {
    uint16_t positions;    /**< positions along frequency */
    uint16_t channels;     /**< channels per position */
    uint16_t output_pitch; /**< elements from one position to the next */
    int16_t output_offset; /**< the zero point that they get */
} slimse_zero_s8_t;

/** @param output The part's first channel at the first position. */
void slimse_zero_s8(const slimse_zero_s8_t *layer, int8_t *output);

#endif
