#ifndef SLIMSE_ADD_S16_H
#define SLIMSE_ADD_S16_H

#include "slimse.h"

/** Elementwise sum of int16. */
typedef struct {
    uint16_t size;             /**< elements */
    int32_t input0_multiplier; /**< Q31 */
    int32_t input1_multiplier; /**< Q31 */
    int32_t output_multiplier; /**< Q31 */
    int8_t input0_shift;       /**< left when positive, as the next two */
    int8_t input1_shift;
    int8_t output_shift;
    int16_t output_min;        /**< clamp of the fused activation */
    int16_t output_max;        /**< clamp of the fused activation */
} slimse_add_s16_t;

/** @param channels Gate of the output; NULL: all are computed. */
void slimse_add_s16(const slimse_add_s16_t *layer, const slimse_gate_t *channels, const int16_t *input0,
                    const int16_t *input1, int16_t *output);

#endif
