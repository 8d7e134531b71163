#include "slimse_gate_channels_s8.h"

#include <string.h>

void slimse_gate_channels_s8(const slimse_gate_channels_s8_t *layer, const slimse_gate_t *channels,
                             const int8_t *input, int8_t *output)
{
    memset(output, layer->output_offset, layer->size);
    for (uint32_t i = 0; i < channels->open_count; i++) {
        const uint32_t channel = channels->open[i];
        output[channel] = input[channel];
    }
}
