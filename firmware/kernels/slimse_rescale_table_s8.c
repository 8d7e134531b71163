#include "slimse_rescale_table_s8.h"

void slimse_rescale_table_s8(const slimse_rescale_table_s8_t *layer, const int8_t *input, int8_t *restrict output)
{
    const int8_t *const table = layer->table;
    const uint32_t channels = layer->channels;

    for (uint32_t position = 0; position < layer->positions; position++) {
        uint32_t i = 0;

        for (; i + 4U <= channels; i += 4U) {
            const int8_t first = table[(uint8_t)input[i]];
            const int8_t second = table[(uint8_t)input[i + 1U]];
            const int8_t third = table[(uint8_t)input[i + 2U]];
            const int8_t fourth = table[(uint8_t)input[i + 3U]];
            output[i] = first;
            output[i + 1U] = second;
            output[i + 2U] = third;
            output[i + 3U] = fourth;
        }
        for (; i < channels; i++) {
            output[i] = table[(uint8_t)input[i]];
        }
        input += layer->input_pitch;
        output += layer->output_pitch;
    }
}
