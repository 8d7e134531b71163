#ifndef SLIMSE_ADD_S8_H
#define SLIMSE_ADD_S8_H

#include "slimse.h"

/** Elementwise sum. */
typedef struct {
    uint16_t size;             /**< elements */
    int16_t input0_offset;     /**< minus the zero point of the first input */
    int16_t input1_offset;     /**< minus the zero point of the second input */
    int16_t output_offset;     /**< the output's zero point */
    int32_t input0_multiplier; /**< Q31 */
    int32_t input1_multiplier; /**< Q31 */
    int32_t output_multiplier; /**< Q31 */
    int8_t input0_shift;       /**< left when positive, as the next two */
    int8_t input1_shift;
    int8_t output_shift;
    int8_t output_min;         /**< clamp of the fused activation */
    int8_t output_max;         /**< clamp of the fused activation */
} slimse_add_s8_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_add_s8(const slimse_add_s8_t *layer, const slimse_gate_t *channels, const int8_t *input0,
                   const int8_t *input1, int8_t *output);

#endif
