#include "slimse_multiply_s8.h"
#include "slimse_arithmetic.h"
#include "slimse_gate.h"

void slimse_multiply_s8(const slimse_multiply_s8_t *layer, const slimse_gate_t *channels, const int8_t *input0,
                        const int8_t *input1, int8_t *output)
{
    const uint32_t count = slimse_gate_begin(channels, layer->size, layer->output_offset, output);

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t element = slimse_gate_element(channels, i);
        const int32_t product =
            (input0[element] + layer->input0_offset) * (input1[element] + layer->input1_offset);
        output[element] = slimse_requantize_s8(product, layer->output_multiplier, layer->output_shift,
                                               layer->output_offset, layer->output_min, layer->output_max);
    }
}
