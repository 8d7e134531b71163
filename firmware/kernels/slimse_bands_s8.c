#include "slimse_bands_s8.h"
#include "slimse_arithmetic.h"

/* weights * (values + offset) over count values, pitch elements apart. */
static int32_t dot(const int8_t *weights, const int8_t *values, uint32_t pitch, int32_t offset, uint32_t count)
{
    int32_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        sum += weights[i] * (*values + offset);
        values += pitch;
    }
    return sum;
}

uint32_t slimse_bands_s8(const slimse_bands_s8_t *layer, const int8_t *input, int8_t *output)
{
    const uint32_t channels = layer->channels;
    const int8_t *weights = layer->weights;
    uint32_t macs = 0;

    for (uint32_t row = 0; row < layer->rows; row++) {
        const uint32_t count = layer->count[row];
        const int8_t *values = &input[layer->first[row] * channels];

        for (uint32_t channel = 0; channel < channels; channel++) {
            const int32_t sum = dot(weights, &values[channel], channels, layer->input_offset, count);

            *output = slimse_requantize_s8(sum, layer->multiplier[row], layer->shift[row], layer->output_offset,
                                           layer->output_min, layer->output_max);
            output++;
        }
        weights += count;
        macs += count * channels;
    }
    return macs;
}
