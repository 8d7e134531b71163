#include "slimse_gru_vector_s8.h"
#include "slimse_gate_values.h"
#include "slimse_half_octets.h"
#include "slimse_quads.h"

#include <string.h>

enum { UPDATE = 0, RESET = 1, CANDIDATE = 2, GATES = 3 };

/* Units whose sums are held at once, and rows of these that may have the sums of several positions. */
enum { CHUNK = 64, ROWS = GATES * CHUNK };

/* Sums of a chunk of units, [gates][pitch] each; rows of the chunk begin at first. */
typedef struct {
    uint32_t first;
    uint32_t pitch;
    const int32_t *input;
    const int32_t *hidden;
} sums_t;

/* Four units of a gate from unit on, Q15. */
static inline int32x4_t gate_values(const slimse_gru_vector_s8_t *layer, const sums_t *sums, uint32_t gate,
                                    uint32_t unit, int32x4_t from_hidden, const int16_t *curve)
{
    const uint32_t row = gate * layer->pitch + sums->first + unit;
    const int32x4_t from_input = vldrwq_s32(&sums->input[gate * sums->pitch + unit]);

    return slimse_interpolate_vector(
        curve, slimse_scaled_sum(from_input, vldrwq_s32(&layer->input_multiplier[row]), from_hidden,
                                 vldrwq_s32(&layer->recurrent_multiplier[row]), layer->shift));
}

static inline int32x4_t hidden_sums(const sums_t *sums, uint32_t gate, uint32_t unit)
{
    return vldrwq_s32(&sums->hidden[gate * sums->pitch + unit]);
}

/* Sums over the state, of all gates or of some; the rows of a chunk of all units lie together. */
static void add_hidden(const slimse_gru_vector_s8_t *layer, uint32_t gate, uint32_t gates, uint32_t first,
                       uint32_t units, const int16_t *hidden, int32_t *sums)
{
    const uint32_t row_bytes = (layer->units + 7U) & ~7U;
    const uint32_t pitch = (units + 7U) & ~7U;
    const uint32_t row = gate * layer->pitch + first;

    if (pitch == layer->pitch) {
        slimse_half_octets_s16(&layer->recurrent_weights[row * row_bytes], &layer->recurrent_bias[row], hidden,
                               layer->units, gates * pitch / 8U, sums);
        return;
    }
    for (uint32_t i = 0; i < gates; i++) {
        const uint32_t own = row + i * layer->pitch;
        slimse_half_octets_s16(&layer->recurrent_weights[own * row_bytes], &layer->recurrent_bias[own], hidden,
                               layer->units, pitch / 8U, &sums[i * pitch]);
    }
}

/* Sums over the input at some positions. */
static void add_input(const slimse_gru_vector_s8_t *layer, uint32_t first, uint32_t units, const int8_t *input,
                      uint32_t positions, int32_t *sums)
{
    const uint32_t pitch = (units + 7U) & ~7U;
    slimse_quads_t job = {
        .weights = &layer->input_weights[first * layer->columns],
        .quads = GATES * pitch / 4U,
        .quad_bytes = 4U * layer->columns,
        .columns = layer->columns,
        .input = input,
        .input_pitch = layer->input_pitch,
        .bias = &layer->input_bias[first],
        .positions = positions,
        .sums = sums,
    };

    if (pitch == layer->pitch) {
        slimse_quads_s8(&job);
        return;
    }
    job.quads = pitch / 4U;
    for (uint32_t gate = 0; gate < GATES; gate++) {
        slimse_quads_s8(&job);
        job.weights += (uint32_t)layer->pitch * layer->columns;
        job.bias += layer->pitch;
        job.sums += pitch;
    }
}

/* The new states of a chunk of units; the old ones are still read for other chunks. */
static void reset_after(const slimse_gru_vector_s8_t *layer, const sums_t *sums, uint32_t units,
                        const int16_t *hidden, int16_t *next)
{
    for (uint32_t unit = 0; unit < units; unit += 4U) {
        const mve_pred16_t some = vctp32q(units - unit);
        const int32x4_t state = vldrhq_z_s32(&hidden[unit], some);
        const int32x4_t update =
            gate_values(layer, sums, UPDATE, unit, hidden_sums(sums, UPDATE, unit), slimse_sigmoid_q15);
        const int32x4_t reset =
            gate_values(layer, sums, RESET, unit, hidden_sums(sums, RESET, unit), slimse_sigmoid_q15);
        const int32x4_t again = slimse_times_q15(hidden_sums(sums, CANDIDATE, unit), reset);
        const int32x4_t candidate = gate_values(layer, sums, CANDIDATE, unit, again, slimse_tanh_q15);

        vstrhq_p_s32(&next[unit], vaddq_s32(candidate, slimse_times_q15(vsubq_s32(state, candidate), update)), some);
    }
}

