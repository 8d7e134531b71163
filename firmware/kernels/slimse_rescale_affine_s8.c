#include "slimse_rescale_affine_s8.h"
#include "slimse_saturate_s8.h"

/* gcc and clang shift negative numbers arithmetically. */
static inline int8_t rescale(int32_t value, int32_t factor, int32_t added, int shift)
{
    return (int8_t)slimse_saturate_s8((value * factor + added) >> shift);
}

void slimse_rescale_affine_s8(const slimse_rescale_affine_s8_t *layer, const int8_t *input, int8_t *restrict output)
{
    const int32_t a = layer->a;
    const int32_t c = layer->c;
    const int shift = layer->shift;
    const uint32_t channels = layer->channels;

    for (uint32_t position = 0; position < layer->positions; position++) {
        uint32_t i = 0;

        for (; i + 4U <= channels; i += 4U) {
            output[i] = rescale(input[i], a, c, shift);
            output[i + 1U] = rescale(input[i + 1U], a, c, shift);
            output[i + 2U] = rescale(input[i + 2U], a, c, shift);
            output[i + 3U] = rescale(input[i + 3U], a, c, shift);
        }
        for (; i < channels; i++) {
            output[i] = rescale(input[i], a, c, shift);
        }
        input += layer->input_pitch;
        output += layer->output_pitch;
    }
}
