#ifndef SLIMSE_POINTWISE_ROWS_S8_H
#define SLIMSE_POINTWISE_ROWS_S8_H

#include "slimse_planes_rows.h"

/** Dense layer over the channels, the same at every position, or the part of one that a component opens. */
typedef struct {
    slimse_planes_rows_t planes; /**< one tap along time and along frequency */
} slimse_pointwise_rows_s8_t;

/**
 * @param spans Open ranges of the input's channels; NULL: all are read.
 * @param input [positions][columns]
 * @param scratch Working memory, see slimse_planes_rows_begin; 4-byte aligned.
 * @param output [positions][output_pitch] from the first of the rows on
 * @return multiply-accumulates executed.
 */
uint32_t slimse_pointwise_rows_s8(const slimse_pointwise_rows_s8_t *layer, const slimse_spans_t *spans,
                                  const int8_t *input, int16_t *scratch, int8_t *output);

#endif
