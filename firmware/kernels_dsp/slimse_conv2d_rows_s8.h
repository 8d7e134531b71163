#ifndef SLIMSE_CONV2D_ROWS_S8_H
#define SLIMSE_CONV2D_ROWS_S8_H

#include "slimse_planes_rows.h"

/** Convolution over time and frequency, dense over channels, causal along time, or a part of one. */
typedef struct {
    slimse_planes_rows_t planes;
    uint16_t stride;  /**< positions between two outputs */
    uint16_t spacing; /**< positions between two taps along frequency */
    uint16_t left;    /**< zeros below the first position */
} slimse_conv2d_rows_s8_t;

/**
 * Taps that fall beside the input add nothing and are not counted.
 *
 * @param spans Open ranges of the input's channels; NULL: all are read.
 * @param input [inputs][columns] the current frame
 * @param ring [(taps - 1) * dilation][inputs][columns] the past frames; NULL with one tap
 * @param next Slot of the ring that holds the oldest frame.
 * @param scratch Working memory, see slimse_planes_rows_begin; 4-byte aligned.
 * @param output [positions][output_pitch] from the first of the rows on
 * @return multiply-accumulates executed.
 */
uint32_t slimse_conv2d_rows_s8(const slimse_conv2d_rows_s8_t *layer, const slimse_spans_t *spans, const int8_t *input,
                               const int8_t *ring, uint16_t next, int16_t *scratch, int8_t *output);

#endif
