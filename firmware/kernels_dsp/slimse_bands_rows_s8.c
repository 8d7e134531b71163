#include "slimse_bands_rows_s8.h"
#include "slimse_rows.h"
#include "slimse_rows_end.h"

/* weights * values over count values, pitch elements apart. */
static inline int32_t dot(const int8_t *weights, const int8_t *values, uint32_t pitch, uint32_t count)
{
    int32_t sum = 0;

    for (; count > 0U; count--) {
        sum += *weights++ * *values;
        values += pitch;
    }
    return sum;
}

uint32_t slimse_bands_rows_s8(const slimse_bands_rows_s8_t *layer, const int8_t *input, int8_t *output)
{
    const slimse_bands_rows_s8_t l = *layer;
    const uint32_t channels = l.channels;
    const int8_t *weights = l.weights;
    int8_t *next = output;

    for (uint32_t row = 0; row < l.rows; row++) {
        const uint32_t count = l.count[row];
        const int8_t *values = &input[l.first[row] * channels];
        const int32_t start = l.constants[2U * row];
        const int32_t multiplier = l.constants[2U * row + 1U];

        for (uint32_t channel = 0; channel < channels; channel++) {
            const int32_t sum = dot(weights, values++, channels, count) * 256;
            *next++ = (int8_t)slimse_rows_output(start + sum, multiplier, l.output_offset);
        }
        weights += count;
    }
    slimse_rows_limit(output, l.rows * channels, l.output_min, l.output_max);
    return (uint32_t)(weights - l.weights) * channels;
}
