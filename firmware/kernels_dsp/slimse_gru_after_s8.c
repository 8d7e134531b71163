#include "slimse_gru_after_s8.h"
#include "slimse_curves.h"
#include "slimse_gru_units.h"
#include "slimse_paired_values.h"

#include <string.h>

enum { CURVE_MIDDLE = 128, EIGHT = 8 };

static uint32_t in_eights(uint32_t count)
{
    return (count + EIGHT - 1U) / EIGHT * EIGHT;
}

uint32_t slimse_gru_after_s8(const slimse_gru_after_s8_t *layer, const int8_t *input, int16_t *hidden,
                             int16_t *scratch, int8_t *output)
{
    const uint32_t units = layer->units;
    int32_t *const values = (int32_t *)(void *)scratch;
    int32_t *const values_end = values + in_eights(layer->columns) / 2U;
    int16_t *old = (int16_t *)(void *)values_end;
    slimse_gru_units_t step = {
        .values = values,
        .values_end = values_end,
        .sigmoid = &slimse_sigmoid_q15[CURVE_MIDDLE],
        .tanh = &slimse_tanh_q15[CURVE_MIDDLE],
        .half = (int32_t)(1U << (layer->output_shift - 1U)),
        .output_shift = layer->output_shift,
        .sum_shift = layer->sum_shift,
        .state = old + in_eights(units),
        .count = units,
    };

    memset(values, 0, in_eights(layer->columns) * 2U);
    memset(old, 0, 2U * in_eights(units) * sizeof *old);
    for (uint32_t i = 0; i < layer->positions; i++) {
        const uint32_t position = layer->is_reversed != 0U ? layer->positions - 1U - i : i;

        slimse_paired_values(&input[position * layer->input_pitch], layer->columns, values);
        step.output = &output[position * layer->output_pitch];
        if (layer->hidden_pitch != 0U) {
            /* The state of this position goes on from its last frame. */
            step.state = &hidden[position * layer->hidden_pitch];
            memcpy(old, step.state, units * sizeof *old);
        }
        step.hidden = old;
        step.hidden_end = old + in_eights(units);
        step.old = old;
        slimse_gru_units(&step, layer->words);
        if (layer->hidden_pitch == 0U) {
            /* What was new is old at the next position. */
            int16_t *const fresh = step.state;
            step.state = old;
            old = fresh;
        }
    }
    return layer->positions * 3U * units * (layer->columns + units);
}
