#include "slimse_multiply_s16.h"
#include "slimse_arithmetic.h"
#include "slimse_gate.h"

void slimse_multiply_s16(const slimse_multiply_s16_t *layer, const slimse_gate_t *channels, const int16_t *input0,
                         const int16_t *input1, int16_t *output)
{
    const uint32_t count = slimse_gate_begin_s16(channels, layer->size, output);

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t element = slimse_gate_element(channels, i);
        output[element] =
            slimse_requantize_s16(input0[element] * input1[element], layer->output_multiplier, layer->output_shift,
                                  layer->output_min, layer->output_max);
    }
}
