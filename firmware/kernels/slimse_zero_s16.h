#ifndef SLIMSE_ZERO_S16_H
#define SLIMSE_ZERO_S16_H

#include "slimse.h"

/** What the closed part of a layer leaves behind in int16: exactly zero. */
typedef struct {
    uint16_t positions;    /**< positions along frequency */
    uint16_t channels;     /**< channels per position */
    uint16_t output_pitch; /**< elements from one position to the next */
} slimse_zero_s16_t;

/** @param output The part's first channel at the first position. */
void slimse_zero_s16(const slimse_zero_s16_t *layer, int16_t *output);

#endif
