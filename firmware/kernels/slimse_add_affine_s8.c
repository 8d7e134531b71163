#include "slimse_add_affine_s8.h"
#include "slimse_arithmetic.h"
#include "slimse_gate.h"

void slimse_add_affine_s8(const slimse_add_affine_s8_t *layer, const slimse_gate_t *channels, const int8_t *input0,
                          const int8_t *input1, int8_t *output)
{
    /* A copy stays in registers; through the pointer, every byte written could change it. */
    const slimse_add_affine_s8_t l = *layer;
    const uint32_t count = slimse_gate_begin(channels, l.size, l.output_offset, output);

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t element = slimse_gate_element(channels, i);
        const int32_t sum = input0[element] * l.a + input1[element] * l.b + l.c;
        /* gcc and clang shift negative numbers arithmetically. */
        output[element] = (int8_t)slimse_clamp(sum >> l.shift, l.output_min, l.output_max);
    }
}
