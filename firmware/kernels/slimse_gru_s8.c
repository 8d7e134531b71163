#include "slimse.h"
#include "slimse_arithmetic.h"
#include "slimse_dot.h"

#include <string.h>

enum { UPDATE = 0, RESET = 1, CANDIDATE = 2, HALF = 1 << 14, ADDEND_MIN = -65536, ADDEND_MAX = 65535 };

/* Input's part of a gate's input, Q3.12. */
static int32_t from_input(const slimse_gru_s8_t *layer, uint32_t row, const int8_t *input)
{
    const int8_t *weights = &layer->input_weights[row * layer->columns];
    const int32_t sum =
        slimse_dot_s8(layer->input_bias[row], weights, input, layer->input_offset, NULL, layer->columns);
    return slimse_clamp(slimse_requantize(sum, layer->input_multiplier[row], layer->input_shift[row]), ADDEND_MIN,
                        ADDEND_MAX);
}

/* State's part of a gate's input, Q3.12; |sum| stays below 2^31 for up to 256 units. */
static int32_t from_hidden(const slimse_gru_s8_t *layer, uint32_t row, const int16_t *hidden)
{
    const int8_t *weights = &layer->recurrent_weights[row * layer->units];
    int32_t sum = layer->recurrent_bias[row];
    for (uint32_t i = 0; i < layer->units; i++) {
        sum += weights[i] * hidden[i];
    }
    return slimse_clamp(slimse_requantize(sum, layer->recurrent_multiplier[row], layer->recurrent_shift[row]),
                        ADDEND_MIN, ADDEND_MAX);
}

static int32_t interpolate(const int16_t *table, int32_t value)
{
    const int32_t position = slimse_clamp(value, INT16_MIN, INT16_MAX) - INT16_MIN;
    const int16_t *low = &table[position >> 8];
    return low[0] + (((low[1] - low[0]) * (position & 255) + 128) >> 8);
}

static int32_t gate(const slimse_gru_s8_t *layer, uint32_t row, const int8_t *input, const int16_t *hidden)
{
    return interpolate(layer->sigmoid, from_input(layer, row, input) + from_hidden(layer, row, hidden));
}

static int16_t blend(int32_t update, int32_t hidden, int32_t candidate)
{
    return (int16_t)(candidate + ((update * (hidden - candidate) + HALF) >> 15));
}

uint32_t slimse_gru_s8(const slimse_gru_s8_t *layer, const int8_t *input, int16_t *hidden, int16_t *scratch,
                       int8_t *output)
{
    const uint32_t units = layer->units;
    int16_t *const first = scratch;
    int16_t *const second = &scratch[units];

    /* The old state is read until the last unit is through, so the new one gathers in the scratch memory. */
    for (uint32_t i = 0; i < units; i++) {
        const int32_t update = gate(layer, UPDATE * units + i, input, hidden);
        const int32_t reset = gate(layer, RESET * units + i, input, hidden);
        if (layer->reset_after != 0U) {
            const int32_t recurrent = (reset * from_hidden(layer, CANDIDATE * units + i, hidden) + HALF) >> 15;
            const int32_t sum = from_input(layer, CANDIDATE * units + i, input) + recurrent;
            first[i] = blend(update, hidden[i], interpolate(layer->tanh, sum));
        } else {
            first[i] = (int16_t)update;
            second[i] = (int16_t)((reset * hidden[i] + HALF) >> 15);
        }
    }
    for (uint32_t i = 0; i < units; i++) {
        if (layer->reset_after != 0U) {
            hidden[i] = first[i];
        } else {
            const int32_t sum = from_input(layer, CANDIDATE * units + i, input) +
                                from_hidden(layer, CANDIDATE * units + i, second);
            hidden[i] = blend(first[i], hidden[i], interpolate(layer->tanh, sum));
        }
        output[i] = (int8_t)slimse_clamp((hidden[i] + 128) >> 8, INT8_MIN, INT8_MAX);
    }
    return 3U * units * (layer->columns + units);
}
