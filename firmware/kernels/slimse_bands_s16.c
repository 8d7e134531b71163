#include "slimse_bands_s16.h"
#include "slimse_arithmetic.h"

/* weights * values over count values, pitch elements apart. */
static int64_t dot(const int8_t *weights, const int16_t *values, uint32_t pitch, uint32_t count)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        sum += weights[i] * *values;
        values += pitch;
    }
    return sum;
}

uint32_t slimse_bands_s16(const slimse_bands_s16_t *layer, const int16_t *input, int16_t *output)
{
    const uint32_t channels = layer->channels;
    const int8_t *weights = layer->weights;
    uint32_t macs = 0;

    for (uint32_t row = 0; row < layer->rows; row++) {
        const uint32_t count = layer->count[row];
        const int16_t *values = &input[layer->first[row] * channels];

        for (uint32_t channel = 0; channel < channels; channel++) {
            const int64_t sum = dot(weights, &values[channel], channels, count);

            *output = slimse_requantize_sum_s16(sum, layer->multiplier[row], layer->shift[row], layer->output_min,
                                                layer->output_max);
            output++;
        }
        weights += count;
        macs += count * channels;
    }
    return macs;
}
