#ifndef SLIMSE_DENSE_COLUMNS_S8_H
#define SLIMSE_DENSE_COLUMNS_S8_H

#include "slimse.h"

/**
 * Dense layer of which any columns can be skipped, y = clamp(W x + b); slimse_paired_rows.h says how weights lie.
 *
 * Inputs that are exactly zero are not read, be it because a gate has closed them or because they happen to be.
 */
typedef struct {
    uint16_t rows;            /**< outputs */
    uint16_t columns;         /**< inputs */
    const int8_t *weights;    /**< packed as paired_rows */
    const int32_t *constants; /**< [blocks of 4 rows][2][4] starts of sums, multipliers */
    int16_t input_offset;     /**< minus the input's zero point */
    int16_t output_offset;    /**< the output's zero point */
    int8_t output_min;        /**< clamp of the fused activation */
    int8_t output_max;        /**< clamp of the fused activation */
} slimse_dense_columns_s8_t;

/**
 * @param columns Gate of the inputs; NULL: all are open.
 * @param input [columns]
 * @param scratch [4 columns + 32] working memory, 4-byte aligned
 * @param output [rows]
 * @return multiply-accumulates of open columns.
 */
uint32_t slimse_dense_columns_s8(const slimse_dense_columns_s8_t *layer, const slimse_gate_t *columns,
                                 const int8_t *input, int16_t *scratch, int8_t *output);

#endif
