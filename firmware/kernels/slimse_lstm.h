/** One step of a long short-term memory, with an input of either width; slimse_mcu/ops/lstm.py is the same in NumPy. */
#ifndef SLIMSE_LSTM_H
#define SLIMSE_LSTM_H

#include "slimse_recurrent.h"

#include <string.h>

/** The gates of a unit, in the order of the rows. */
enum { LSTM_INPUT = 0, LSTM_FORGET = 1, LSTM_CANDIDATE = 2, LSTM_OUTPUT = 3, LSTM_GATES = 4 };

/** From the product of two Q15 values to Q4.11. */
enum { LSTM_PRODUCT_SHIFT = 19 };

/**
 * One step; hidden is read and written.
 *
 * The old h is read until the last unit is through, so the new one gathers in the scratch memory.
 */
static inline void slimse_lstm_step(const slimse_recurrent_t *cell, const slimse_recurrent_input_t *input,
                                    int16_t *hidden, int16_t *scratch)
{
    const uint32_t units = cell->units;
    int16_t *const memory = &hidden[units];

    for (uint32_t first = 0; first < units; first += SLIMSE_DOT_ROWS) {
        const uint32_t count = slimse_units_at_once(units - first);
        slimse_recurrent_sums_t sums[LSTM_GATES];

        slimse_recurrent_sums(cell, LSTM_GATES, first, count, input, hidden, sums);
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t unit = first + i;
            int32_t values[LSTM_GATES];

            for (uint32_t gate = 0; gate < LSTM_GATES; gate++) {
                const int16_t *const curve = gate == LSTM_CANDIDATE ? slimse_tanh_q15 : slimse_sigmoid_q15;
                values[gate] = slimse_gate_value(cell, gate * units + unit, curve, &sums[gate], i);
            }
            const int32_t product = values[LSTM_INPUT] * values[LSTM_CANDIDATE];
            const int32_t entering = (product + (1 << (LSTM_PRODUCT_SHIFT - 1))) >> LSTM_PRODUCT_SHIFT;
            const int32_t kept = slimse_round_q15(values[LSTM_FORGET] * memory[unit]);
            const int32_t value = slimse_clamp(kept + entering, INT16_MIN, INT16_MAX);

            memory[unit] = (int16_t)value;
            scratch[unit] = (int16_t)slimse_round_q15(values[LSTM_OUTPUT] * slimse_interpolate(slimse_tanh_q15, 2 * value));
        }
    }
    memcpy(hidden, scratch, units * sizeof *hidden);
}

#endif
