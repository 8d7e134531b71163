#ifndef SLIMSE_DENSE_S8_H
#define SLIMSE_DENSE_S8_H

#include "slimse_linear.h"

/** Dense layer, y = clamp(W x + b). */
typedef struct {
    uint16_t rows;             /**< outputs */
    uint16_t columns;          /**< inputs */
    slimse_linear_s8_t linear; /**< weights [rows][columns] */
} slimse_dense_s8_t;

/**
 * @param rows Gate of the outputs; NULL: all are computed.
 * @param columns Gate of the inputs; NULL: all are read.
 * @param input [columns]
 * @param output [rows]
 * @return multiply-accumulates executed.
 */
uint32_t slimse_dense_s8(const slimse_dense_s8_t *layer, const slimse_gate_t *rows, const slimse_gate_t *columns,
                         const int8_t *input, int8_t *output);

#endif
