#ifndef SLIMSE_DENSE_GATHERED_S8_H
#define SLIMSE_DENSE_GATHERED_S8_H

#include "slimse.h"
#include "slimse_requantize.h"

/** Dense layer whose inputs a gate rules and have the zero point -128, y = clamp(W x + b). */
typedef struct {
    uint16_t rows;                 /**< outputs */
    uint16_t columns;              /**< inputs */
    uint16_t dense_from;           /**< inputs that are not zero, from which on all columns are read */
    const uint8_t *weights;        /**< [(rows + 3) / 4][columns][4], layout quads_offset: each weight plus 128 */
    const int32_t *bias_and_shift; /**< [rows, to a multiple of 8] 2^26 x shift + bias */
    slimse_rescaling_t rescale;
} slimse_dense_gathered_s8_t;

/**
 * Columns whose input is zero are left out, those that the gate closes and others: their products are exactly zero.
 *
 * @param columns Gate of the inputs.
 * @param input [columns]
 * @param scratch [columns + 16] working memory
 * @param output [rows]
 * @return multiply-accumulates of the open columns, whether their input is zero or not.
 */
uint32_t slimse_dense_gathered_s8(const slimse_dense_gathered_s8_t *layer, const slimse_gate_t *columns,
                                  const int8_t *input, int16_t *scratch, int8_t *output);

#endif
