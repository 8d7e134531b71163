#include "slimse_gru_s16.h"
#include "slimse_gru.h"

uint32_t slimse_gru_s16(const slimse_gru_s16_t *layer, const int16_t *input, int16_t *hidden, int16_t *scratch,
                        int16_t *output)
{
    const slimse_recurrent_t *cell = &layer->cell;
    const uint32_t units = cell->units;

    if (cell->hidden_pitch == 0U) {
        memset(hidden, 0, units * sizeof *hidden);
    }
    for (uint32_t i = 0; i < cell->positions; i++) {
        const uint32_t position = cell->is_reversed != 0U ? cell->positions - 1U - i : i;
        const slimse_recurrent_input_t here = {1U, NULL, &input[position * cell->input_pitch]};
        int16_t *const state = &hidden[position * cell->hidden_pitch];

        slimse_gru_step(cell, layer->reset_after, &here, state, scratch);
        for (uint32_t unit = 0; unit < units; unit++) {
            output[position * cell->output_pitch + unit] = slimse_hidden_output_s16(cell, state[unit]);
        }
    }
    return cell->positions * 3U * units * (cell->columns + units);
}
