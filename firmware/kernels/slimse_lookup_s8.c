#include "slimse.h"

#include <string.h>

void slimse_lookup_s8(const slimse_lookup_s8_t *layer, const slimse_gate_t *channels, const int8_t *input,
                      int8_t *output)
{
    const uint32_t count = channels != NULL ? channels->open_count : layer->size;

    if (channels != NULL) {
        memset(output, layer->output_offset, layer->size);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t element = channels != NULL ? channels->open[i] : i;
        output[element] = layer->table[input[element] + 128];
    }
}
