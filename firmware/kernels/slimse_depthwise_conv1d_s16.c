#include "slimse_depthwise_conv1d_s16.h"
#include "slimse_gate.h"
#include "slimse_ring.h"

uint32_t slimse_depthwise_conv1d_s16(const slimse_depthwise_conv1d_s16_t *layer, const slimse_gate_t *rows,
                                     const int16_t *input, const int16_t *ring, uint16_t next, int16_t *output)
{
    const int16_t *frames[SLIMSE_MAX_TAPS];
    const uint32_t outputs = (uint32_t)layer->channels * layer->multiplier_depth;
    const uint32_t row_count = slimse_gate_begin_s16(rows, outputs, output);

    slimse_ring_taps_s16(frames, layer->taps, layer->dilation, layer->channels, input, ring, next);
    for (uint32_t i = 0; i < row_count; i++) {
        const uint32_t row = slimse_gate_element(rows, i);
        const uint32_t channel = layer->multiplier_depth == 1U ? row : row / layer->multiplier_depth;
        const int8_t *weight = &layer->linear.weights[row];
        /* At most 32 taps: far from the end of int32. */
        int32_t sum = 0;
        for (uint32_t tap = 0; tap < layer->taps; tap++) {
            sum += *weight * frames[tap][channel];
            weight += outputs;
        }
        output[row] = slimse_linear_output_s16(&layer->linear, row, (int64_t)sum + layer->linear.bias[row]);
    }
    return row_count * layer->taps;
}
