#ifndef SLIMSE_RELU_S16_H
#define SLIMSE_RELU_S16_H

#include "slimse.h"

/** Clamp of int16 from below, or from both sides, with a change of scale. */
typedef struct {
    int32_t multiplier; /**< Q31 */
    int8_t shift;       /**< left when positive */
    int16_t output_min; /**< the output's 0 */
    int16_t output_max; /**< the output's 6, or the greatest */
    uint16_t size;      /**< elements */
} slimse_relu_s16_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_relu_s16(const slimse_relu_s16_t *layer, const slimse_gate_t *channels, const int16_t *input,
                     int16_t *output);

#endif
