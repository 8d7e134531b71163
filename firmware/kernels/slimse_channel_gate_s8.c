#include "slimse_channel_gate_s8.h"
#include "slimse_dot.h"

#include <string.h>

static void decide(slimse_gate_t *gate, uint32_t channel, int open)
{
    const uint32_t mask = 1U << (channel % 8U);
    if (gate->forced != NULL) {
        open = (gate->forced[channel / 8U] & mask) != 0U;
    }
    if (open) {
        gate->bits[channel / 8U] = (uint8_t)(gate->bits[channel / 8U] | mask);
        gate->open[gate->open_count] = (uint16_t)channel;
        gate->open_count++;
    }
}

uint32_t slimse_channel_gate_s8(const slimse_channel_gate_s8_t *layer, const int8_t *input, slimse_gate_t *gate)
{
    const uint32_t columns = layer->columns;
    const int8_t *weights = layer->weights;
    uint32_t row = 0;

    gate->open_count = 0;
    memset(gate->bits, 0, (layer->rows + 7U) / 8U);
    for (; row + SLIMSE_DOT_ROWS <= layer->rows; row += SLIMSE_DOT_ROWS) {
        const int8_t *const rows[SLIMSE_DOT_ROWS] = {weights, weights + columns, weights + 2U * columns,
                                                     weights + 3U * columns};
        int32_t sums[SLIMSE_DOT_ROWS];
        memcpy(sums, &layer->bias[row], sizeof sums);
        slimse_dot4_s8(sums, rows, input, layer->input_offset, NULL, columns);
        for (uint32_t i = 0; i < SLIMSE_DOT_ROWS; i++) {
            decide(gate, row + i, sums[i] > 0);
        }
        weights += SLIMSE_DOT_ROWS * columns;
    }
    for (; row < layer->rows; row++) {
        const int32_t sum = slimse_dot_s8(layer->bias[row], weights, input, layer->input_offset, NULL, columns);
        decide(gate, row, sum > 0);
        weights += columns;
    }
    return layer->rows * columns;
}
