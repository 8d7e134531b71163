#include "slimse_lstm_s8.h"

#include <string.h>

enum { INPUT = 0, FORGET = 1, CANDIDATE = 2, OUTPUT = 3, GATES = 4, PRODUCT_SHIFT = 19 };

/* The old h is read until the last unit is through, so the new one gathers in the scratch memory. */
static void step(const slimse_recurrent_s8_t *cell, const int8_t *input, int16_t *hidden, int16_t *scratch)
{
    const uint32_t units = cell->units;
    int16_t *const memory = &hidden[units];

    for (uint32_t first = 0; first < units; first += SLIMSE_DOT_ROWS) {
        const uint32_t count = slimse_units_at_once(units - first);
        slimse_recurrent_sums_t sums[GATES];

        slimse_recurrent_sums(cell, GATES, first, count, input, hidden, sums);
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t unit = first + i;
            int32_t values[GATES];

            for (uint32_t gate = 0; gate < GATES; gate++) {
                const int16_t *const curve = gate == CANDIDATE ? slimse_tanh_q15 : slimse_sigmoid_q15;
                values[gate] = slimse_gate_value(cell, gate * units + unit, curve, &sums[gate], i);
            }
            const int32_t product = values[INPUT] * values[CANDIDATE];
            const int32_t entering = (product + (1 << (PRODUCT_SHIFT - 1))) >> PRODUCT_SHIFT;
            const int32_t kept = slimse_round_q15(values[FORGET] * memory[unit]);
            const int32_t value = slimse_clamp(kept + entering, INT16_MIN, INT16_MAX);

            memory[unit] = (int16_t)value;
            scratch[unit] = (int16_t)slimse_round_q15(values[OUTPUT] * slimse_interpolate(slimse_tanh_q15, 2 * value));
        }
    }
    memcpy(hidden, scratch, units * sizeof *hidden);
}

uint32_t slimse_lstm_s8(const slimse_lstm_s8_t *layer, const int8_t *input, int16_t *hidden, int16_t *scratch,
                        int8_t *output)
{
    const slimse_recurrent_s8_t *cell = &layer->cell;
    const uint32_t units = cell->units;

    if (cell->hidden_pitch == 0U) {
        memset(hidden, 0, 2U * units * sizeof *hidden);
    }
    for (uint32_t i = 0; i < cell->positions; i++) {
        const uint32_t position = cell->is_reversed != 0U ? cell->positions - 1U - i : i;
        int16_t *const state = &hidden[position * cell->hidden_pitch];

        step(cell, &input[position * cell->input_pitch], state, scratch);
        for (uint32_t unit = 0; unit < units; unit++) {
            output[position * cell->output_pitch + unit] = slimse_hidden_output(cell, state[unit]);
        }
    }
    return cell->positions * 4U * units * (cell->columns + units);
}
