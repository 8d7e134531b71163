#include "slimse_gate_channels_s16.h"
#include "slimse_gate.h"

void slimse_gate_channels_s16(const slimse_gate_channels_s16_t *layer, const slimse_gate_t *channels,
                              const int16_t *input, int16_t *output)
{
    const uint32_t count = slimse_gate_begin_s16(channels, layer->size, output);

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t channel = channels->open[i];
        output[channel] = input[channel];
    }
}
