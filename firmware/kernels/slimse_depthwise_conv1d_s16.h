#ifndef SLIMSE_DEPTHWISE_CONV1D_S16_H
#define SLIMSE_DEPTHWISE_CONV1D_S16_H

#include "slimse_linear.h"

/** Causal depthwise convolution along time of int16; with one tap a scale and offset per channel. */
typedef struct {
    uint16_t channels;          /**< input channels */
    uint16_t multiplier_depth;  /**< outputs per input channel */
    uint8_t taps;               /**< 1 .. SLIMSE_MAX_TAPS */
    uint16_t dilation;          /**< frames between taps */
    slimse_linear_s16_t linear; /**< weights [taps][channels * multiplier_depth], oldest tap first */
} slimse_depthwise_conv1d_s16_t;

/**
 * @param rows Gate of the outputs; NULL: all are computed.
 * @param input [channels] the current frame
 * @param ring [(taps - 1) * dilation][channels] the past frames; NULL with one tap
 * @param next Slot of the ring that holds the oldest frame.
 * @param output [channels * multiplier_depth]
 * @return multiply-accumulates executed.
 */
uint32_t slimse_depthwise_conv1d_s16(const slimse_depthwise_conv1d_s16_t *layer, const slimse_gate_t *rows,
                                     const int16_t *input, const int16_t *ring, uint16_t next, int16_t *output);

#endif
