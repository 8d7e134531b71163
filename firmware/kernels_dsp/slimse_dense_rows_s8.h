#ifndef SLIMSE_DENSE_ROWS_S8_H
#define SLIMSE_DENSE_ROWS_S8_H

#include "slimse.h"

/** Dense layer of which any rows can be skipped, y = clamp(W x + b); slimse_paired_columns.h says how weights lie. */
typedef struct {
    uint16_t rows;            /**< outputs */
    uint16_t columns;         /**< inputs */
    const int8_t *weights;    /**< packed as paired_columns */
    const int32_t *constants; /**< [blocks of 4 rows][2][4] starts of sums, multipliers */
    int16_t output_offset;    /**< the output's zero point */
    int8_t output_min;        /**< clamp of the fused activation */
    int8_t output_max;        /**< clamp of the fused activation */
} slimse_dense_rows_s8_t;

/**
 * @param rows Gate of the outputs; NULL: all are computed.
 * @param input [columns]
 * @param scratch [4 (columns + 3) / 4] working memory, 4-byte aligned
 * @param output [rows]
 * @return multiply-accumulates executed.
 */
uint32_t slimse_dense_rows_s8(const slimse_dense_rows_s8_t *layer, const slimse_gate_t *rows, const int8_t *input,
                              int16_t *scratch, int8_t *output);

#endif
