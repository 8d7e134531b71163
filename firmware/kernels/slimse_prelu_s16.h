#ifndef SLIMSE_PRELU_S16_H
#define SLIMSE_PRELU_S16_H

#include "slimse.h"

/** PReLU of int16 with one slope per channel. */
typedef struct {
    const int8_t *slopes;        /**< [size] */
    uint16_t size;               /**< elements */
    int16_t slope_offset;        /**< minus the slopes' zero point */
    int32_t positive_multiplier; /**< Q31, of inputs at or above 0 */
    int8_t positive_shift;       /**< left when positive */
    int32_t negative_multiplier; /**< Q31, of input times slope */
    int8_t negative_shift;       /**< left when positive */
} slimse_prelu_s16_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_prelu_s16(const slimse_prelu_s16_t *layer, const slimse_gate_t *channels, const int16_t *input,
                      int16_t *output);

#endif
