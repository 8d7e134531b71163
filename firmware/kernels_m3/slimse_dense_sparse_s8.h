#ifndef SLIMSE_DENSE_SPARSE_S8_H
#define SLIMSE_DENSE_SPARSE_S8_H

#include "slimse.h"

/**
 * Dense layer of short sums, y = clamp(W x + b), of which any columns can be skipped.
 *
 * Inputs that are exactly zero are not read, be it because a gate has closed them or because they happen to be.
 */
typedef struct {
    uint16_t rows;            /**< outputs */
    uint16_t columns;         /**< inputs */
    const int8_t *weights;    /**< packed as quads */
    const int32_t *constants; /**< [rows in fours][2] as slimse_short_sums.h says; sums start at the bias */
    int16_t input_offset;     /**< minus the input's zero point */
    int16_t output_offset;    /**< the output's zero point */
    int8_t output_min;        /**< clamp of the fused activation */
    int8_t output_max;        /**< clamp of the fused activation */
} slimse_dense_sparse_s8_t;

/**
 * @param columns Gate of the inputs; NULL: all are open.
 * @param input [columns]
 * @param scratch [4 columns + 32] working memory, 4-byte aligned
 * @param output [rows]
 * @return multiply-accumulates of open columns.
 */
uint32_t slimse_dense_sparse_s8(const slimse_dense_sparse_s8_t *layer, const slimse_gate_t *columns,
                                const int8_t *input, int16_t *scratch, int8_t *output);

#endif