/* Updates of a chunk of units, and what their resets keep of the state. */
static void keep(const slimse_gru_vector_s8_t *layer, const sums_t *sums, uint32_t units, const int16_t *hidden,
                 int16_t *updates, int16_t *kept)
{
    for (uint32_t unit = 0; unit < units; unit += 4U) {
        const mve_pred16_t some = vctp32q(units - unit);
        const int32x4_t state = vldrhq_z_s32(&hidden[unit], some);
        const int32x4_t reset =
            gate_values(layer, sums, RESET, unit, hidden_sums(sums, RESET, unit), slimse_sigmoid_q15);

        vstrhq_p_s32(&updates[unit],
                     gate_values(layer, sums, UPDATE, unit, hidden_sums(sums, UPDATE, unit), slimse_sigmoid_q15),
                     some);
        vstrhq_p_s32(&kept[unit], slimse_times_q15(state, reset), some);
    }
}

/* The new states of a chunk of units from their updates and the sums over what was kept. */
static void blend(const slimse_gru_vector_s8_t *layer, const sums_t *sums, uint32_t units, const int16_t *updates,
                  int16_t *hidden)
{
    for (uint32_t unit = 0; unit < units; unit += 4U) {
        const mve_pred16_t some = vctp32q(units - unit);
        const int32x4_t state = vldrhq_z_s32(&hidden[unit], some);
        const int32x4_t update = vldrhq_z_s32(&updates[unit], some);
        const int32x4_t candidate =
            gate_values(layer, sums, CANDIDATE, unit, hidden_sums(sums, CANDIDATE, unit), slimse_tanh_q15);

        vstrhq_p_s32(&hidden[unit], vaddq_s32(candidate, slimse_times_q15(vsubq_s32(state, candidate), update)),
                     some);
    }
}

/* One step; from_input are the sums over the input where all units' are there already, else NULL. */
static void step(const slimse_gru_vector_s8_t *layer, const int8_t *input, const int32_t *from_input,
                 int16_t *hidden, int16_t *scratch)
{
    int32_t input_sums[ROWS];
    int32_t hidden_sums_of[ROWS];
    sums_t sums = {.hidden = hidden_sums_of};

    for (uint32_t pass = 0; pass < (layer->reset_after != 0U ? 1U : 2U); pass++) {
        for (uint32_t first = 0; first < layer->units; first += CHUNK) {
            const uint32_t left = layer->units - first;
            const uint32_t units = left < CHUNK ? left : CHUNK;

            sums.first = first;
            sums.pitch = (units + 7U) & ~7U;
            sums.input = from_input;
            if (from_input == NULL) {
                add_input(layer, first, units, input, 1, input_sums);
                sums.input = input_sums;
            }
            if (layer->reset_after != 0U) {
                add_hidden(layer, UPDATE, GATES, first, units, hidden, hidden_sums_of);
                reset_after(layer, &sums, units, &hidden[first], &scratch[first]);
            } else if (pass == 0U) {
                add_hidden(layer, UPDATE, 2, first, units, hidden, hidden_sums_of);
                keep(layer, &sums, units, &hidden[first], &scratch[first], &scratch[layer->units + first]);
            } else {
                add_hidden(layer, CANDIDATE, 1, first, units, &scratch[layer->units],
                           &hidden_sums_of[CANDIDATE * sums.pitch]);
                blend(layer, &sums, units, &scratch[first], &hidden[first]);
            }
        }
    }
    if (layer->reset_after != 0U) {
        memcpy(hidden, scratch, layer->units * sizeof *hidden);
    }
}

static void write_output(const slimse_gru_vector_s8_t *layer, const int16_t *hidden, int8_t *output)
{
    const int32_t right = -(int32_t)layer->output_shift;

    for (uint32_t unit = 0; unit < layer->units; unit += 8U) {
        const mve_pred16_t some = vctp16q(layer->units - unit);
        const int16x8_t state = vrshlq_n_s16(vldrhq_z_s16(&hidden[unit], some), right);
        vstrbq_p_s16(&output[unit], vminq_s16(state, vdupq_n_s16(INT8_MAX)), some);
    }
}

uint32_t slimse_gru_vector_s8(const slimse_gru_vector_s8_t *layer, const int8_t *input, int16_t *hidden,
                              int16_t *scratch, int8_t *output)
{
    const uint32_t rows = GATES * (uint32_t)layer->pitch;
    const uint32_t at_once = ROWS / rows;
    int32_t sums[ROWS];

    if (layer->hidden_pitch == 0U) {
        memset(hidden, 0, layer->units * sizeof *hidden);
    }
    for (uint32_t done = 0; done < layer->positions; done++) {
        const uint32_t position = layer->is_reversed != 0U ? layer->positions - 1U - done : done;
        int16_t *const state = &hidden[position * layer->hidden_pitch];
        const int32_t *from_input = NULL;

        if (at_once > 0U) {
            const uint32_t in_chunk = position % at_once;
            const uint32_t start = position - in_chunk;
            const uint32_t left = layer->positions - start;
            if (done == 0U || in_chunk == (layer->is_reversed != 0U ? at_once - 1U : 0U)) {
                add_input(layer, 0, layer->units, &input[start * layer->input_pitch], left < at_once ? left : at_once,
                          sums);
            }
            from_input = &sums[in_chunk * rows];
        }
        step(layer, &input[position * layer->input_pitch], from_input, state, scratch);
        write_output(layer, state, &output[position * layer->output_pitch]);
    }
    return layer->positions * 3U * layer->units * ((uint32_t)layer->columns + layer->units);
}
