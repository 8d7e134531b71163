/** What the recurrent kernels share; slimse_mcu/ops/recurrent.py is the same in NumPy. */
#ifndef SLIMSE_RECURRENT_H
#define SLIMSE_RECURRENT_H

#include "slimse.h"
#include "slimse_curves.h"
#include "slimse_dot.h"

/**
 * One cell of a recurrent layer and where it runs; rows are gates x units, each gate's units together.
 *
 * The multipliers and the shift are chosen such that no gate's input leaves -2^29 .. 2^29.
 */
typedef struct {
    uint16_t units;                      /**< 1 .. 256 */
    uint16_t columns;                    /**< inputs of one position */
    uint16_t positions;                  /**< frequencies */
    uint16_t input_pitch;                /**< elements between the inputs of two positions */
    uint16_t output_pitch;               /**< elements between the outputs of two positions */
    uint16_t hidden_pitch;               /**< elements between the states of two positions, which each goes on from
                                              its last frame's; 0: one state runs along the positions, zero before
                                              the first */
    uint8_t is_reversed;                 /**< 1: from the last position to the first */
    const int8_t *input_weights;         /**< [gates][units][columns] */
    const int32_t *input_bias;           /**< [gates][units] */
    const int32_t *input_multiplier;     /**< [gates][units] 0 or more */
    const int8_t *recurrent_weights;     /**< [gates][units][units] */
    const int32_t *recurrent_bias;       /**< [gates][units] */
    const int32_t *recurrent_multiplier; /**< [gates][units] 0 or more */
    int16_t input_offset;                /**< minus the zero point of an int8 input */
    uint8_t shift;                       /**< 1 .. 31: the products with the multipliers are Q3.12 x 2^(shift + 1) */
    uint8_t output_shift;                /**< 8 .. 15, int16: 0 .. 15; the output's scale is 2^(output_shift - 15) */
} slimse_recurrent_t;

/** The input of a cell at one position, of either width. */
typedef struct {
    uint32_t is_wide;   /**< 1: it is int16; a constant, so that each kernel has the code for its own width alone */
    const int8_t *s8;   /**< [columns] */
    const int16_t *s16; /**< [columns] */
} slimse_recurrent_input_t;

/** Accumulators of consecutive units of a gate, over the input and over the state. */
typedef struct {
    int32_t input[SLIMSE_DOT_ROWS];
    int32_t hidden[SLIMSE_DOT_ROWS];
} slimse_recurrent_sums_t;

/** Units that are computed together where so many are left. */
static inline uint32_t slimse_units_at_once(uint32_t left)
{
    return left < SLIMSE_DOT_ROWS ? left : SLIMSE_DOT_ROWS;
}

/**
 * Sums of consecutive units of consecutive gates; they fit int32: over the state with up to 256 units, over an int16
 * input because the compiler has checked its weights.
 *
 * @param gates How many; sums has one element each.
 * @param first Row of the first gate's first unit.
 * @param count Units, 1 .. SLIMSE_DOT_ROWS.
 */
static inline void slimse_recurrent_sums(const slimse_recurrent_t *cell, uint32_t gates, uint32_t first,
                                         uint32_t count, const slimse_recurrent_input_t *input,
                                         const int16_t *hidden, slimse_recurrent_sums_t *sums)
{
    const uint32_t columns = cell->columns;
    const uint32_t units = cell->units;

    for (uint32_t gate = 0; gate < gates; gate++) {
        const uint32_t row = gate * units + first;
        const int8_t *const from_input = &cell->input_weights[row * columns];
        const int8_t *const from_hidden = &cell->recurrent_weights[row * units];
        int32_t *const input_sums = sums[gate].input;
        int32_t *const hidden_sums = sums[gate].hidden;

        for (uint32_t i = 0; i < count; i++) {
            input_sums[i] = cell->input_bias[row + i];
            hidden_sums[i] = cell->recurrent_bias[row + i];
        }
        if (count == SLIMSE_DOT_ROWS) {
            const int8_t *const inputs[] = {from_input, &from_input[columns], &from_input[2U * columns],
                                            &from_input[3U * columns]};
            const int8_t *const states[] = {from_hidden, &from_hidden[units], &from_hidden[2U * units],
                                            &from_hidden[3U * units]};
            if (input->is_wide != 0U) {
                slimse_dot4_s16(input_sums, inputs, input->s16, columns);
            } else {
                slimse_dot4_s8(input_sums, inputs, input->s8, cell->input_offset, columns);
            }
            slimse_dot4_s16(hidden_sums, states, hidden, units);
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            const int8_t *const weights = &from_input[i * columns];
            input_sums[i] = input->is_wide != 0U
                                ? slimse_dot_s16(input_sums[i], weights, input->s16, NULL, columns)
                                : slimse_dot_s8(input_sums[i], weights, input->s8, cell->input_offset, NULL, columns);
            hidden_sums[i] = slimse_dot_s16(hidden_sums[i], &from_hidden[i * units], hidden, NULL, units);
        }
    }
}

/** A gate's input in Q3.12 from both sums of its row, rounded half up. */
static inline int32_t slimse_gate_input(const slimse_recurrent_t *cell, uint32_t row, int32_t from_input,
                                        int32_t from_hidden)
{
    const int64_t sum =
        (int64_t)from_input * cell->input_multiplier[row] + (int64_t)from_hidden * cell->recurrent_multiplier[row];
    /* The value fits int32, so the bits that a 64-bit shift would bring from above 2^63 are not needed. */
    const uint32_t high = (uint32_t)((uint64_t)sum >> 32) << (32U - cell->shift);
    const uint32_t low = (uint32_t)sum >> cell->shift;
    return ((int32_t)(high | low) + 1) >> 1;
}

/** Value of the gate in a row, Q15, from the sums of its unit. */
static inline int32_t slimse_gate_value(const slimse_recurrent_t *cell, uint32_t row, const int16_t curve[257],
                                        const slimse_recurrent_sums_t *sums, uint32_t unit)
{
    return slimse_interpolate(curve, slimse_gate_input(cell, row, sums->input[unit], sums->hidden[unit]));
}

/** A product with a Q15 factor, brought back by 15 bits, rounded half up. */
static inline int32_t slimse_round_q15(int32_t product)
{
    return (product + (1 << 14)) >> 15;
}

/** The int8 output of an int16 hidden state. */
static inline int8_t slimse_hidden_output(const slimse_recurrent_t *cell, int32_t hidden)
{
    const int32_t rounded = (hidden + (1 << (cell->output_shift - 1))) >> cell->output_shift;
    return (int8_t)slimse_clamp(rounded, INT8_MIN, INT8_MAX);
}

/** The int16 output of an int16 hidden state. */
static inline int16_t slimse_hidden_output_s16(const slimse_recurrent_t *cell, int32_t hidden)
{
    const int32_t half = cell->output_shift > 0U ? 1 << (cell->output_shift - 1) : 0;
    return (int16_t)((hidden + half) >> cell->output_shift);
}

#endif
