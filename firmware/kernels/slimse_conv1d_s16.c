#include "slimse_conv1d_s16.h"
#include "slimse_dot.h"
#include "slimse_gate.h"
#include "slimse_ring.h"

uint32_t slimse_conv1d_s16(const slimse_conv1d_s16_t *layer, const slimse_gate_t *rows, const int16_t *input,
                           const int16_t *ring, uint16_t next, int16_t *output)
{
    const int16_t *frames[SLIMSE_MAX_TAPS];
    const uint32_t row_size = (uint32_t)layer->taps * layer->columns;
    const uint32_t row_count = slimse_gate_begin_s16(rows, layer->rows, output);

    slimse_ring_taps_s16(frames, layer->taps, layer->dilation, layer->columns, input, ring, next);
    for (uint32_t first = 0; first < row_count; first += SLIMSE_DOT_ROWS) {
        const uint32_t left = row_count - first;
        const uint32_t count = left < SLIMSE_DOT_ROWS ? left : SLIMSE_DOT_ROWS;
        const int8_t *weights[SLIMSE_DOT_ROWS];
        uint32_t taken[SLIMSE_DOT_ROWS];
        int64_t sums[SLIMSE_DOT_ROWS];

        for (uint32_t i = 0; i < count; i++) {
            taken[i] = slimse_gate_element(rows, first + i);
            weights[i] = &layer->linear.weights[taken[i] * row_size];
            sums[i] = layer->linear.bias[taken[i]];
        }
        for (uint32_t tap = 0; tap < layer->taps; tap++) {
            slimse_dot_rows_s16(sums, weights, count, frames[tap], NULL, layer->columns);
            for (uint32_t i = 0; i < count; i++) {
                weights[i] += layer->columns;
            }
        }
        for (uint32_t i = 0; i < count; i++) {
            output[taken[i]] = slimse_linear_output_s16(&layer->linear, taken[i], sums[i]);
        }
    }
    return row_count * row_size;
}
