#include "slimse_average_pool_s16.h"
#include "slimse_window.h"

/* sum / count to nearest, ties away from zero. */
static int16_t mean(int32_t sum, int32_t count)
{
    return (int16_t)((sum < 0 ? sum - count / 2 : sum + count / 2) / count);
}

void slimse_average_pool_s16(const slimse_average_pool_s16_t *layer, const int16_t *input, int16_t *output)
{
    const uint32_t channels = layer->channels;

    for (uint32_t position = 0; position < layer->positions; position++) {
        const slimse_window_t window =
            slimse_window_at(position, layer->stride, layer->left, 1U, layer->kernel, layer->inputs);
        const int16_t *values = &input[window.position * channels];

        for (uint32_t channel = 0; channel < channels; channel++) {
            const int16_t *value = &values[channel];
            int32_t sum = 0;

            for (uint32_t i = 0; i < window.count; i++) {
                sum += *value;
                value += channels;
            }
            *output = mean(sum, (int32_t)window.count);
            output++;
        }
    }
}
