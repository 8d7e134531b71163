#include "slimse_conv1d_s8.h"
#include "slimse_dot.h"
#include "slimse_gate.h"
#include "slimse_ring.h"

uint32_t slimse_conv1d_s8(const slimse_conv1d_s8_t *layer, const slimse_gate_t *rows, const int8_t *input,
                          const int8_t *ring, uint16_t next, int8_t *output)
{
    const int8_t *frames[SLIMSE_MAX_TAPS];
    const uint32_t row_count = slimse_gate_begin(rows, layer->rows, layer->linear.output_offset, output);

    slimse_ring_taps(frames, layer->taps, layer->dilation, layer->columns, input, ring, next);
    for (uint32_t i = 0; i < row_count; i++) {
        const uint32_t row = slimse_gate_element(rows, i);
        const int8_t *weights = &layer->linear.weights[row * layer->taps * layer->columns];
        int32_t sum = layer->linear.bias[row];
        for (uint32_t tap = 0; tap < layer->taps; tap++) {
            sum = slimse_dot_s8(sum, weights, frames[tap], layer->linear.input_offset, NULL, layer->columns);
            weights += layer->columns;
        }
        output[row] = slimse_linear_output(&layer->linear, row, sum);
    }
    return row_count * layer->taps * layer->columns;
}
