#include "slimse_gru_s8.h"

#include <string.h>

enum { UPDATE = 0, RESET = 1, CANDIDATE = 2, GATES = 3 };

static int16_t blend(int32_t update, int32_t hidden, int32_t candidate)
{
    return (int16_t)(candidate + slimse_round_q15(update * (hidden - candidate)));
}

/* The old state is read until the last unit is through, so the new one gathers in the scratch memory. */
static void step_reset_after(const slimse_recurrent_s8_t *cell, const int8_t *input, int16_t *hidden, int16_t *scratch)
{
    const uint32_t units = cell->units;

    for (uint32_t first = 0; first < units; first += SLIMSE_DOT_ROWS) {
        const uint32_t count = slimse_units_at_once(units - first);
        slimse_recurrent_sums_t sums[GATES];

        slimse_recurrent_sums(cell, GATES, first, count, input, hidden, sums);
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t unit = first + i;
            const int32_t update = slimse_gate_value(cell, unit, slimse_sigmoid_q15, &sums[UPDATE], i);
            const int32_t reset = slimse_gate_value(cell, RESET * units + unit, slimse_sigmoid_q15, &sums[RESET], i);
            const int64_t again = (int64_t)sums[CANDIDATE].hidden[i] * reset;

            sums[CANDIDATE].hidden[i] = (int32_t)((again + (1 << 14)) >> 15);
            const int32_t candidate =
                slimse_gate_value(cell, CANDIDATE * units + unit, slimse_tanh_q15, &sums[CANDIDATE], i);
            scratch[unit] = blend(update, hidden[unit], candidate);
        }
    }
    memcpy(hidden, scratch, units * sizeof *hidden);
}

static void step_reset_before(const slimse_recurrent_s8_t *cell, const int8_t *input, int16_t *hidden,
                              int16_t *scratch)
{
    const uint32_t units = cell->units;
    int16_t *const updates = scratch;
    int16_t *const kept = &scratch[units];
    slimse_recurrent_sums_t sums[2];

    for (uint32_t first = 0; first < units; first += SLIMSE_DOT_ROWS) {
        const uint32_t count = slimse_units_at_once(units - first);

        slimse_recurrent_sums(cell, 2, first, count, input, hidden, sums);
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t unit = first + i;
            const int32_t update = slimse_gate_value(cell, unit, slimse_sigmoid_q15, &sums[UPDATE], i);
            const int32_t reset = slimse_gate_value(cell, RESET * units + unit, slimse_sigmoid_q15, &sums[RESET], i);

            updates[unit] = (int16_t)update;
            kept[unit] = (int16_t)slimse_round_q15(reset * hidden[unit]);
        }
    }
    for (uint32_t first = 0; first < units; first += SLIMSE_DOT_ROWS) {
        const uint32_t count = slimse_units_at_once(units - first);
        const uint32_t row = CANDIDATE * units + first;

        slimse_recurrent_sums(cell, 1, row, count, input, kept, sums);
        for (uint32_t i = 0; i < count; i++) {
            const int32_t candidate = slimse_gate_value(cell, row + i, slimse_tanh_q15, sums, i);
            hidden[first + i] = blend(updates[first + i], hidden[first + i], candidate);
        }
    }
}

uint32_t slimse_gru_s8(const slimse_gru_s8_t *layer, const int8_t *input, int16_t *hidden, int16_t *scratch,
                       int8_t *output)
{
    const slimse_recurrent_s8_t *cell = &layer->cell;
    const uint32_t units = cell->units;

    if (cell->hidden_pitch == 0U) {
        memset(hidden, 0, units * sizeof *hidden);
    }
    for (uint32_t i = 0; i < cell->positions; i++) {
        const uint32_t position = cell->is_reversed != 0U ? cell->positions - 1U - i : i;
        const int8_t *const here = &input[position * cell->input_pitch];
        int16_t *const state = &hidden[position * cell->hidden_pitch];

        if (layer->reset_after != 0U) {
            step_reset_after(cell, here, state, scratch);
        } else {
            step_reset_before(cell, here, state, scratch);
        }
        for (uint32_t unit = 0; unit < units; unit++) {
            output[position * cell->output_pitch + unit] = slimse_hidden_output(cell, state[unit]);
        }
    }
    return cell->positions * 3U * units * (cell->columns + units);
}
