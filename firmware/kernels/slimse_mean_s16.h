#ifndef SLIMSE_MEAN_S16_H
#define SLIMSE_MEAN_S16_H

#include <stdint.h>

/** Mean of int16 over all positions along frequency, per channel. */
typedef struct {
    uint16_t positions; /**< positions of the input along frequency */
    uint16_t channels;  /**< values per position, and of the output */
    int32_t multiplier; /**< Q31, already divided by positions */
    int8_t shift;       /**< left when positive */
} slimse_mean_s16_t;

/**
 * @param input [positions][channels]
 * @param output [channels]
 */
void slimse_mean_s16(const slimse_mean_s16_t *layer, const int16_t *input, int16_t *output);

#endif
