#include "slimse_lookup_s8.h"
#include "slimse_gate.h"

void slimse_lookup_s8(const slimse_lookup_s8_t *layer, const slimse_gate_t *channels, const int8_t *input,
                      int8_t *output)
{
    const uint32_t count = slimse_gate_begin(channels, layer->size, layer->output_offset, output);

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t element = slimse_gate_element(channels, i);
        output[element] = layer->table[input[element] + 128];
    }
}
