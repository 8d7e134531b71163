#ifndef SLIMSE_MULTIPLY_S16_H
#define SLIMSE_MULTIPLY_S16_H

#include "slimse.h"

/** Elementwise product of int16. */
typedef struct {
    uint16_t size;             /**< elements */
    int32_t output_multiplier; /**< Q31 */
    int8_t output_shift;       /**< left when positive */
    int16_t output_min;        /**< clamp of the fused activation */
    int16_t output_max;        /**< clamp of the fused activation */
} slimse_multiply_s16_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_multiply_s16(const slimse_multiply_s16_t *layer, const slimse_gate_t *channels, const int16_t *input0,
                         const int16_t *input1, int16_t *output);

#endif
