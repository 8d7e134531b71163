#include "slimse_rescale_s8_s16.h"
#include "slimse_arithmetic.h"

void slimse_rescale_s8_s16(const slimse_rescale_s8_s16_t *layer, const int8_t *input, int16_t *restrict output)
{
    for (uint32_t position = 0; position < layer->positions; position++) {
        for (uint32_t i = 0; i < layer->channels; i++) {
            output[i] = slimse_requantize_s16(input[i] + layer->input_offset, layer->multiplier, layer->shift,
                                              INT16_MIN, INT16_MAX);
        }
        input += layer->input_pitch;
        output += layer->output_pitch;
    }
}
