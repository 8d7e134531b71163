#ifndef SLIMSE_CONV2D_TRANSPOSE_QUADS_S8_H
#define SLIMSE_CONV2D_TRANSPOSE_QUADS_S8_H

#include "slimse_plane_sums.h"

/**
 * Transposed convolution along frequency, causal along time, or a part of one.
 *
 * Output p reads the inputs i with i * stride = p + left - tap: all outputs with the same rest of p + left by the stride
 * use the same taps, as an ordinary convolution of its own.
 */
typedef struct {
    slimse_plane_sizes_t planes;
    uint16_t stride;               /**< outputs between two inputs */
    uint16_t left;                 /**< outputs left out below the first position */
    const int8_t *weights;         /**< by rest: [rows][taps x taps of the rest x columns], oldest frame first,
                                      layout quads */
    const int32_t *bias_and_shift; /**< [stride][rows, to a multiple of 8] 2^26 x shift + bias by rest, for inputs
                                      without offset */
    slimse_rescaling_t rescale;
} slimse_conv2d_transpose_quads_s8_t;

/**
 * Taps that fall beside the input do not count, but meet zeros.
 *
 * @param spans Open ranges of the input's channels; NULL: all are read.
 * @param input [inputs][columns] the current frame
 * @param ring [taps - 1][inputs][columns] the past frames; NULL with one tap
 * @param next Slot of the ring that holds the oldest frame.
 * @param scratch [patch_bytes] working memory
 * @param output [positions][output_pitch] from the first of the rows on
 * @return multiply-accumulates that count.
 */
uint32_t slimse_conv2d_transpose_quads_s8(const slimse_conv2d_transpose_quads_s8_t *layer, const slimse_spans_t *spans,
                                          const int8_t *input, const int8_t *ring, uint16_t next, int16_t *scratch,
                                          int8_t *output);

#endif
