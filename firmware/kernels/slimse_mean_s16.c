#include "slimse_mean_s16.h"
#include "slimse_arithmetic.h"

void slimse_mean_s16(const slimse_mean_s16_t *layer, const int16_t *input, int16_t *restrict output)
{
    const uint32_t channels = layer->channels;

    for (uint32_t channel = 0; channel < channels; channel++) {
        const int16_t *value = &input[channel];
        /* Up to 65535 values: the sum fits. */
        int32_t sum = 0;

        for (uint32_t position = 0; position < layer->positions; position++) {
            sum += *value;
            value += channels;
        }
        output[channel] = slimse_requantize_s16(sum, layer->multiplier, layer->shift, INT16_MIN, INT16_MAX);
    }
}
