#ifndef SLIMSE_POINTWISE_QUADS_S8_H
#define SLIMSE_POINTWISE_QUADS_S8_H

#include "slimse.h"
#include "slimse_requantize.h"

/** Dense layer over the channels, the same at every position, or the part of one that a component opens. */
typedef struct {
    uint16_t positions;            /**< positions along frequency */
    uint16_t rows;                 /**< outputs computed per position */
    uint16_t columns;              /**< inputs per position */
    uint16_t output_pitch;         /**< elements from one position of the output to the next */
    const int8_t *weights;         /**< [(rows + 3) / 4][columns][4], layout quads */
    const int32_t *bias_and_shift; /**< [rows, to a multiple of 8] 2^26 x shift + bias, for inputs without offset */
    slimse_rescaling_t rescale;
} slimse_pointwise_quads_s8_t;

/**
 * @param spans Open ranges of the input's channels; NULL: all are read.
 * @param input [positions][columns]
 * @param output [positions][output_pitch] from the first of the rows on
 * @return multiply-accumulates executed.
 */
uint32_t slimse_pointwise_quads_s8(const slimse_pointwise_quads_s8_t *layer, const slimse_spans_t *spans,
                                   const int8_t *input, int8_t *output);

#endif
