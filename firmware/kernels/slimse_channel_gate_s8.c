#include "slimse.h"

#include <string.h>

static int is_positive(const slimse_channel_gate_s8_t *layer, uint32_t row, const int8_t *input)
{
    const int8_t *weights = &layer->weights[row * layer->columns];
    int32_t sum = layer->bias[row];
    for (uint32_t i = 0; i < layer->columns; i++) {
        sum += weights[i] * (input[i] + layer->input_offset);
    }
    return sum > 0;
}

uint32_t slimse_channel_gate_s8(const slimse_channel_gate_s8_t *layer, const int8_t *input, slimse_gate_t *gate)
{
    uint32_t open_count = 0;

    memset(gate->bits, 0, (layer->rows + 7U) / 8U);
    for (uint32_t row = 0; row < layer->rows; row++) {
        const uint32_t mask = 1U << (row % 8U);
        int open = is_positive(layer, row, input);
        if (gate->forced != NULL) {
            open = (gate->forced[row / 8U] & mask) != 0U;
        }
        if (open) {
            gate->bits[row / 8U] = (uint8_t)(gate->bits[row / 8U] | mask);
            gate->open[open_count++] = (uint16_t)row;
        }
    }
    gate->open_count = (uint16_t)open_count;
    return (uint32_t)layer->rows * layer->columns;
}
