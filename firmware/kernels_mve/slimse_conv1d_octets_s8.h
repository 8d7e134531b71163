#ifndef SLIMSE_CONV1D_OCTETS_S8_H
#define SLIMSE_CONV1D_OCTETS_S8_H

#include "slimse.h"
#include "slimse_requantize.h"

/** Causal convolution along time, dense over channels, whose outputs a gate rules. */
typedef struct {
    uint16_t rows;                 /**< output channels */
    uint16_t columns;              /**< input channels */
    uint8_t taps;                  /**< 2 .. SLIMSE_MAX_TAPS */
    uint16_t dilation;             /**< frames between taps */
    const int8_t *weights;         /**< [rows][taps x columns], oldest tap first, layout tiles_8x16 */
    const int32_t *bias_and_shift; /**< [rows, to a multiple of 8] 2^26 x shift + bias, for inputs without offset */
    slimse_rescaling_t rescale;
} slimse_conv1d_octets_s8_t;

/**
 * @param rows Gate of the outputs.
 * @param input [columns] the current frame
 * @param ring [(taps - 1) * dilation][columns] the past frames
 * @param next Slot of the ring that holds the oldest frame.
 * @param scratch [taps * columns bytes] working memory
 * @param output [rows]
 * @return multiply-accumulates executed.
 */
uint32_t slimse_conv1d_octets_s8(const slimse_conv1d_octets_s8_t *layer, const slimse_gate_t *rows,
                                 const int8_t *input, const int8_t *ring, uint16_t next, int16_t *scratch,
                                 int8_t *output);

#endif
