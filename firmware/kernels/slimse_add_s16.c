#include "slimse_add_s16.h"
#include "slimse_arithmetic.h"
#include "slimse_gate.h"

/* Both inputs are brought to a common scale this many bits finer. */
enum { LEFT_FACTOR = 1 << 15 };

void slimse_add_s16(const slimse_add_s16_t *layer, const slimse_gate_t *channels, const int16_t *input0,
                    const int16_t *input1, int16_t *output)
{
    /* A copy stays in registers. */
    const slimse_add_s16_t l = *layer;
    const uint32_t count = slimse_gate_begin_s16(channels, l.size, output);

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t element = slimse_gate_element(channels, i);
        const int32_t sum = slimse_requantize(input0[element] * LEFT_FACTOR, l.input0_multiplier, l.input0_shift) +
                            slimse_requantize(input1[element] * LEFT_FACTOR, l.input1_multiplier, l.input1_shift);
        output[element] =
            slimse_requantize_s16(sum, l.output_multiplier, l.output_shift, l.output_min, l.output_max);
    }
}
