#include "slimse_resize_s8.h"

#include <string.h>

void slimse_resize_s8(const slimse_resize_s8_t *layer, const int8_t *input, int8_t *output)
{
    const uint32_t channels = layer->channels;
    const int32_t end = (int32_t)layer->inputs * layer->repeat;

    for (int32_t position = 0; position < layer->positions; position++) {
        const int32_t read = position - layer->before;

        if (read >= 0 && read < end) {
            memcpy(output, &input[(uint32_t)read / layer->repeat * channels], channels);
        } else {
            memset(output, layer->output_offset, channels);
        }
        output += channels;
    }
}
