#include "slimse_gru_vector_s8.h"
#include "slimse_curves.h"
#include "slimse_gru_gates.h"
#include "slimse_recurrent_sums.h"

#include <arm_mve.h>
#include <string.h>

enum { UPDATE = 0, CANDIDATE = 2, GATES = 3 };

/* Sums of a chunk of units, and what becomes of them. */
typedef struct {
    int32_t sums[GATES * SLIMSE_GATE_ROWS * 2];
    slimse_recurrent_sums_t from;
    slimse_gru_gates_t to;
} chunk_t;

/* Aim at the sums of some gates of the units from first on. */
static void aim(const slimse_gru_vector_s8_t *layer, uint32_t gate, uint32_t gates, uint32_t first, chunk_t *chunk)
{
    const uint32_t all_quads = (layer->units + 3U) / 4U;
    const uint32_t quad = gate * all_quads + first / 4U;
    const uint32_t left = all_quads - first / 4U;
    const uint32_t input_bytes = (layer->columns + 15U) / 16U * 64U;
    const uint32_t recurrent_bytes = (layer->units + 7U) / 8U * 32U;
    slimse_recurrent_sums_t *const from = &chunk->from;

    from->input_weights = &layer->input_weights[quad * input_bytes];
    from->input_gate_bytes = all_quads * input_bytes;
    from->recurrent_weights = &layer->recurrent_weights[quad * recurrent_bytes];
    from->recurrent_gate_bytes = all_quads * recurrent_bytes;
    from->bias = &layer->bias[8U * quad];
    from->bias_gate_bytes = all_quads * 32U;
    from->gates = gates;
    from->quads = left < SLIMSE_GATE_ROWS / 4U ? left : SLIMSE_GATE_ROWS / 4U;
    from->sums = &chunk->sums[gate * SLIMSE_GATE_ROWS * 2U];
    chunk->to.multiplier = &layer->multiplier[8U * (first / 4U)];
    chunk->to.quads = from->quads;
}

/* A step with the reset behind the recurrent product. */
static void after(const slimse_gru_vector_s8_t *layer, const int16_t *hidden, int16_t *scratch, chunk_t *chunk)
{
    chunk->from.hidden = hidden;
    for (uint32_t first = 0; first < layer->units; first += SLIMSE_GATE_ROWS) {
        if (layer->units > SLIMSE_GATE_ROWS) {
            aim(layer, UPDATE, GATES, first, chunk);
        }
        slimse_recurrent_sums_s8(&chunk->from);
        chunk->to.hidden = &hidden[first];
        slimse_gru_after(&chunk->to, &scratch[first]);
    }
}

/* A step with the reset in front of the recurrent product. */
static void before(const slimse_gru_vector_s8_t *layer, const int16_t *hidden, int16_t *scratch, chunk_t *chunk)
{
    int16_t *const kept = &scratch[(layer->units + 3U) & ~3U];

    chunk->from.hidden = hidden;
    for (uint32_t first = 0; first < layer->units; first += SLIMSE_GATE_ROWS) {
        aim(layer, UPDATE, CANDIDATE, first, chunk);
        slimse_recurrent_sums_s8(&chunk->from);
        chunk->to.hidden = &hidden[first];
        slimse_gru_keep(&chunk->to, &scratch[first], &kept[first]);
    }
    chunk->from.hidden = kept;
    for (uint32_t first = 0; first < layer->units; first += SLIMSE_GATE_ROWS) {
        aim(layer, CANDIDATE, 1, first, chunk);
        slimse_recurrent_sums_s8(&chunk->from);
        chunk->to.hidden = &hidden[first];
        slimse_gru_blend(&chunk->to, &scratch[first], &scratch[first]);
    }
}

/* Take the new state over, and put it out. */
static void finish(const slimse_gru_vector_s8_t *layer, const int16_t *next, int16_t *hidden, int8_t *output)
{
    const int16x8_t right = vdupq_n_s16((int16_t)-layer->output_shift);

    for (uint32_t unit = 0; unit < layer->units; unit += 8U) {
        const mve_pred16_t some = vctp16q(layer->units - unit);
        const int16x8_t state = vldrhq_z_s16(&next[unit], some);

        vstrhq_p_s16(&hidden[unit], state, some);
        vstrbq_p_s16(&output[unit], vminq_s16(vrshlq_s16(state, right), vdupq_n_s16(INT8_MAX)), some);
    }
}

uint32_t slimse_gru_vector_s8(const slimse_gru_vector_s8_t *layer, const int8_t *input, int16_t *hidden,
                              int16_t *scratch, int8_t *output)
{
    chunk_t chunk;

    chunk.from.columns = layer->columns;
    chunk.from.units = layer->units;
    chunk.to.sums = chunk.sums;
    chunk.to.gate_bytes = (layer->units + 3U) / 4U * 32U;
    chunk.to.left_input = layer->left_input;
    chunk.to.left_hidden = layer->left_hidden;
    chunk.to.sigmoid = slimse_sigmoid_q15;
    chunk.to.tanh = slimse_tanh_q15;
    if (layer->hidden_pitch == 0U) {
        memset(hidden, 0, layer->units * sizeof *hidden);
    }
    aim(layer, UPDATE, GATES, 0, &chunk);
    for (uint32_t i = 0; i < layer->positions; i++) {
        const uint32_t position = layer->is_reversed != 0U ? layer->positions - 1U - i : i;
        int16_t *const state = &hidden[position * layer->hidden_pitch];

        chunk.from.input = &input[position * layer->input_pitch];
        if (layer->reset_after != 0U) {
            after(layer, state, scratch, &chunk);
        } else {
            before(layer, state, scratch, &chunk);
        }
        finish(layer, scratch, state, &output[position * layer->output_pitch]);
    }
    return layer->positions * 3U * layer->units * ((uint32_t)layer->columns + layer->units);
}
