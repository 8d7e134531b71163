#ifndef SLIMSE_CONV1D_S16_H
#define SLIMSE_CONV1D_S16_H

#include "slimse_linear.h"

/** Causal convolution along time of int16, dense over channels. */
typedef struct {
    uint16_t rows;              /**< output channels */
    uint16_t columns;           /**< input channels */
    uint8_t taps;               /**< 2 .. SLIMSE_MAX_TAPS */
    uint16_t dilation;          /**< frames between taps */
    slimse_linear_s16_t linear; /**< weights [rows][taps][columns], oldest tap first */
} slimse_conv1d_s16_t;

/**
 * @param rows Gate of the outputs; NULL: all are computed.
 * @param input [columns] the current frame
 * @param ring [(taps - 1) * dilation][columns] the past frames
 * @param next Slot of the ring that holds the oldest frame.
 * @param output [rows]
 * @return multiply-accumulates executed.
 */
uint32_t slimse_conv1d_s16(const slimse_conv1d_s16_t *layer, const slimse_gate_t *rows, const int16_t *input,
                           const int16_t *ring, uint16_t next, int16_t *output);

#endif
