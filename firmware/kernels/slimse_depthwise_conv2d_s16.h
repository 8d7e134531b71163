#ifndef SLIMSE_DEPTHWISE_CONV2D_S16_H
#define SLIMSE_DEPTHWISE_CONV2D_S16_H

#include "slimse_linear.h"

/** Depthwise convolution over time and frequency of int16, causal along time, or a part of one. */
typedef struct {
    uint16_t rows;              /**< outputs computed per position */
    uint16_t first_row;         /**< number of the first of them in the whole layer */
    uint16_t channels;          /**< inputs per position */
    uint16_t multiplier_depth;  /**< outputs per input channel */
    uint16_t inputs;            /**< positions of the input along frequency */
    uint16_t positions;         /**< positions of the output along frequency */
    uint16_t output_pitch;      /**< elements from one position of the output to the next */
    uint8_t taps;               /**< taps along time, 1 .. SLIMSE_MAX_TAPS */
    uint16_t dilation;          /**< frames between taps along time */
    uint16_t kernel;            /**< taps along frequency */
    uint16_t stride;            /**< positions between two outputs */
    uint16_t spacing;           /**< positions between two taps along frequency */
    uint16_t left;              /**< zeros below the first position */
    slimse_linear_s16_t linear; /**< weights [taps][kernel][rows], oldest frame first */
} slimse_depthwise_conv2d_s16_t;

/**
 * Taps that fall beside the input add nothing and are not executed.
 *
 * @param input [inputs][channels] the current frame
 * @param ring [(taps - 1) * dilation][inputs][channels] the past frames; NULL with one tap
 * @param next Slot of the ring that holds the oldest frame.
 * @param output [positions][output_pitch] from the first of the rows on
 * @return multiply-accumulates executed.
 */
uint32_t slimse_depthwise_conv2d_s16(const slimse_depthwise_conv2d_s16_t *layer, const int16_t *input,
                                     const int16_t *ring, uint16_t next, int16_t *output);

#endif
