#include "slimse_prelu_s16.h"
#include "slimse_arithmetic.h"
#include "slimse_gate.h"

void slimse_prelu_s16(const slimse_prelu_s16_t *layer, const slimse_gate_t *channels, const int16_t *input,
                      int16_t *output)
{
    const uint32_t count = slimse_gate_begin_s16(channels, layer->size, output);

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t element = slimse_gate_element(channels, i);
        const int32_t value = input[element];
        const int32_t slope = layer->slopes[element] + layer->slope_offset;
        const int32_t product = value >= 0 ? value : value * slope;
        const int32_t multiplier = value >= 0 ? layer->positive_multiplier : layer->negative_multiplier;
        const int shift = value >= 0 ? layer->positive_shift : layer->negative_shift;
        output[element] = slimse_requantize_s16(product, multiplier, shift, INT16_MIN, INT16_MAX);
    }
}
