#include "slimse_add_s8.h"
#include "slimse_arithmetic.h"
#include "slimse_gate.h"

/* Both inputs are brought to a common scale this many bits finer. */
enum { LEFT_FACTOR = 1 << 20 };

void slimse_add_s8(const slimse_add_s8_t *layer, const slimse_gate_t *channels, const int8_t *input0,
                   const int8_t *input1, int8_t *output)
{
    /* A copy stays in registers; through the pointer, every byte written could change it. */
    const slimse_add_s8_t l = *layer;
    const uint32_t count = slimse_gate_begin(channels, l.size, l.output_offset, output);

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t element = slimse_gate_element(channels, i);
        const int32_t first = (input0[element] + l.input0_offset) * LEFT_FACTOR;
        const int32_t second = (input1[element] + l.input1_offset) * LEFT_FACTOR;
        const int32_t sum = slimse_requantize(first, l.input0_multiplier, l.input0_shift) +
                            slimse_requantize(second, l.input1_multiplier, l.input1_shift);
        output[element] = slimse_requantize_s8(sum, l.output_multiplier, l.output_shift, l.output_offset,
                                               l.output_min, l.output_max);
    }
}
