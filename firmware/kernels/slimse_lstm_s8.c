#include "slimse_lstm_s8.h"

enum { INPUT = 0, FORGET = 1, CANDIDATE = 2, OUTPUT = 3, PRODUCT_SHIFT = 19 };

uint32_t slimse_lstm_s8(const slimse_lstm_s8_t *layer, const int8_t *input, int16_t *hidden, int16_t *scratch,
                        int8_t *output)
{
    const slimse_recurrent_s8_t *cell = &layer->cell;
    const uint32_t units = cell->units;
    int16_t *const memory = &hidden[units];

    /* The old state is read until the last unit is through, so the new one gathers in the scratch memory. */
    for (uint32_t i = 0; i < units; i++) {
        const int32_t enter =
            slimse_interpolate(cell->sigmoid, slimse_gate_input(cell, INPUT * units + i, input, hidden));
        const int32_t forget =
            slimse_interpolate(cell->sigmoid, slimse_gate_input(cell, FORGET * units + i, input, hidden));
        const int32_t candidate =
            slimse_interpolate(cell->tanh, slimse_gate_input(cell, CANDIDATE * units + i, input, hidden));
        const int32_t leave =
            slimse_interpolate(cell->sigmoid, slimse_gate_input(cell, OUTPUT * units + i, input, hidden));
        const int32_t entering = (enter * candidate + (1 << (PRODUCT_SHIFT - 1))) >> PRODUCT_SHIFT;
        memory[i] = (int16_t)slimse_clamp(slimse_round_q15(forget * memory[i]) + entering, INT16_MIN, INT16_MAX);
        scratch[i] = (int16_t)slimse_round_q15(leave * slimse_interpolate(cell->tanh, 2 * memory[i]));
    }
    for (uint32_t i = 0; i < units; i++) {
        hidden[i] = scratch[i];
        output[i] = slimse_hidden_output(hidden[i]);
    }
    return 4U * units * (cell->columns + units);
}
