#include "slimse_depthwise_three_s8.h"
#include "slimse_channels.h"
#include "slimse_ring.h"
#include "slimse_three_taps.h"

enum { TAPS = 3 };

uint32_t slimse_depthwise_three_s8(const slimse_depthwise_three_s8_t *layer, const slimse_gate_t *rows,
                                   const int8_t *input, const int8_t *ring, uint16_t next, int8_t *output)
{
    const uint32_t channels = layer->channels;
    const uint32_t open = rows != NULL ? rows->open_count : channels;
    const int8_t *frames[TAPS];

    slimse_ring_taps(frames, TAPS, layer->dilation, channels, input, ring, next);
    if (open < layer->all_from) {
        slimse_fill_s8(output, layer->rescale.output_offset, channels);
        if (open > 0U) {
            slimse_three_taps_listed_s8(&layer->rescale, frames, layer->weights, channels, layer->bias_and_shift,
                                        rows->open, open, output);
        }
    } else {
        slimse_three_taps_s8(&layer->rescale, frames, layer->weights, channels, layer->bias_and_shift, channels,
                             output);
        if (open < channels) {
            slimse_close_s8(rows, channels, layer->rescale.output_offset, output);
        }
    }
    return TAPS * open;
}
