#include "slimse_gru_s8.h"

enum { UPDATE = 0, RESET = 1, CANDIDATE = 2 };

static int16_t blend(int32_t update, int32_t hidden, int32_t candidate)
{
    return (int16_t)(candidate + slimse_round_q15(update * (hidden - candidate)));
}

uint32_t slimse_gru_s8(const slimse_gru_s8_t *layer, const int8_t *input, int16_t *hidden, int16_t *scratch,
                       int8_t *output)
{
    const slimse_recurrent_s8_t *cell = &layer->cell;
    const uint32_t units = cell->units;
    int16_t *const first = scratch;
    int16_t *const second = &scratch[units];

    /* The old state is read until the last unit is through, so the new one gathers in the scratch memory. */
    for (uint32_t i = 0; i < units; i++) {
        const uint32_t candidate = CANDIDATE * units + i;
        const int32_t update =
            slimse_interpolate(cell->sigmoid, slimse_gate_input(cell, UPDATE * units + i, input, hidden));
        const int32_t reset =
            slimse_interpolate(cell->sigmoid, slimse_gate_input(cell, RESET * units + i, input, hidden));
        if (layer->reset_after != 0U) {
            const int32_t sum = slimse_from_input(cell, candidate, input) +
                                slimse_round_q15(reset * slimse_from_hidden(cell, candidate, hidden));
            first[i] = blend(update, hidden[i], slimse_interpolate(cell->tanh, sum));
        } else {
            first[i] = (int16_t)update;
            second[i] = (int16_t)slimse_round_q15(reset * hidden[i]);
        }
    }
    for (uint32_t i = 0; i < units; i++) {
        if (layer->reset_after != 0U) {
            hidden[i] = first[i];
        } else {
            const int32_t sum = slimse_gate_input(cell, CANDIDATE * units + i, input, second);
            hidden[i] = blend(first[i], hidden[i], slimse_interpolate(cell->tanh, sum));
        }
        output[i] = slimse_hidden_output(hidden[i]);
    }
    return 3U * units * (cell->columns + units);
}
