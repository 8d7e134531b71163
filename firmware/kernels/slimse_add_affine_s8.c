#include "slimse_add_affine_s8.h"
#include "slimse_gate.h"
#include "slimse_rows_end.h"
#include "slimse_saturate_s8.h"

static inline int8_t sum(const slimse_add_affine_s8_t *l, int32_t first, int32_t second)
{
    return (int8_t)slimse_saturate_s8((l->c + first * l->a + second * l->b) >> l->shift);
}

static void all(const slimse_add_affine_s8_t *layer, const int8_t *input0, const int8_t *input1, int8_t *output)
{
    /* A copy stays in registers; through the pointer, every byte written could change it. */
    const slimse_add_affine_s8_t l = *layer;
    int8_t *const end = output + l.size;
    int8_t *const whole_end = output + (l.size & ~3U);

    while (output < whole_end) {
        const int8_t sum0 = sum(&l, input0[0], input1[0]);
        const int8_t sum1 = sum(&l, input0[1], input1[1]);
        const int8_t sum2 = sum(&l, input0[2], input1[2]);
        const int8_t sum3 = sum(&l, input0[3], input1[3]);
        output[0] = sum0;
        output[1] = sum1;
        output[2] = sum2;
        output[3] = sum3;
        input0 += 4;
        input1 += 4;
        output += 4;
    }
    while (output < end) {
        *output++ = sum(&l, *input0++, *input1++);
    }
}

static void listed(const slimse_add_affine_s8_t *layer, const slimse_gate_t *gate, const int8_t *input0,
                   const int8_t *input1, int8_t *output)
{
    const slimse_add_affine_s8_t l = *layer;

    slimse_gate_begin(gate, l.size, l.output_offset, output);
    for (uint32_t i = 0; i < gate->open_count; i++) {
        const uint32_t element = gate->open[i];
        output[element] = sum(&l, input0[element], input1[element]);
    }
}

void slimse_add_affine_s8(const slimse_add_affine_s8_t *layer, const slimse_gate_t *channels, const int8_t *input0,
                          const int8_t *input1, int8_t *output)
{
    if (channels == NULL) {
        all(layer, input0, input1, output);
    } else {
        listed(layer, channels, input0, input1, output);
    }
    slimse_rows_limit(output, layer->size, layer->output_min, layer->output_max);
    slimse_rows_close(output, layer->size, channels, 0, layer->output_offset, layer->output_min, layer->output_max);
}
