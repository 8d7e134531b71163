#ifndef SLIMSE_DEPTHWISE_VECTOR_S8_H
#define SLIMSE_DEPTHWISE_VECTOR_S8_H

#include "slimse.h"
#include "slimse_requantize.h"

/** Causal depthwise convolution along time with one output per input channel. */
typedef struct {
    uint16_t channels;             /**< channels */
    uint8_t taps;                  /**< 1 .. SLIMSE_MAX_TAPS */
    uint16_t dilation;             /**< frames between taps */
    uint16_t all_from;             /**< open channels from which on all are computed and the closed ones cleared */
    const int8_t *weights;         /**< [taps][channels], oldest tap first */
    const int32_t *bias_and_shift; /**< [channels, to a multiple of 8] 2^26 x shift + bias, for inputs without offset */
    slimse_rescaling_t rescale;
} slimse_depthwise_vector_s8_t;

/**
 * @param rows Gate of the outputs; NULL: all are computed.
 * @param input [channels] the current frame
 * @param ring [(taps - 1) * dilation][channels] the past frames; NULL with one tap
 * @param next Slot of the ring that holds the oldest frame.
 * @param output [channels]
 * @return multiply-accumulates executed.
 */
uint32_t slimse_depthwise_vector_s8(const slimse_depthwise_vector_s8_t *layer, const slimse_gate_t *rows,
                                    const int8_t *input, const int8_t *ring, uint16_t next, int8_t *output);

#endif
