#ifndef SLIMSE_RESCALE_S8_S16_H
#define SLIMSE_RESCALE_S8_S16_H

#include "slimse.h"

/** Change from int8 to int16 of some channels at every position; at the same scale no value changes. */
typedef struct {
    uint16_t positions;    /**< positions along frequency */
    uint16_t channels;     /**< channels moved per position */
    uint16_t input_pitch;  /**< elements from one position of the input to the next */
    uint16_t output_pitch; /**< elements from one position of the output to the next */
    int16_t input_offset;  /**< minus the input's zero point */
    int32_t multiplier;    /**< Q31 */
    int8_t shift;          /**< left when positive */
} slimse_rescale_s8_s16_t;

/**
 * @param input The first channel that is moved, at the first position.
 * @param output Where it goes.
 */
void slimse_rescale_s8_s16(const slimse_rescale_s8_s16_t *layer, const int8_t *input, int16_t *output);

#endif
