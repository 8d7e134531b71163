#ifndef SLIMSE_MULTIPLY_S8_H
#define SLIMSE_MULTIPLY_S8_H

#include "slimse.h"

/** Elementwise product. */
typedef struct {
    uint16_t size;             /**< elements */
    int16_t input0_offset;     /**< minus the zero point of the first input */
    int16_t input1_offset;     /**< minus the zero point of the second input */
    int16_t output_offset;     /**< the output's zero point */
    int32_t output_multiplier; /**< Q31 */
    int8_t output_shift;       /**< left when positive */
    int8_t output_min;         /**< clamp of the fused activation */
    int8_t output_max;         /**< clamp of the fused activation */
} slimse_multiply_s8_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_multiply_s8(const slimse_multiply_s8_t *layer, const slimse_gate_t *channels, const int8_t *input0,
                        const int8_t *input1, int8_t *output);

#endif
