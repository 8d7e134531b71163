#include "slimse_rescale_table_s8.h"
#include "slimse_table.h"

void slimse_rescale_table_s8(const slimse_rescale_table_s8_t *layer, const int8_t *input, int8_t *restrict output)
{
    const uint32_t channels = layer->channels;
    const int8_t *const table = layer->table;

    for (uint32_t left = layer->positions; left > 0U; left--) {
        slimse_look_up_s8(table, 0, input, output, channels);
        input += layer->input_pitch;
        output += layer->output_pitch;
    }
}
