#ifndef SLIMSE_CONV2D_S16_H
#define SLIMSE_CONV2D_S16_H

#include "slimse_planes_s16.h"

/** Convolution over time and frequency of int16, dense over channels, causal along time, or a part of one. */
typedef struct {
    slimse_planes_t planes;
    uint16_t stride;            /**< positions between two outputs */
    uint16_t spacing;           /**< positions between two taps along frequency */
    uint16_t left;              /**< zeros below the first position */
    slimse_linear_s16_t linear; /**< weights [rows][taps][kernel][columns], oldest frame first */
} slimse_conv2d_s16_t;

/**
 * Taps that fall beside the input add nothing and are not executed.
 *
 * @param spans Open ranges of the input's channels; NULL: all are read.
 * @param input [inputs][columns] the current frame
 * @param ring [(taps - 1) * dilation][inputs][columns] the past frames; NULL with one tap
 * @param next Slot of the ring that holds the oldest frame.
 * @param output [positions][output_pitch] from the first of the rows on
 * @return multiply-accumulates executed.
 */
uint32_t slimse_conv2d_s16(const slimse_conv2d_s16_t *layer, const slimse_spans_t *spans, const int16_t *input,
                           const int16_t *ring, uint16_t next, int16_t *output);

#endif
