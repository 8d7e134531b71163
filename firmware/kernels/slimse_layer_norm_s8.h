#ifndef SLIMSE_LAYER_NORM_S8_H
#define SLIMSE_LAYER_NORM_S8_H

#include "slimse.h"

/** Layer normalization over the channels, at each position along frequency. */
typedef struct {
    uint16_t positions;    /**< positions along frequency */
    uint16_t size;         /**< channels */
    const int8_t *gamma;   /**< [size] scales */
    const int32_t *beta;   /**< [size] offsets, at the unit of gamma x Q12 */
    uint64_t epsilon;      /**< size^2 x epsilon / input scale^2, 1 .. 2^46 */
    int32_t multiplier;    /**< Q31, from that unit to the output's scale */
    int8_t shift;          /**< left when positive */
    int16_t output_offset; /**< the output's zero point */
} slimse_layer_norm_s8_t;

void slimse_layer_norm_s8(const slimse_layer_norm_s8_t *layer, const int8_t *input, int8_t *output);

#endif
