#include "slimse_zero_s8.h"
#include "slimse_channels.h"

void slimse_zero_s8(const slimse_zero_s8_t *layer, int8_t *output)
{
    for (uint32_t position = 0; position < layer->positions; position++) {
        slimse_fill_s8(output, layer->output_offset, layer->channels);
        output += layer->output_pitch;
    }
}
