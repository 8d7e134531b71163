#ifndef SLIMSE_AVERAGE_POOL_S8_H
#define SLIMSE_AVERAGE_POOL_S8_H

#include <stdint.h>

/** Mean of neighbouring positions along frequency, to nearest, ties away from zero. */
typedef struct {
    uint16_t positions; /**< positions of the output along frequency */
    uint16_t channels;  /**< values per position */
    uint16_t inputs;    /**< positions of the input along frequency */
    uint16_t kernel;    /**< neighbours, those beside the input included, which do not count */
    uint16_t stride;    /**< positions between two outputs */
    uint16_t left;      /**< positions beside the input below the first one */
} slimse_average_pool_s8_t;

/**
 * @param input [inputs][channels]
 * @param output [positions][channels], at the input's scale and zero point
 */
void slimse_average_pool_s8(const slimse_average_pool_s8_t *layer, const int8_t *input, int8_t *output);

#endif
