#ifndef SLIMSE_RESCALE_TABLE_S8_H
#define SLIMSE_RESCALE_TABLE_S8_H

#include "slimse.h"

/** Change of scale and zero point of some channels at every position, looked up. */
typedef struct {
    uint16_t positions;    /**< positions along frequency */
    uint16_t channels;     /**< channels moved per position */
    uint16_t input_pitch;  /**< elements from one position of the input to the next */
    uint16_t output_pitch; /**< elements from one position of the output to the next */
    const int8_t *table;   /**< [256] by the value as an unsigned byte: 0 .. 127, -128 .. -1 */
} slimse_rescale_table_s8_t;

/**
 * @param input The first channel that is moved, at the first position.
 * @param output Where it goes.
 */
void slimse_rescale_table_s8(const slimse_rescale_table_s8_t *layer, const int8_t *input, int8_t *output);

#endif
