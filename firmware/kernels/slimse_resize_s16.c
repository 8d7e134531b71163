#include "slimse_resize_s16.h"

#include <string.h>

void slimse_resize_s16(const slimse_resize_s16_t *layer, const int16_t *input, int16_t *output)
{
    const uint32_t channels = layer->channels;
    const int32_t end = (int32_t)layer->inputs * layer->repeat;

    for (int32_t position = 0; position < layer->positions; position++) {
        const int32_t read = position - layer->before;

        if (read >= 0 && read < end) {
            memcpy(output, &input[(uint32_t)read / layer->repeat * channels], channels * sizeof *output);
        } else {
            memset(output, 0, channels * sizeof *output);
        }
        output += channels;
    }
}
