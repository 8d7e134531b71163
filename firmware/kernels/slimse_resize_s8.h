#ifndef SLIMSE_RESIZE_S8_H
#define SLIMSE_RESIZE_S8_H

#include <stdint.h>

/** Crops, pads or repeats the positions along frequency: output p is input (p - before) / repeat. */
typedef struct {
    uint16_t positions;    /**< positions of the output */
    uint16_t channels;     /**< values per position */
    uint16_t inputs;       /**< positions of the input */
    uint16_t repeat;       /**< outputs per input */
    int32_t before;        /**< zeros below the first input; negative: outputs that are cropped there */
    int16_t output_offset; /**< the zero point, which means zero */
} slimse_resize_s8_t;

/**
 * @param input [inputs][channels]
 * @param output [positions][channels], at the input's scale and zero point
 */
void slimse_resize_s8(const slimse_resize_s8_t *layer, const int8_t *input, int8_t *output);

#endif
