#include "slimse_lookup_s16.h"
#include "slimse_gate.h"

void slimse_lookup_s16(const slimse_lookup_s16_t *layer, const slimse_gate_t *channels, const int16_t *input,
                       int16_t *output)
{
    const uint32_t count = slimse_gate_begin_s16(channels, layer->size, output);

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t element = slimse_gate_element(channels, i);
        const int32_t place = input[element] - INT16_MIN;
        const int16_t *const low = &layer->table[place >> 7];
        /* gcc and clang shift negative numbers arithmetically. */
        output[element] = (int16_t)(low[0] + (((low[1] - low[0]) * (place & 127) + 64) >> 7));
    }
}
