#ifndef SLIMSE_RESIZE_S16_H
#define SLIMSE_RESIZE_S16_H

#include <stdint.h>

/** Crops, pads or repeats int16 positions along frequency: output p is input (p - before) / repeat. */
typedef struct {
    uint16_t positions; /**< positions of the output */
    uint16_t channels;  /**< values per position */
    uint16_t inputs;    /**< positions of the input */
    uint16_t repeat;    /**< outputs per input */
    int32_t before;     /**< zeros below the first input; negative: outputs that are cropped there */
} slimse_resize_s16_t;

/**
 * @param input [inputs][channels]
 * @param output [positions][channels], at the input's scale
 */
void slimse_resize_s16(const slimse_resize_s16_t *layer, const int16_t *input, int16_t *output);

#endif
