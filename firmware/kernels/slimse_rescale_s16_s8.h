#ifndef SLIMSE_RESCALE_S16_S8_H
#define SLIMSE_RESCALE_S16_S8_H

#include "slimse.h"

/** Change from int16 to int8 of some channels at every position. */
typedef struct {
    uint16_t positions;    /**< positions along frequency */
    uint16_t channels;     /**< channels moved per position */
    uint16_t input_pitch;  /**< elements from one position of the input to the next */
    uint16_t output_pitch; /**< elements from one position of the output to the next */
    int16_t output_offset; /**< the output's zero point */
    int32_t multiplier;    /**< Q31 */
    int8_t shift;          /**< left when positive */
} slimse_rescale_s16_s8_t;

/**
 * @param input The first channel that is moved, at the first position.
 * @param output Where it goes.
 */
void slimse_rescale_s16_s8(const slimse_rescale_s16_s8_t *layer, const int16_t *input, int8_t *output);

#endif
