#include "slimse_gate_channels_s8.h"
#include "slimse_channels.h"

void slimse_gate_channels_s8(const slimse_gate_channels_s8_t *layer, const slimse_gate_t *channels,
                             const int8_t *input, int8_t *output)
{
    slimse_copy_s8(output, input, layer->size);
    slimse_close_s8(channels, layer->size, layer->output_offset, output);
}
