#ifndef SLIMSE_DENSE_S16_H
#define SLIMSE_DENSE_S16_H

#include "slimse_linear.h"

/** Dense layer at every position along frequency, y = clamp(W x + b), or a part of one. */
typedef struct {
    uint16_t positions;         /**< positions along frequency */
    uint16_t rows;              /**< outputs computed per position */
    uint16_t columns;           /**< inputs per position */
    uint16_t output_pitch;      /**< elements from one position of the output to the next */
    slimse_linear_s16_t linear; /**< weights [rows][columns] */
} slimse_dense_s16_t;

/**
 * @param rows Gate of the outputs of a layer with one position; NULL: all are computed.
 * @param columns Gate of the inputs; NULL: all are read.
 * @param spans Open ranges of the inputs, without columns; NULL: all are read.
 * @param input [positions][columns]
 * @param output [positions][output_pitch] from the first of the rows on
 * @return multiply-accumulates executed.
 */
uint32_t slimse_dense_s16(const slimse_dense_s16_t *layer, const slimse_gate_t *rows, const slimse_gate_t *columns,
                          const slimse_spans_t *spans, const int16_t *input, int16_t *output);

#endif
