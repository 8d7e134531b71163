#include "slimse_mean_s8.h"
#include "slimse_arithmetic.h"

void slimse_mean_s8(const slimse_mean_s8_t *layer, const int8_t *input, int8_t *restrict output)
{
    const uint32_t channels = layer->channels;

    for (uint32_t channel = 0; channel < channels; channel++) {
        const int8_t *value = &input[channel];
        int32_t sum = layer->sum_offset;

        for (uint32_t position = 0; position < layer->positions; position++) {
            sum += *value;
            value += channels;
        }
        output[channel] = slimse_requantize_s8(sum, layer->multiplier, layer->shift, layer->output_offset, INT8_MIN,
                                               INT8_MAX);
    }
}
