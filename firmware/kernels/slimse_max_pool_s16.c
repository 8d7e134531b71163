#include "slimse_max_pool_s16.h"
#include "slimse_window.h"

void slimse_max_pool_s16(const slimse_max_pool_s16_t *layer, const int16_t *input, int16_t *output)
{
    const uint32_t channels = layer->channels;

    for (uint32_t position = 0; position < layer->positions; position++) {
        const slimse_window_t window =
            slimse_window_at(position, layer->stride, layer->left, 1U, layer->kernel, layer->inputs);
        const int16_t *values = &input[window.position * channels];

        for (uint32_t channel = 0; channel < channels; channel++) {
            const int16_t *value = &values[channel];
            int16_t greatest = INT16_MIN;

            for (uint32_t i = 0; i < window.count; i++) {
                greatest = *value > greatest ? *value : greatest;
                value += channels;
            }
            *output = greatest;
            output++;
        }
    }
}
