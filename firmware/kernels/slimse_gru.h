/** One step of a gated recurrent unit, with an input of either width; slimse_mcu/ops/gru.py is the same in NumPy. */
#ifndef SLIMSE_GRU_H
#define SLIMSE_GRU_H

#include "slimse_recurrent.h"

#include <string.h>

/** The gates of a unit, in the order of the rows. */
enum { GRU_UPDATE = 0, GRU_RESET = 1, GRU_CANDIDATE = 2, GRU_GATES = 3 };

/** A unit's new state. */
static inline int16_t slimse_gru_blend(int32_t update, int32_t hidden, int32_t candidate)
{
    return (int16_t)(candidate + slimse_round_q15(update * (hidden - candidate)));
}

/** A step with the reset behind the recurrent product.
 *
 * The old state is read until the last unit is through, so the new one gathers in the scratch memory.
 */
static inline void slimse_gru_reset_after(const slimse_recurrent_t *cell, const slimse_recurrent_input_t *input,
                                          int16_t *hidden, int16_t *scratch)
{
    const uint32_t units = cell->units;

    for (uint32_t first = 0; first < units; first += SLIMSE_DOT_ROWS) {
        const uint32_t count = slimse_units_at_once(units - first);
        slimse_recurrent_sums_t sums[GRU_GATES];

        slimse_recurrent_sums(cell, GRU_GATES, first, count, input, hidden, sums);
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t unit = first + i;
            const int32_t update = slimse_gate_value(cell, unit, slimse_sigmoid_q15, &sums[GRU_UPDATE], i);
            const int32_t reset =
                slimse_gate_value(cell, GRU_RESET * units + unit, slimse_sigmoid_q15, &sums[GRU_RESET], i);
            const int64_t again = (int64_t)sums[GRU_CANDIDATE].hidden[i] * reset;

            sums[GRU_CANDIDATE].hidden[i] = (int32_t)((again + (1 << 14)) >> 15);
            const int32_t candidate =
                slimse_gate_value(cell, GRU_CANDIDATE * units + unit, slimse_tanh_q15, &sums[GRU_CANDIDATE], i);
            scratch[unit] = slimse_gru_blend(update, hidden[unit], candidate);
        }
    }
    memcpy(hidden, scratch, units * sizeof *hidden);
}

/** A step with the reset in front of the recurrent product. */
static inline void slimse_gru_reset_before(const slimse_recurrent_t *cell, const slimse_recurrent_input_t *input,
                                           int16_t *hidden, int16_t *scratch)
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
            const int32_t update = slimse_gate_value(cell, unit, slimse_sigmoid_q15, &sums[GRU_UPDATE], i);
            const int32_t reset =
                slimse_gate_value(cell, GRU_RESET * units + unit, slimse_sigmoid_q15, &sums[GRU_RESET], i);

            updates[unit] = (int16_t)update;
            kept[unit] = (int16_t)slimse_round_q15(reset * hidden[unit]);
        }
    }
    for (uint32_t first = 0; first < units; first += SLIMSE_DOT_ROWS) {
        const uint32_t count = slimse_units_at_once(units - first);
        const uint32_t row = GRU_CANDIDATE * units + first;

        slimse_recurrent_sums(cell, 1, row, count, input, kept, sums);
        for (uint32_t i = 0; i < count; i++) {
            const int32_t candidate = slimse_gate_value(cell, row + i, slimse_tanh_q15, sums, i);
            hidden[first + i] = slimse_gru_blend(updates[first + i], hidden[first + i], candidate);
        }
    }
}

/** One step; hidden is read and written. */
static inline void slimse_gru_step(const slimse_recurrent_t *cell, uint32_t is_after,
                                   const slimse_recurrent_input_t *input, int16_t *hidden, int16_t *scratch)
{
    if (is_after != 0U) {
        slimse_gru_reset_after(cell, input, hidden, scratch);
    } else {
        slimse_gru_reset_before(cell, input, hidden, scratch);
    }
}

#endif
