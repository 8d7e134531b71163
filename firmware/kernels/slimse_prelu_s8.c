#include "slimse_prelu_s8.h"
#include "slimse_arithmetic.h"
#include "slimse_gate.h"

void slimse_prelu_s8(const slimse_prelu_s8_t *layer, const slimse_gate_t *channels, const int8_t *input,
                     int8_t *output)
{
    const uint32_t count = slimse_gate_begin(channels, layer->size, layer->output_offset, output);

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t element = slimse_gate_element(channels, i);
        const int32_t value = input[element] + layer->input_offset;
        const int32_t slope = layer->slopes[element] + layer->slope_offset;
        const int32_t product = value >= 0 ? value : value * slope;
        const int32_t multiplier = value >= 0 ? layer->positive_multiplier : layer->negative_multiplier;
        const int shift = value >= 0 ? layer->positive_shift : layer->negative_shift;
        output[element] =
            slimse_requantize_s8(product, multiplier, shift, layer->output_offset, INT8_MIN, INT8_MAX);
    }
}
