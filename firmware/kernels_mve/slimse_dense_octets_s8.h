#ifndef SLIMSE_DENSE_OCTETS_S8_H
#define SLIMSE_DENSE_OCTETS_S8_H

#include "slimse.h"
#include "slimse_requantize.h"

/** Dense layer whose outputs a gate rules, y = clamp(W x + b). */
typedef struct {
    uint16_t rows;                 /**< outputs */
    uint16_t columns;              /**< inputs */
    const int8_t *weights;         /**< [(rows + 7) / 8][(columns + 15) / 16][8][16], layout tiles_8x16 */
    const int32_t *bias_and_shift; /**< [rows, to a multiple of 8] 2^26 x shift + bias, for inputs without offset */
    slimse_rescaling_t rescale;
} slimse_dense_octets_s8_t;

/**
 * @param rows Gate of the outputs.
 * @param input [columns]
 * @param output [rows]
 * @return multiply-accumulates executed.
 */
uint32_t slimse_dense_octets_s8(const slimse_dense_octets_s8_t *layer, const slimse_gate_t *rows, const int8_t *input,
                                int8_t *output);

#endif
