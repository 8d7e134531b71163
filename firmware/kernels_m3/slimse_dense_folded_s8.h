#ifndef SLIMSE_DENSE_FOLDED_S8_H
#define SLIMSE_DENSE_FOLDED_S8_H

#include "slimse.h"

/** Dense layer of short sums, y = clamp(W x + b), of which any rows can be skipped. */
typedef struct {
    uint16_t rows;            /**< outputs */
    uint16_t columns;         /**< inputs */
    const int8_t *weights;    /**< [rows][columns] */
    const int32_t *constants; /**< [rows][2] as slimse_short_sums.h says; sums start where the input's zero point,
                                   which stays in the input, ends at the bias */
    int16_t output_offset;    /**< the output's zero point */
    int8_t output_min;        /**< clamp of the fused activation */
    int8_t output_max;        /**< clamp of the fused activation */
} slimse_dense_folded_s8_t;

/**
 * @param rows Gate of the outputs; NULL: all are computed.
 * @param input [columns]
 * @param output [rows]
 * @return multiply-accumulates of open rows.
 */
uint32_t slimse_dense_folded_s8(const slimse_dense_folded_s8_t *layer, const slimse_gate_t *rows, const int8_t *input,
                                int8_t *output);

#endif
