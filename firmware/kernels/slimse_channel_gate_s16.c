#include "slimse_channel_gate_s16.h"
#include "slimse_dot.h"
#include "slimse_gate_list.h"

#include <string.h>

uint32_t slimse_channel_gate_s16(const slimse_channel_gate_s16_t *layer, const int16_t *input, slimse_gate_t *gate)
{
    const uint32_t columns = layer->columns;

    memset(gate->bits, 0, (layer->rows + 7U) / 8U);
    for (uint32_t row = 0; row < layer->rows; row += SLIMSE_DOT_ROWS) {
        const uint32_t left = layer->rows - row;
        const uint32_t count = left < SLIMSE_DOT_ROWS ? left : SLIMSE_DOT_ROWS;
        const int8_t *weights[SLIMSE_DOT_ROWS];
        int64_t sums[SLIMSE_DOT_ROWS];

        for (uint32_t i = 0; i < count; i++) {
            weights[i] = &layer->weights[(row + i) * columns];
            sums[i] = layer->bias[row + i];
        }
        slimse_dot_rows_s16(sums, weights, count, input, NULL, columns);
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t open = sums[i] > 0 ? 1U : 0U;
            gate->bits[(row + i) / 8U] = (uint8_t)(gate->bits[(row + i) / 8U] | open << (row + i) % 8U);
        }
    }
    slimse_gate_list(gate, gate->bits, layer->rows, layer->group);
    return layer->rows * columns;
}
