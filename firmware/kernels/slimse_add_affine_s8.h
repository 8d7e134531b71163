#ifndef SLIMSE_ADD_AFFINE_S8_H
#define SLIMSE_ADD_AFFINE_S8_H

#include "slimse.h"

/** Elementwise sum, clamp((a * first + b * second + c) >> shift); the compiler has proved that this is slimse_add_s8. */
typedef struct {
    uint16_t size;         /**< elements */
    int32_t a;             /**< factor of the first input's raw values */
    int32_t b;             /**< factor of the second input's */
    int32_t c;             /**< zero points and rounding */
    uint8_t shift;         /**< to the right, 16 .. 24 */
    int16_t output_offset; /**< the output's zero point */
    int8_t output_min;     /**< clamp of the fused activation */
    int8_t output_max;     /**< clamp of the fused activation */
} slimse_add_affine_s8_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_add_affine_s8(const slimse_add_affine_s8_t *layer, const slimse_gate_t *channels, const int8_t *input0,
                          const int8_t *input1, int8_t *output);

#endif
