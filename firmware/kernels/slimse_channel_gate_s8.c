#include "slimse_channel_gate_s8.h"
#include "slimse_dot.h"
#include "slimse_gate.h"

#include <string.h>

uint32_t slimse_channel_gate_s8(const slimse_channel_gate_s8_t *layer, const int8_t *input, slimse_gate_t *gate)
{
    const uint32_t columns = layer->columns;
    const int8_t *weights = layer->weights;
    uint32_t row = 0;

    slimse_decide_begin(gate, layer->rows);
    for (; row + SLIMSE_DOT_ROWS <= layer->rows; row += SLIMSE_DOT_ROWS) {
        const int8_t *const rows[SLIMSE_DOT_ROWS] = {weights, weights + columns, weights + 2U * columns,
                                                     weights + 3U * columns};
        int32_t sums[SLIMSE_DOT_ROWS];
        memcpy(sums, &layer->bias[row], sizeof sums);
        slimse_dot4_s8(sums, rows, input, layer->input_offset, columns);
        for (uint32_t i = 0; i < SLIMSE_DOT_ROWS; i++) {
            slimse_decide(gate, row + i, sums[i] > 0);
        }
        weights += SLIMSE_DOT_ROWS * columns;
    }
    for (; row < layer->rows; row++) {
        const int32_t sum = slimse_dot_s8(layer->bias[row], weights, input, layer->input_offset, NULL, columns);
        slimse_decide(gate, row, sum > 0);
        weights += columns;
    }
    return layer->rows * columns;
}
