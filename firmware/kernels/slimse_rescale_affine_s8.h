#ifndef SLIMSE_RESCALE_AFFINE_S8_H
#define SLIMSE_RESCALE_AFFINE_S8_H

#include "slimse.h"

/**
 * Change of scale and zero point of some channels at every position, (a * value + c) >> shift, saturated; the compiler has
 * proved that this is slimse_rescale_s8.
 */
typedef struct {
    uint16_t positions;    /**< positions along frequency */
    uint16_t channels;     /**< channels moved per position */
    uint16_t input_pitch;  /**< elements from one position of the input to the next */
    uint16_t output_pitch; /**< elements from one position of the output to the next */
    int32_t a;             /**< factor of the raw values */
    int32_t c;             /**< zero points and rounding */
    uint8_t shift;         /**< to the right, 16 .. 24 */
} slimse_rescale_affine_s8_t;

/**
 * @param input The first channel that is moved, at the first position.
 * @param output Where it goes.
 */
void slimse_rescale_affine_s8(const slimse_rescale_affine_s8_t *layer, const int8_t *input, int8_t *output);

#endif
