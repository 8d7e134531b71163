#ifndef SLIMSE_CONV2D_QUADS_S8_H
#define SLIMSE_CONV2D_QUADS_S8_H

#include "slimse_plane_sums.h"

/** Convolution over time and frequency, dense over channels, causal along time, or a part of one. */
typedef struct {
    slimse_plane_sizes_t planes;
    uint16_t stride;               /**< positions between two outputs */
    uint16_t spacing;              /**< positions between two taps along frequency */
    uint16_t left;                 /**< zeros below the first position */
    const int8_t *weights;         /**< [rows][taps x kernel x columns], oldest frame first, layout quads */
    const int32_t *bias_and_shift; /**< [rows, to a multiple of 8] 2^26 x shift + bias, for inputs without offset */
    slimse_rescaling_t rescale;
} slimse_conv2d_quads_s8_t;

/**
 * Taps that fall beside the input do not count, but meet zeros.
 *
 * @param spans Open ranges of the input's channels; NULL: all are read.
 * @param input [inputs][columns] the current frame
 * @param ring [(taps - 1) * dilation][inputs][columns] the past frames; NULL with one tap
 * @param next Slot of the ring that holds the oldest frame.
 * @param scratch [patch_bytes] working memory
 * @param output [positions][output_pitch] from the first of the rows on
 * @return multiply-accumulates that count.
 */
uint32_t slimse_conv2d_quads_s8(const slimse_conv2d_quads_s8_t *layer, const slimse_spans_t *spans,
                                const int8_t *input, const int8_t *ring, uint16_t next, int16_t *scratch,
                                int8_t *output);

#endif
