#ifndef SLIMSE_MAX_POOL_S16_H
#define SLIMSE_MAX_POOL_S16_H

#include <stdint.h>

/** Greatest of neighbouring int16 positions along frequency. */
typedef struct {
    uint16_t positions; /**< positions of the output along frequency */
    uint16_t channels;  /**< values per position */
    uint16_t inputs;    /**< positions of the input along frequency */
    uint16_t kernel;    /**< neighbours, those beside the input included, which do not count */
    uint16_t stride;    /**< positions between two outputs */
    uint16_t left;      /**< positions beside the input below the first one */
} slimse_max_pool_s16_t;

/**
 * @param input [inputs][channels]
 * @param output [positions][channels], at the input's scale
 */
void slimse_max_pool_s16(const slimse_max_pool_s16_t *layer, const int16_t *input, int16_t *output);

#endif
