#ifndef SLIMSE_ADD_AFFINE_S8_H
#define SLIMSE_ADD_AFFINE_S8_H

#include "slimse.h"

/** Elementwise sum clamp((a * first + b * second + constant) >> shift), exact for all inputs. */
typedef struct {
    uint16_t size;         /**< elements */
    int32_t first;         /**< factor of the first input */
    int32_t second;        /**< factor of the second input */
    int32_t constant;      /**< zero points and rounding */
    uint8_t shift;         /**< 17 .. 24 */
    int16_t output_offset; /**< the output's zero point */
    int8_t output_min;     /**< clamp of the fused activation */
    int8_t output_max;     /**< clamp of the fused activation */
} slimse_add_affine_s8_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_add_affine_s8(const slimse_add_affine_s8_t *layer, const slimse_gate_t *channels, const int8_t *input0,
                          const int8_t *input1, int8_t *output);

#endif
