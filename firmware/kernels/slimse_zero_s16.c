#include "slimse_zero_s16.h"

#include <string.h>

void slimse_zero_s16(const slimse_zero_s16_t *layer, int16_t *output)
{
    for (uint32_t position = 0; position < layer->positions; position++) {
        memset(output, 0, layer->channels * sizeof *output);
        output += layer->output_pitch;
    }
}
