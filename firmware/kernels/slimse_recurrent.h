/** What the recurrent kernels share; slimse_mcu/ops/recurrent.py is the same in NumPy. */
#ifndef SLIMSE_RECURRENT_H
#define SLIMSE_RECURRENT_H

#include "slimse.h"
#include "slimse_arithmetic.h"
#include "slimse_dot.h"

/** What recurrent layers along time have in common; rows are gates x units, each gate's units together. */
typedef struct {
    uint16_t units;                      /**< 1 .. 256 */
    uint16_t columns;                    /**< inputs */
    const int8_t *input_weights;         /**< [gates][units][columns] */
    const int32_t *input_bias;           /**< [gates][units] */
    const int32_t *input_multiplier;     /**< [gates][units] Q31, to Q3.12 */
    const int8_t *input_shift;           /**< [gates][units] left when positive */
    const int8_t *recurrent_weights;     /**< [gates][units][units] */
    const int32_t *recurrent_bias;       /**< [gates][units] */
    const int32_t *recurrent_multiplier; /**< [gates][units] Q31, to Q3.12 */
    const int8_t *recurrent_shift;       /**< [gates][units] left when positive */
    const int16_t *sigmoid;              /**< [257] Q15 at -8, -8 + 1/16, .. 8 */
    const int16_t *tanh;                 /**< [257] Q15 at -8, -8 + 1/16, .. 8 */
    int16_t input_offset;                /**< minus the input's zero point */
} slimse_recurrent_s8_t;

/** Input's part of the input of the gate in a row, Q3.12. */
static inline int32_t slimse_from_input(const slimse_recurrent_s8_t *layer, uint32_t row, const int8_t *input)
{
    const int8_t *weights = &layer->input_weights[row * layer->columns];
    const int32_t sum =
        slimse_dot_s8(layer->input_bias[row], weights, input, layer->input_offset, NULL, layer->columns);
    return slimse_clamp(slimse_requantize(sum, layer->input_multiplier[row], layer->input_shift[row]), -65536,
                        65535);
}

/** State's part of the input of the gate in a row, Q3.12; the sum fits int32 for up to 256 units. */
static inline int32_t slimse_from_hidden(const slimse_recurrent_s8_t *layer, uint32_t row, const int16_t *hidden)
{
    const int8_t *weights = &layer->recurrent_weights[row * layer->units];
    int32_t sum = layer->recurrent_bias[row];
    for (uint32_t i = 0; i < layer->units; i++) {
        sum += weights[i] * hidden[i];
    }
    return slimse_clamp(slimse_requantize(sum, layer->recurrent_multiplier[row], layer->recurrent_shift[row]),
                        -65536, 65535);
}

/** Both parts of the input of the gate in a row, Q3.12. */
static inline int32_t slimse_gate_input(const slimse_recurrent_s8_t *layer, uint32_t row, const int8_t *input,
                                        const int16_t *hidden)
{
    return slimse_from_input(layer, row, input) + slimse_from_hidden(layer, row, hidden);
}

/** A table of 257 entries at a Q3.12 value, saturated to int16, linear in between, rounded half up. */
static inline int32_t slimse_interpolate(const int16_t *table, int32_t value)
{
    const int32_t position = slimse_clamp(value, INT16_MIN, INT16_MAX) - INT16_MIN;
    const int16_t *low = &table[position >> 8];
    return low[0] + (((low[1] - low[0]) * (position & 255) + 128) >> 8);
}

/** A product with a Q15 factor, brought back by 15 bits, rounded half up. */
static inline int32_t slimse_round_q15(int32_t product)
{
    return (product + (1 << 14)) >> 15;
}

/** The int8 output of an int16 hidden state. */
static inline int8_t slimse_hidden_output(int16_t hidden)
{
    return (int8_t)slimse_clamp((hidden + 128) >> 8, INT8_MIN, INT8_MAX);
}

#endif
