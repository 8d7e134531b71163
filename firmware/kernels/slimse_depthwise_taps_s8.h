#ifndef SLIMSE_DEPTHWISE_TAPS_S8_H
#define SLIMSE_DEPTHWISE_TAPS_S8_H

#include "slimse.h"

/** Causal depthwise convolution along time of up to three taps, one output per channel. */
typedef struct {
    uint16_t channels;
    uint8_t taps;          /**< 1 .. 3 */
    uint16_t dilation;     /**< frames between taps */
    const int32_t *rows;   /**< [channels][3]: 32 - shift and the taps' weights in its bytes, oldest first, those that
                                are missing 0; bias; multiplier.  The shift is to the right, 2 to 31. */
    int16_t output_offset; /**< the output's zero point */
    int8_t output_min;     /**< clamp of the fused activation */
    int8_t output_max;     /**< clamp of the fused activation */
} slimse_depthwise_taps_s8_t;

/**
 * @param channels Gate of the outputs; NULL: all are computed.
 * @param input [channels] the current frame
 * @param ring [(taps - 1) * dilation][channels] the past frames; NULL with one tap
 * @param next Slot of the ring that holds the oldest frame.
 * @param output [channels]
 * @return multiply-accumulates executed.
 */
uint32_t slimse_depthwise_taps_s8(const slimse_depthwise_taps_s8_t *layer, const slimse_gate_t *channels,
                                  const int8_t *input, const int8_t *ring, uint16_t next, int8_t *output);

#endif
