#include "slimse_depthwise_conv2d_s16.h"
#include "slimse_ring.h"
#include "slimse_window.h"

/* The sum of one row at one position; first is the element that the first tap reads of each frame. */
static int64_t row_sum(const slimse_depthwise_conv2d_s16_t *layer, const int16_t *const *frames,
                       const slimse_window_t *window, uint32_t row, uint32_t first)
{
    const uint32_t step = (uint32_t)layer->spacing * layer->channels;
    int64_t sum = layer->linear.bias[row];

    for (uint32_t tap = 0; tap < layer->taps; tap++) {
        const int16_t *value = &frames[tap][first];
        const int8_t *weight = &layer->linear.weights[(tap * layer->kernel + window->tap) * layer->rows + row];

        for (uint32_t i = 0; i < window->count; i++) {
            sum += *weight * *value;
            value += step;
            weight += layer->rows;
        }
    }
    return sum;
}

uint32_t slimse_depthwise_conv2d_s16(const slimse_depthwise_conv2d_s16_t *layer, const int16_t *input,
                                     const int16_t *ring, uint16_t next, int16_t *output)
{
    const int16_t *frames[SLIMSE_MAX_TAPS];
    uint32_t taps = 0;

    slimse_ring_taps_s16(frames, layer->taps, layer->dilation, (uint32_t)layer->inputs * layer->channels, input,
                         ring, next);
    for (uint32_t position = 0; position < layer->positions; position++) {
        const slimse_window_t window =
            slimse_window_at(position, layer->stride, layer->left, layer->spacing, layer->kernel, layer->inputs);
        uint32_t first = window.position * layer->channels + layer->first_row / layer->multiplier_depth;
        uint32_t shared = layer->first_row % layer->multiplier_depth;

        for (uint32_t row = 0; row < layer->rows; row++) {
            output[row] = slimse_linear_output_s16(&layer->linear, row, row_sum(layer, frames, &window, row, first));
            shared++;
            if (shared == layer->multiplier_depth) {
                shared = 0;
                first++;
            }
        }
        taps += window.count;
        output += layer->output_pitch;
    }
    return taps * layer->taps * layer->rows;
}
