#ifndef SLIMSE_DENSE_QUADS_S8_H
#define SLIMSE_DENSE_QUADS_S8_H

#include "slimse.h"
#include "slimse_requantize.h"

/** Dense layer of which all outputs are computed from all inputs, y = clamp(W x + b). */
typedef struct {
    uint16_t rows;                 /**< outputs */
    uint16_t columns;              /**< inputs */
    const int8_t *weights;         /**< [rows / 4][columns][4], layout quads */
    const int32_t *bias_and_shift; /**< [rows, to a multiple of 8] 2^26 x shift + bias, for inputs without offset */
    slimse_rescaling_t rescale;
} slimse_dense_quads_s8_t;

/**
 * @param input [columns]
 * @param output [rows]
 * @return multiply-accumulates executed.
 */
uint32_t slimse_dense_quads_s8(const slimse_dense_quads_s8_t *layer, const int8_t *input, int8_t *output);

#endif
