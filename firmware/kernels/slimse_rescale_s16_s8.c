#include "slimse_rescale_s16_s8.h"
#include "slimse_arithmetic.h"

void slimse_rescale_s16_s8(const slimse_rescale_s16_s8_t *layer, const int16_t *input, int8_t *restrict output)
{
    for (uint32_t position = 0; position < layer->positions; position++) {
        for (uint32_t i = 0; i < layer->channels; i++) {
            output[i] = slimse_requantize_s8(input[i], layer->multiplier, layer->shift,
                                             layer->output_offset, INT8_MIN, INT8_MAX);
        }
        input += layer->input_pitch;
        output += layer->output_pitch;
    }
}
