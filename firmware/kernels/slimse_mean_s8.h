#ifndef SLIMSE_MEAN_S8_H
#define SLIMSE_MEAN_S8_H

#include <stdint.h>

/** Mean over all positions along frequency, per channel. */
typedef struct {
    uint16_t positions;    /**< positions of the input along frequency */
    uint16_t channels;     /**< values per position, and of the output */
    int32_t sum_offset;    /**< minus the input's zero point, times positions */
    int16_t output_offset; /**< the output's zero point */
    int32_t multiplier;    /**< Q31, already divided by positions */
    int8_t shift;          /**< left when positive */
} slimse_mean_s8_t;

/**
 * @param input [positions][channels]
 * @param output [channels]
 */
void slimse_mean_s8(const slimse_mean_s8_t *layer, const int8_t *input, int8_t *output);

#endif
