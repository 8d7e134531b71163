#ifndef SLIMSE_LAYER_NORM_S16_H
#define SLIMSE_LAYER_NORM_S16_H

#include "slimse.h"

/** Layer normalization of int16 over the channels, at each position along frequency. */
typedef struct {
    uint16_t positions;   /**< positions along frequency */
    uint16_t size;        /**< channels, 1 .. 1024 */
    const int8_t *gamma;  /**< [size] scales */
    const int32_t *beta;  /**< [size] offsets, at the unit of gamma x Q15 */
    uint64_t epsilon;     /**< size^2 x epsilon / input scale^2, 1 .. 2^46 */
    int32_t multiplier;   /**< Q31, from that unit to the output's scale */
    int8_t shift;         /**< left when positive */
} slimse_layer_norm_s16_t;

void slimse_layer_norm_s16(const slimse_layer_norm_s16_t *layer, const int16_t *input, int16_t *output);

#endif
