#include "slimse_channel_gate_s8.h"
#include "slimse_dot.h"
#include "slimse_gate_list.h"

/* Which of four rows from the first on are to be open, as bits; rows behind the last one count as the last. */
static uint32_t four_rows(const slimse_channel_gate_s8_t *layer, uint32_t first, const int8_t *input)
{
    const uint32_t last = layer->rows - 1U;
    const int8_t *weights[SLIMSE_DOT_ROWS];
    int32_t sums[SLIMSE_DOT_ROWS];
    uint32_t open = 0;

    for (uint32_t i = 0; i < SLIMSE_DOT_ROWS; i++) {
        const uint32_t row = first + i < last ? first + i : last;
        weights[i] = &layer->weights[row * layer->columns];
        sums[i] = layer->bias[row];
    }
    if (layer->input_offset == 0) {
        slimse_dot4_values_s8(sums, weights, input, layer->columns);
    } else {
        slimse_dot4_s8(sums, weights, input, layer->input_offset, layer->columns);
    }
    for (uint32_t i = 0; i < SLIMSE_DOT_ROWS; i++) {
        open |= (sums[i] > 0 ? 1U : 0U) << i;
    }
    return open;
}

uint32_t slimse_channel_gate_s8(const slimse_channel_gate_s8_t *layer, const int8_t *input, slimse_gate_t *gate)
{
    for (uint32_t row = 0; row < layer->rows; row += 2U * SLIMSE_DOT_ROWS) {
        uint32_t open = four_rows(layer, row, input);
        if (row + SLIMSE_DOT_ROWS < layer->rows) {
            open |= four_rows(layer, row + SLIMSE_DOT_ROWS, input) << SLIMSE_DOT_ROWS;
        }
        gate->bits[row / 8U] = (uint8_t)open;
    }
    slimse_gate_list(gate, gate->bits, layer->rows);
    return (uint32_t)layer->rows * layer->columns;
}
